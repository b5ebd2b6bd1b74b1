//===- Launch.cpp - kernel launches ---------------------------------------===//

#include "Work.h"

#include <algorithm>
#include <cstring>

using namespace qccsim;
using namespace qccsim::driver;

namespace {

/// Parameters from the array of pointers, laid out as the kernel declares them.
CUresult packPointers(const char *function, const Kernel &kernel, void **pointers, std::vector<uint8_t> &packed) {
  packed.assign(kernel.parameterBytes, 0);
  if (!kernel.parameters.empty() && !pointers)
    return refuse(function, CUDA_ERROR_INVALID_VALUE,
                  "kernel '" + kernel.name + "' has " + std::to_string(kernel.parameters.size()) +
                      " parameters and none were passed");
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    if (!pointers[i])
      return refuse(function, CUDA_ERROR_INVALID_VALUE,
                    "kernel '" + kernel.name + "': the pointer to parameter " + std::to_string(i) + " is null");
    const KernelParameter &parameter = kernel.parameters[i];
    std::memcpy(packed.data() + parameter.offset, pointers[i], parameter.bytes);
  }
  return CUDA_SUCCESS;
}

CUresult packExtra(const char *function, void **extra, std::vector<uint8_t> &packed) {
  const void *buffer = nullptr;
  const size_t *bytes = nullptr;
  for (; *extra != CU_LAUNCH_PARAM_END; extra += 2) {
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER)
      buffer = extra[1];
    else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE)
      bytes = static_cast<const size_t *>(extra[1]);
    else
      return refuse(function, CUDA_ERROR_INVALID_VALUE, "unknown key in 'extra'");
  }
  if (!buffer || !bytes)
    return refuse(function, CUDA_ERROR_INVALID_VALUE, "'extra' needs both CU_LAUNCH_PARAM_BUFFER_POINTER and _SIZE");
  packed.assign(static_cast<const uint8_t *>(buffer), static_cast<const uint8_t *>(buffer) + *bytes);
  return CUDA_SUCCESS;
}

/// Attributes without effect on results pass; what would change them is refused by name.
CUresult checkAttributes(const CUlaunchConfig &config) {
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const CUlaunchAttribute &attribute = config.attrs[i];
    switch (attribute.id) {
    case CU_LAUNCH_ATTRIBUTE_IGNORE:
    case CU_LAUNCH_ATTRIBUTE_ACCESS_POLICY_WINDOW:
    case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
    case CU_LAUNCH_ATTRIBUTE_PRIORITY:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN:
    case CU_LAUNCH_ATTRIBUTE_MEM_SYNC_DOMAIN_MAP:
    case CU_LAUNCH_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
    // Kernels run one after the other, which programmatic serialization permits.
    case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
      break;
    case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
      if (attribute.value.cooperative)
        return refuse("cuLaunchKernelEx", CUDA_ERROR_NOT_SUPPORTED, "cooperative launches are not simulated");
      break;
    case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION: {
      const auto &cluster = attribute.value.clusterDim;
      if (cluster.x * cluster.y * cluster.z > 1)
        return refuse("cuLaunchKernelEx", CUDA_ERROR_NOT_SUPPORTED,
                      "clusters of more than one block are not simulated");
      break;
    }
    default:
      return refuse("cuLaunchKernelEx", CUDA_ERROR_NOT_SUPPORTED,
                    "launch attribute " + std::to_string(int(attribute.id)) + " is not simulated");
    }
  }
  return CUDA_SUCCESS;
}

CUresult launch(const char *name, CUfunction function, const unsigned grid[3], const unsigned block[3],
                unsigned sharedBytes, CUstream stream, void **kernelParams, void **extra) {
  return enter(
      name, Needs::Context,
      [&](Driver &driver) {
        KernelWork work;
        if (CUresult result =
                makeKernelWork(name, driver, function, grid, block, sharedBytes, kernelParams, extra, work))
          return result;
        return enqueue(name, driver, stream, std::move(work));
      },
      /*inKernel=*/true);
}

} // namespace

CUresult driver::makeKernelWork(const char *function, const Driver &driver, CUfunction handle, const unsigned grid[3],
                                const unsigned block[3], unsigned sharedBytes, void **kernelParams, void **extra,
                                KernelWork &work) {
  CUfunction checked = checkedFunction(driver, handle);
  if (!checked)
    return refuse(function, CUDA_ERROR_INVALID_HANDLE, "not a kernel of a module loaded in the current context");
  const Kernel &kernel = *checked->kernel;
  const DeviceProperties &device = driver.machine->properties();
  for (int i = 0; i < 3; ++i) {
    const char axis[] = {"xyz"[i], 0};
    if (grid[i] == 0 || grid[i] > unsigned(device.maxGridDim[i]))
      return refuse(function, CUDA_ERROR_INVALID_VALUE,
                    "kernel '" + kernel.name + "': grid dimension " + axis + " of " + std::to_string(grid[i]) +
                        " must be in 1 to " + std::to_string(device.maxGridDim[i]));
    if (block[i] == 0 || block[i] > unsigned(device.maxBlockDim[i]))
      return refuse(function, CUDA_ERROR_INVALID_VALUE,
                    "kernel '" + kernel.name + "': block dimension " + axis + " of " + std::to_string(block[i]) +
                        " must be in 1 to " + std::to_string(device.maxBlockDim[i]));
  }
  uint64_t threads = uint64_t(block[0]) * block[1] * block[2];
  if (threads > uint64_t(kernel.maxThreadsPerBlock))
    return refuse(function, CUDA_ERROR_INVALID_VALUE,
                  "kernel '" + kernel.name + "': " + std::to_string(threads) +
                      " threads per block exceed its limit of " + std::to_string(kernel.maxThreadsPerBlock));
  size_t limit =
      std::max(device.sharedBytesPerBlock, kernel.staticSharedBytes + size_t(checked->maxDynamicSharedBytes));
  if (kernel.staticSharedBytes + sharedBytes > limit)
    return refuse(function, CUDA_ERROR_INVALID_VALUE,
                  "kernel '" + kernel.name + "': " + std::to_string(kernel.staticSharedBytes + sharedBytes) +
                      " bytes of shared memory exceed the limit of " + std::to_string(limit) +
                      "; raise CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES");
  if (kernelParams && extra)
    return refuse(function, CUDA_ERROR_INVALID_VALUE, "parameters were passed both as an array and in 'extra'");

  work.function = checked;
  std::memcpy(work.config.grid, grid, sizeof(work.config.grid));
  std::memcpy(work.config.block, block, sizeof(work.config.block));
  work.config.dynamicSharedBytes = sharedBytes;
  work.config.sharedBytesLimit = limit;
  return extra ? packExtra(function, extra, work.parameters)
               : packPointers(function, kernel, kernelParams, work.parameters);
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                        unsigned blockY, unsigned blockZ, unsigned sharedBytes, CUstream stream, void **kernelParams,
                        void **extra) {
  const unsigned grid[] = {gridX, gridY, gridZ}, block[] = {blockX, blockY, blockZ};
  return launch(__func__, function, grid, block, sharedBytes, stream, kernelParams, extra);
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **kernelParams, void **extra) {
  if (!config || (config->numAttrs && !config->attrs))
    return CUDA_ERROR_INVALID_VALUE;
  if (CUresult result = checkAttributes(*config))
    return result;
  const unsigned grid[] = {config->gridDimX, config->gridDimY, config->gridDimZ};
  const unsigned block[] = {config->blockDimX, config->blockDimY, config->blockDimZ};
  return launch(__func__, function, grid, block, config->sharedMemBytes, config->hStream, kernelParams, extra);
}
