//===- EntryPoints.cpp - cuGetProcAddress, names of errors ----------------===//

#include "Driver.h"

#include <cstring>
#include <set>

using namespace qccsim;
using namespace qccsim::driver;

extern "C" CUresult cuCtxCreate_v2(CUcontext *, unsigned, CUdevice);

namespace {

/// A function under its base name, as cuGetProcAddress takes it, from the CUDA version on in which
/// its signature has been this one.
struct EntryPoint {
  const char *name;
  int since;
  void *address;
};

// The macro argument of # is the base name; & takes what cuda.h renames it to.
#define ENTRY(name, since)                                                                                             \
  { #name, since, reinterpret_cast < void *>(&name) }

const EntryPoint entryPoints[] = {
    ENTRY(cuInit, 2000),
    ENTRY(cuDriverGetVersion, 2020),
    ENTRY(cuGetProcAddress, 12000),
    ENTRY(cuGetErrorName, 6000),
    ENTRY(cuGetErrorString, 6000),
    ENTRY(cuDeviceGet, 2000),
    ENTRY(cuDeviceGetCount, 2000),
    ENTRY(cuDeviceGetName, 2000),
    ENTRY(cuDeviceGetUuid, 11040),
    ENTRY(cuDeviceGetAttribute, 2000),
    ENTRY(cuDeviceTotalMem, 3020),
    ENTRY(cuDeviceGetPCIBusId, 4010),
    ENTRY(cuDeviceCanAccessPeer, 4000),
    ENTRY(cuDevicePrimaryCtxRetain, 7000),
    ENTRY(cuDevicePrimaryCtxRelease, 11000),
    ENTRY(cuDevicePrimaryCtxReset, 11000),
    ENTRY(cuDevicePrimaryCtxSetFlags, 11000),
    ENTRY(cuDevicePrimaryCtxGetState, 7000),
    {"cuCtxCreate", 3020, reinterpret_cast<void *>(&cuCtxCreate_v2)},
    ENTRY(cuCtxCreate, 12050),
    ENTRY(cuCtxDestroy, 4000),
    ENTRY(cuCtxPushCurrent, 4000),
    ENTRY(cuCtxPopCurrent, 4000),
    ENTRY(cuCtxSetCurrent, 4000),
    ENTRY(cuCtxGetCurrent, 4000),
    ENTRY(cuCtxGetDevice, 2000),
    ENTRY(cuCtxGetFlags, 7000),
    ENTRY(cuCtxGetApiVersion, 3020),
    ENTRY(cuCtxGetLimit, 3010),
    ENTRY(cuCtxSetLimit, 3010),
    ENTRY(cuCtxGetStreamPriorityRange, 5050),
    ENTRY(cuCtxSynchronize, 2000),
    ENTRY(cuModuleLoadData, 2000),
    ENTRY(cuModuleLoadDataEx, 2010),
    ENTRY(cuModuleLoadFatBinary, 2000),
    ENTRY(cuModuleUnload, 2000),
    ENTRY(cuModuleGetFunction, 2000),
    ENTRY(cuModuleGetFunctionCount, 12040),
    ENTRY(cuModuleGetGlobal, 3020),
    ENTRY(cuModuleGetLoadingMode, 11070),
    ENTRY(cuLibraryLoadData, 12000),
    ENTRY(cuLibraryUnload, 12000),
    ENTRY(cuLibraryGetKernel, 12000),
    ENTRY(cuLibraryGetKernelCount, 12040),
    ENTRY(cuLibraryGetModule, 12000),
    ENTRY(cuLibraryGetGlobal, 12000),
    ENTRY(cuKernelGetFunction, 12000),
    ENTRY(cuKernelGetAttribute, 12000),
    ENTRY(cuKernelSetAttribute, 12000),
    ENTRY(cuFuncGetAttribute, 2020),
    ENTRY(cuFuncSetAttribute, 9000),
    ENTRY(cuFuncSetCacheConfig, 3000),
    ENTRY(cuFuncGetModule, 11000),
    ENTRY(cuFuncGetName, 12030),
    ENTRY(cuFuncGetParamInfo, 12040),
    ENTRY(cuOccupancyMaxActiveBlocksPerMultiprocessor, 6050),
    ENTRY(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, 7000),
    ENTRY(cuMemAlloc, 3020),
    ENTRY(cuMemFree, 3020),
    ENTRY(cuMemAllocAsync, 11020),
    ENTRY(cuMemFreeAsync, 11020),
    ENTRY(cuMemGetInfo, 3020),
    ENTRY(cuMemGetAddressRange, 3020),
    ENTRY(cuMemAllocHost, 3020),
    ENTRY(cuMemHostAlloc, 2020),
    ENTRY(cuMemFreeHost, 2000),
    ENTRY(cuMemHostRegister, 6050),
    ENTRY(cuMemHostUnregister, 4000),
    ENTRY(cuMemHostGetDevicePointer, 3020),
    ENTRY(cuPointerGetAttribute, 4000),
    ENTRY(cuMemcpy, 4000),
    ENTRY(cuMemcpyAsync, 4000),
    ENTRY(cuMemcpyHtoD, 3020),
    ENTRY(cuMemcpyDtoH, 3020),
    ENTRY(cuMemcpyDtoD, 3020),
    ENTRY(cuMemcpyHtoDAsync, 3020),
    ENTRY(cuMemcpyDtoHAsync, 3020),
    ENTRY(cuMemcpyDtoDAsync, 3020),
    ENTRY(cuMemcpy2D, 3020),
    ENTRY(cuMemcpy2DAsync, 3020),
    ENTRY(cuMemsetD8, 3020),
    ENTRY(cuMemsetD16, 3020),
    ENTRY(cuMemsetD32, 3020),
    ENTRY(cuMemsetD8Async, 3020),
    ENTRY(cuMemsetD16Async, 3020),
    ENTRY(cuMemsetD32Async, 3020),
    ENTRY(cuStreamCreate, 2000),
    ENTRY(cuStreamCreateWithPriority, 5050),
    ENTRY(cuStreamDestroy, 4000),
    ENTRY(cuStreamSynchronize, 2000),
    ENTRY(cuStreamQuery, 2000),
    ENTRY(cuStreamWaitEvent, 3020),
    ENTRY(cuStreamGetFlags, 5050),
    ENTRY(cuStreamGetPriority, 5050),
    ENTRY(cuStreamGetCtx, 9020),
    ENTRY(cuLaunchHostFunc, 10000),
    ENTRY(cuEventCreate, 2000),
    ENTRY(cuEventDestroy, 4000),
    ENTRY(cuEventRecord, 2000),
    ENTRY(cuEventRecordWithFlags, 11010),
    ENTRY(cuEventSynchronize, 2000),
    ENTRY(cuEventQuery, 2000),
    ENTRY(cuEventElapsedTime, 2000),
    ENTRY(cuLaunchKernel, 4000),
    ENTRY(cuLaunchKernelEx, 11060),
    ENTRY(cuStreamBeginCapture, 10010),
    ENTRY(cuStreamEndCapture, 10000),
    ENTRY(cuStreamIsCapturing, 10000),
    ENTRY(cuGraphCreate, 10000),
    ENTRY(cuGraphDestroy, 10000),
    ENTRY(cuGraphAddKernelNode, 12000),
    ENTRY(cuGraphAddMemcpyNode, 10000),
    ENTRY(cuGraphAddMemsetNode, 10000),
    ENTRY(cuGraphAddEmptyNode, 10000),
    ENTRY(cuGraphGetNodes, 10000),
    ENTRY(cuGraphNodeGetType, 10000),
    ENTRY(cuGraphInstantiate, 12000),
    ENTRY(cuGraphExecDestroy, 10000),
    ENTRY(cuGraphExecKernelNodeSetParams, 12000),
    ENTRY(cuGraphExecUpdate, 12000),
    ENTRY(cuGraphUpload, 11010),
    ENTRY(cuGraphLaunch, 10000),
};

#undef ENTRY

struct ErrorName {
  CUresult value;
  const char *name;
  const char *text;
};

#define ERROR(name, text)                                                                                              \
  { name, #name, text }

const ErrorName errorNames[] = {
    ERROR(CUDA_SUCCESS, "no error"),
    ERROR(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    ERROR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    ERROR(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    ERROR(CUDA_ERROR_DEINITIALIZED, "driver shutting down"),
    ERROR(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    ERROR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ERROR(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ERROR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    ERROR(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
    ERROR(CUDA_ERROR_UNSUPPORTED_LIMIT, "limit is not supported on this architecture"),
    ERROR(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
    ERROR(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain"),
    ERROR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    ERROR(CUDA_ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"),
    ERROR(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    ERROR(CUDA_ERROR_NOT_READY, "device not ready"),
    ERROR(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    ERROR(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    ERROR(CUDA_ERROR_LAUNCH_TIMEOUT, "the launch timed out and was terminated"),
    ERROR(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
    ERROR(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the requested memory range is already mapped"),
    ERROR(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
    ERROR(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"),
    ERROR(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    ERROR(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not ended in the same stream as it began"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
          "operation would make the legacy stream depend on a capturing blocking stream"),
    ERROR(CUDA_ERROR_CAPTURED_EVENT, "operation not permitted on an event last recorded in a capturing stream"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD,
          "attempt to terminate a thread-local capture sequence from another thread"),
    ERROR(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE,
          "the graph update was not performed because it included changes which violated "
          "constraints"),
    ERROR(CUDA_ERROR_UNKNOWN, "unknown error"),
};

#undef ERROR

const ErrorName *findError(CUresult error) {
  for (const ErrorName &entry : errorNames)
    if (entry.value == error)
      return &entry;
  return nullptr;
}

} // namespace

void *driver::findEntryPoint(const std::string &name, int cudaVersion, bool &known) {
  const EntryPoint *best = nullptr;
  known = false;
  for (const EntryPoint &entry : entryPoints) {
    if (name != entry.name)
      continue;
    known = true;
    if (entry.since <= cudaVersion && (!best || entry.since > best->since))
      best = &entry;
  }
  return best ? best->address : nullptr;
}

CUresult cuGetProcAddress(const char *symbol, void **function, int cudaVersion, cuuint64_t,
                          CUdriverProcAddressQueryResult *status) {
  // Per-thread default streams need nothing: every stream is idle between calls.
  return enter(__func__, Needs::Nothing, [&](Driver &) {
    if (!symbol || !function)
      return CUDA_ERROR_INVALID_VALUE;
    bool known = false;
    *function = findEntryPoint(symbol, cudaVersion, known);
    if (status)
      *status = *function ? CU_GET_PROC_ADDRESS_SUCCESS
                : known   ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT
                          : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    if (*function)
      return CUDA_SUCCESS;
    static std::set<std::string> *logged = new std::set<std::string>;
    if (logged->insert(symbol).second)
      report("cuGetProcAddress", std::string("'") + symbol + "' " +
                                     (known ? "is not simulated as of CUDA version " + std::to_string(cudaVersion)
                                            : std::string("is not simulated")));
    return CUDA_ERROR_NOT_FOUND;
  });
}

// The first version, without the status.
#undef cuGetProcAddress
extern "C" __attribute__((visibility("default"))) CUresult cuGetProcAddress(const char *symbol, void **function,
                                                                            int cudaVersion, cuuint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, cudaVersion, flags, nullptr);
}

CUresult cuGetErrorName(CUresult error, const char **name) {
  if (!name)
    return CUDA_ERROR_INVALID_VALUE;
  const ErrorName *entry = findError(error);
  *name = entry ? entry->name : nullptr;
  return entry ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  if (!text)
    return CUDA_ERROR_INVALID_VALUE;
  const ErrorName *entry = findError(error);
  *text = entry ? entry->text : nullptr;
  return entry ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
