//===- QccBench.h - Kernels for a timing program ------------------*- C -*-===//
//
// libqcc_bench.so lets a program that also runs other libraries' kernels (bench/driver) launch qcc's on the same stream
// of the same process, device 0's primary context, and time both with the same events.
//
// Functions returning int give 0 on success, those returning a pointer give it, or null; qccBenchError() then says why.
// A stream is a CUstream; null is the default stream. Not thread safe.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_TIMING_QCCBENCH_H
#define QCC_BENCH_TIMING_QCCBENCH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define QCC_BENCH_EXPORT __attribute__((visibility("default")))

typedef struct QccBenchDevice QccBenchDevice;
typedef struct QccBenchProblem QccBenchProblem;

/** Why the last function failed; empty if it did not. Valid until the next call. */
QCC_BENCH_EXPORT const char *qccBenchError(void);

/** Opens `library` (null: QCC_LIBCUDA, else libcuda.so.1). `target`: 80, 89, 90, or 0 for the device's own. */
QCC_BENCH_EXPORT QccBenchDevice *qccBenchOpen(const char *library, int target);
/** JSON: name, capability, target, multiprocessors, l2_bytes, driver (as 13000), nvrtc, simulator (true or false). */
QCC_BENCH_EXPORT const char *qccBenchDescribe(QccBenchDevice *device);

/** Symbols and configurations of the kernels that `spec` (Spec.h) launches; makes nothing. Valid until the next call.
 */
QCC_BENCH_EXPORT const char *qccBenchKernels(QccBenchDevice *device, const char *spec);
/** Compiles the kernels of `specs`, one a line, into the kernel cache, as many at a time as there are processors. A
 * specification that has no kernels is passed over: qccBenchCreate says why. */
QCC_BENCH_EXPORT int qccBenchCompile(QccBenchDevice *device, const char *specs);

/** `spec` as in Spec.h. Copies of what a step reads from memory exceed `rotateBytes` together; there are 2 to 64. */
QCC_BENCH_EXPORT QccBenchProblem *qccBenchCreate(QccBenchDevice *device, const char *spec, size_t rotateBytes);
QCC_BENCH_EXPORT void qccBenchDestroy(QccBenchProblem *problem);
/** JSON: bytes, flops, copies, kernels. */
QCC_BENCH_EXPORT const char *qccBenchProblemDescribe(QccBenchProblem *problem);
/** Runs copy 0 and compares samples with double precision. */
QCC_BENCH_EXPORT int qccBenchVerify(QccBenchProblem *problem);
/** Enqueues the problem's kernels. */
QCC_BENCH_EXPORT int qccBenchLaunch(QccBenchProblem *problem, int copy, void *stream);

QCC_BENCH_EXPORT int qccBenchSynchronize(QccBenchDevice *device);
QCC_BENCH_EXPORT void *qccBenchEventCreate(QccBenchDevice *device);
QCC_BENCH_EXPORT int qccBenchEventRecord(QccBenchDevice *device, void *event, void *stream);
/** Waits for `end`. */
QCC_BENCH_EXPORT int qccBenchElapsed(QccBenchDevice *device, void *start, void *end, float *milliseconds);

/** For programs without a library that has streams and graphs of its own. */
QCC_BENCH_EXPORT void *qccBenchStreamCreate(QccBenchDevice *device);
QCC_BENCH_EXPORT int qccBenchCaptureBegin(QccBenchDevice *device, void *stream);
/** An executable graph of what was enqueued since. */
QCC_BENCH_EXPORT void *qccBenchCaptureEnd(QccBenchDevice *device, void *stream);
QCC_BENCH_EXPORT int qccBenchGraphLaunch(QccBenchDevice *device, void *graph, void *stream);
QCC_BENCH_EXPORT int qccBenchGraphDestroy(QccBenchDevice *device, void *graph);

/** A copy of `bytes` bytes within the device's memory, for its ceiling; the two buffers are kept and filled with random
 * words. */
QCC_BENCH_EXPORT int qccBenchCopy(QccBenchDevice *device, size_t bytes, void *stream);

#ifdef __cplusplus
}
#endif

#endif
