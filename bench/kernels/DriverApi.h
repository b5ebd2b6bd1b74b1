//===- DriverApi.h - The functions of libcuda that are used -------*- C++ -*-===//
//
// Declarations after cuda.h (CUDA 13), so that building needs no CUDA toolkit.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_DRIVERAPI_H
#define QCC_BENCH_KERNELS_DRIVERAPI_H

#include "Device.h"

namespace qcc::bench {

struct DriverApi {
  int (*init)(unsigned);
  int (*getErrorName)(int, const char **);
  int (*deviceGet)(int *, int);
  int (*deviceGetName)(char *, int, int);
  int (*deviceGetAttribute)(int *, int attribute, int device);
  int (*primaryContextRetain)(void **, int device);
  int (*contextSetCurrent)(void *);
  int (*contextSynchronize)();
  int (*moduleLoadData)(void **, const void *);
  int (*moduleGetFunction)(void **, void *module, const char *);
  int (*functionSetAttribute)(void *, int attribute, int value);
  int (*launchKernel)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned sharedBytes,
                      void *stream, void **arguments, void **extra);
  int (*memAlloc)(DevicePointer *, size_t);
  int (*memFree)(DevicePointer);
  int (*memcpyHtoD)(DevicePointer, const void *, size_t);
  int (*memcpyDtoH)(void *, DevicePointer, size_t);
  int (*eventCreate)(void **, unsigned flags);
  int (*eventRecord)(void *, void *stream);
  int (*eventSynchronize)(void *);
  int (*eventElapsedTime)(float *milliseconds, void *start, void *end);
  int (*eventDestroy)(void *);
  int (*memcpyDtoDAsync)(DevicePointer, DevicePointer, size_t, void *stream);
  int (*streamCreate)(void **, unsigned flags);
  int (*streamBeginCapture)(void *stream, int mode);
  int (*streamEndCapture)(void *stream, void **graph);
  int (*graphInstantiate)(void **executable, void *graph, unsigned long long flags);
  int (*graphLaunch)(void *executable, void *stream);
  int (*graphExecDestroy)(void *);
  int (*graphDestroy)(void *);
  int (*driverGetVersion)(int *);
  const char *(*simulatorError)(); ///< the simulator's explanation, null with a real driver

  /// Success for code 0, else an error "call: CUDA_ERROR_…".
  Status check(const char *call, int code) const;
};

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_DRIVERAPI_H
