//===- CudaDriver.h - libcuda, opened at run time -----------------*- C++ -*-===//
//
// The runtime is built without CUDA's headers: the few functions it uses are declared here with the driver's documented
// C ABI (CUDA Driver API reference; all are unchanged since CUDA 4). Handles are opaque pointers, a device is an int, a
// device pointer 64 bits.
//
//===----------------------------------------------------------------------===//
#ifndef QCCRT_SRC_CUDADRIVER_H
#define QCCRT_SRC_CUDADRIVER_H

#include "Failure.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace qccrt::cuda {

using Result = int; ///< CUresult
using Device = int;
using Pointer = unsigned long long; ///< CUdeviceptr
using Context = struct ContextHandle *;
using Module = struct ModuleHandle *;
using Function = struct FunctionHandle *;
using Stream = struct StreamHandle *;
using Event = struct EventHandle *;

// CUresult values the runtime tells apart.
inline constexpr Result kSuccess = 0, kOutOfMemory = 2, kStubLibrary = 34, kNoDevice = 100, kInvalidImage = 200,
                        kNoBinaryForGpu = 209, kInvalidPtx = 218, kNoJitCompiler = 221, kUnsupportedPtxVersion = 222;
// CUdevice_attribute, CUfunction_attribute, CUjit_option.
inline constexpr int kAttrMajor = 75, kAttrMinor = 76, kAttrSharedOptin = 97;
inline constexpr int kFuncStaticShared = 1, kFuncMaxThreads = 0, kFuncMaxDynamicShared = 8;
inline constexpr int kJitErrorLog = 5, kJitErrorLogBytes = 6;

// name, C symbol, parameters
#define QCCRT_CUDA_FUNCTIONS(X)                                                                                        \
  X(init, "cuInit", (unsigned flags))                                                                                  \
  X(driverGetVersion, "cuDriverGetVersion", (int *version))                                                            \
  X(getErrorName, "cuGetErrorName", (Result error, const char **name))                                                 \
  X(getErrorString, "cuGetErrorString", (Result error, const char **text))                                             \
  X(deviceGetCount, "cuDeviceGetCount", (int *count))                                                                  \
  X(deviceGet, "cuDeviceGet", (Device * device, int ordinal))                                                          \
  X(deviceGetName, "cuDeviceGetName", (char *name, int length, Device device))                                         \
  X(deviceGetAttribute, "cuDeviceGetAttribute", (int *value, int attribute, Device device))                            \
  X(primaryRetain, "cuDevicePrimaryCtxRetain", (Context * context, Device device))                                     \
  X(primaryRelease, "cuDevicePrimaryCtxRelease_v2", (Device device))                                                   \
  X(pushCurrent, "cuCtxPushCurrent_v2", (Context context))                                                             \
  X(popCurrent, "cuCtxPopCurrent_v2", (Context * context))                                                             \
  X(memGetInfo, "cuMemGetInfo_v2", (size_t * free, size_t * total))                                                    \
  X(memAlloc, "cuMemAlloc_v2", (Pointer * address, size_t bytes))                                                      \
  X(memFree, "cuMemFree_v2", (Pointer address))                                                                        \
  X(hostAlloc, "cuMemHostAlloc", (void **address, size_t bytes, unsigned flags))                                       \
  X(hostFree, "cuMemFreeHost", (void *address))                                                                        \
  X(copyToDevice, "cuMemcpyHtoDAsync_v2", (Pointer to, const void *from, size_t bytes, Stream stream))                 \
  X(copyToHost, "cuMemcpyDtoHAsync_v2", (void *to, Pointer from, size_t bytes, Stream stream))                         \
  X(moduleLoad, "cuModuleLoadDataEx",                                                                                  \
    (Module * module, const void *image, unsigned options, int *names, void **values))                                 \
  X(moduleUnload, "cuModuleUnload", (Module module))                                                                   \
  X(moduleGetFunction, "cuModuleGetFunction", (Function * function, Module module, const char *name))                  \
  X(functionGetAttribute, "cuFuncGetAttribute", (int *value, int attribute, Function function))                        \
  X(functionSetAttribute, "cuFuncSetAttribute", (Function function, int attribute, int value))                         \
  X(launch, "cuLaunchKernel",                                                                                          \
    (Function function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,              \
     unsigned blockZ, unsigned sharedBytes, Stream stream, void **arguments, void **extra))                            \
  X(streamCreate, "cuStreamCreate", (Stream * stream, unsigned flags))                                                 \
  X(streamDestroy, "cuStreamDestroy_v2", (Stream stream))                                                              \
  X(streamSynchronize, "cuStreamSynchronize", (Stream stream))                                                         \
  X(eventCreate, "cuEventCreate", (Event * event, unsigned flags))                                                     \
  X(eventDestroy, "cuEventDestroy_v2", (Event event))                                                                  \
  X(eventRecord, "cuEventRecord", (Event event, Stream stream))                                                        \
  X(eventSynchronize, "cuEventSynchronize", (Event event))

/// The driver library, initialised. Thread safe after construction.
class Driver {
public:
  /// `path` may be null: $QCC_LIBCUDA, else libcuda.so.1. Throws Failure NoDriver or NoDevice.
  explicit Driver(const char *path);
  Driver(const Driver &) = delete;
  Driver &operator=(const Driver &) = delete;

  const std::string &path() const { return library; }
  /// "CUDA_ERROR_OUT_OF_MEMORY: out of memory"
  std::string describe(Result result) const;
  /// Throws `status`, or OutOfMemory where the driver says so, unless the call succeeded.
  void check(Result result, const char *what, qccrt_status status = QCCRT_DRIVER) const {
    if (result != kSuccess)
      raise(result, what, status);
  }

#define QCCRT_DECLARE(name, symbol, parameters) Result(*name) parameters = nullptr;
  QCCRT_CUDA_FUNCTIONS(QCCRT_DECLARE)
#undef QCCRT_DECLARE

private:
  [[noreturn]] void raise(Result result, const char *what, qccrt_status status) const;
  std::string library;
};

} // namespace qccrt::cuda

#endif // QCCRT_SRC_CUDADRIVER_H
