//===- Functions.cpp - attributes of kernels, occupancy -------------------===//

#include "Driver.h"

#include <algorithm>

using namespace qccsim;
using namespace qccsim::driver;

namespace qccsim::driver {

CUfunction checkedFunction(const Driver &driver, CUfunction function) {
  if (driver.functions.count(function) == 0 || function->module->context != currentContext())
    return nullptr;
  return function;
}

} // namespace qccsim::driver

namespace {

/// What ptxas never exceeds; the simulator counts virtual registers and can.
constexpr int maxRegistersPerThread = 255;

CUresult getAttribute(const DeviceProperties &device, const CUfunc_st &function, CUfunction_attribute attribute,
                      int &value) {
  const Kernel &kernel = *function.kernel;
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    value = kernel.maxThreadsPerBlock;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
    value = int(kernel.staticSharedBytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
    value = int(kernel.constantBytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
    value = int(kernel.localBytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_NUM_REGS:
    value = std::min(kernel.registersPerThread, maxRegistersPerThread);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    value = kernel.targetArch;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
    value = device.computeMajor * 10 + device.computeMinor;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
    value = 0;
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
    value = function.maxDynamicSharedBytes ? function.maxDynamicSharedBytes
                                           : int(device.sharedBytesPerBlock - kernel.staticSharedBytes);
    return CUDA_SUCCESS;
  case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    value = function.preferredCarveout;
    return CUDA_SUCCESS;
  default:
    return refuse("cuFuncGetAttribute", CUDA_ERROR_NOT_SUPPORTED,
                  "attribute " + std::to_string(int(attribute)) + " is not simulated");
  }
}

CUresult setAttribute(const DeviceProperties &device, CUfunc_st &function, CUfunction_attribute attribute, int value) {
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: {
    int limit = int(device.sharedBytesPerBlockOptin - function.kernel->staticSharedBytes);
    if (value < 0 || value > limit)
      return refuse("cuFuncSetAttribute", CUDA_ERROR_INVALID_VALUE,
                    "kernel '" + function.kernel->name + "': " + std::to_string(value) +
                        " bytes of dynamic shared memory exceed the limit of " + std::to_string(limit));
    function.maxDynamicSharedBytes = value;
    return CUDA_SUCCESS;
  }
  case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    if (value < -1 || value > 100)
      return CUDA_ERROR_INVALID_VALUE;
    function.preferredCarveout = value;
    return CUDA_SUCCESS;
  default:
    return refuse("cuFuncSetAttribute", CUDA_ERROR_NOT_SUPPORTED,
                  "attribute " + std::to_string(int(attribute)) + " cannot be set here");
  }
}

size_t roundUp(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

/// Resident blocks per multiprocessor: the least of four quotients. Registers are given out in
/// units of 256 per warp, shared memory in units of 128 bytes with 1 KB per block for the system
/// (CUDA C++ Programming Guide; "Nsight Compute occupancy calculator").
int residentBlocks(const DeviceProperties &device, const Kernel &kernel, int blockSize, size_t dynamicShared) {
  size_t warps = roundUp(size_t(blockSize), 32) / 32;
  size_t blocks = size_t(device.maxBlocksPerMultiprocessor);
  blocks = std::min(blocks, size_t(device.maxThreadsPerMultiprocessor) / 32 / warps);
  size_t registers = size_t(std::clamp(kernel.registersPerThread, 1, maxRegistersPerThread));
  blocks = std::min(blocks, size_t(device.registersPerBlock) / roundUp(registers * 32, 256) / warps);
  size_t reserved = device.sharedBytesPerMultiprocessor - device.sharedBytesPerBlockOptin;
  size_t shared = roundUp(kernel.staticSharedBytes + dynamicShared, 128) + reserved;
  return int(std::min(blocks, device.sharedBytesPerMultiprocessor / shared));
}

CUfunction asFunction(CUkernel kernel) { return reinterpret_cast<CUfunction>(kernel); }

template <typename Body> CUresult withFunction(const char *name, CUfunction handle, Body &&body) {
  return enter(name, Needs::Context, [&](Driver &driver) {
    CUfunction function = checkedFunction(driver, handle);
    return function ? body(driver, *function) : CUDA_ERROR_INVALID_HANDLE;
  });
}

} // namespace

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction function) {
  return withFunction(__func__, function, [&](Driver &driver, CUfunc_st &f) {
    return value ? getAttribute(driver.machine->properties(), f, attribute, *value) : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
  return withFunction(__func__, function, [&](Driver &driver, CUfunc_st &f) {
    return setAttribute(driver.machine->properties(), f, attribute, value);
  });
}

CUresult cuKernelGetAttribute(int *value, CUfunction_attribute attribute, CUkernel kernel, CUdevice) {
  return cuFuncGetAttribute(value, attribute, asFunction(kernel));
}

CUresult cuKernelSetAttribute(CUfunction_attribute attribute, int value, CUkernel kernel, CUdevice) {
  return cuFuncSetAttribute(asFunction(kernel), attribute, value);
}

CUresult cuFuncSetCacheConfig(CUfunction function, CUfunc_cache) {
  return withFunction(__func__, function, [](Driver &, CUfunc_st &) { return CUDA_SUCCESS; });
}

CUresult cuFuncGetModule(CUmodule *module, CUfunction function) {
  return withFunction(__func__, function, [&](Driver &, CUfunc_st &f) {
    if (!module)
      return CUDA_ERROR_INVALID_VALUE;
    *module = f.module;
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncGetName(const char **name, CUfunction function) {
  return withFunction(__func__, function, [&](Driver &, CUfunc_st &f) {
    if (!name)
      return CUDA_ERROR_INVALID_VALUE;
    *name = f.kernel->name.c_str();
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncGetParamInfo(CUfunction function, size_t index, size_t *offset, size_t *bytes) {
  return withFunction(__func__, function, [&](Driver &, CUfunc_st &f) {
    if (!offset || index >= f.kernel->parameters.size())
      return CUDA_ERROR_INVALID_VALUE;
    *offset = f.kernel->parameters[index].offset;
    if (bytes)
      *bytes = f.kernel->parameters[index].bytes;
    return CUDA_SUCCESS;
  });
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, CUfunction function, int blockSize,
                                                              size_t dynamicShared, unsigned) {
  return withFunction(__func__, function, [&](Driver &driver, CUfunc_st &f) {
    const DeviceProperties &device = driver.machine->properties();
    if (!blocks || blockSize <= 0)
      return CUDA_ERROR_INVALID_VALUE;
    *blocks =
        blockSize > f.kernel->maxThreadsPerBlock ? 0 : residentBlocks(device, *f.kernel, blockSize, dynamicShared);
    return CUDA_SUCCESS;
  });
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int blockSize,
                                                     size_t dynamicShared) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, blockSize, dynamicShared, 0);
}
