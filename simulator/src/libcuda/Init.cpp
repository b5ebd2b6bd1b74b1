//===- Init.cpp - initialisation, devices ---------------------------------===//

#include "Driver.h"

#include <cstdlib>
#include <cstring>

using namespace qccsim;
using namespace qccsim::driver;

namespace {

/// What QCCSIM_DEVICE may name. Limits: CUDA C++ Programming Guide, "Technical specifications per
/// compute capability"; sizes of an A100-40GB, an L40S and an H200.
DeviceProperties propertiesFor(const std::string &name) {
  DeviceProperties device;
  if (name == "sm_90" || name.empty())
    return device;
  if (name == "sm_80") {
    device.computeMajor = 8;
    device.computeMinor = 0;
    device.multiprocessors = 108;
    device.sharedBytesPerBlockOptin = 163 * 1024;
    device.sharedBytesPerMultiprocessor = 164 * 1024;
    device.l2Bytes = 40u * 1024 * 1024;
    device.memoryBytes = size_t(40) << 30;
    device.clockKhz = 1410000;
    device.memoryClockKhz = 1215000;
    device.memoryBusBits = 5120;
    return device;
  }
  if (name == "sm_89") {
    device.computeMajor = 8;
    device.computeMinor = 9;
    device.multiprocessors = 142;
    device.maxThreadsPerMultiprocessor = 1536;
    device.maxBlocksPerMultiprocessor = 24;
    device.sharedBytesPerBlockOptin = 99 * 1024;
    device.sharedBytesPerMultiprocessor = 100 * 1024;
    device.l2Bytes = 96u * 1024 * 1024;
    device.memoryBytes = size_t(48) << 30;
    device.clockKhz = 2520000;
    device.memoryClockKhz = 9001000;
    device.memoryBusBits = 384;
    return device;
  }
  throw SimError(ErrorKind::InvalidValue, "QCCSIM_DEVICE: unknown device '" + name + "'; use sm_80, sm_89 or sm_90");
}

/// Values of attributes that follow from DeviceProperties; false where there is none.
bool attributeOf(const Machine &machine, CUdevice_attribute attribute, int &value) {
  const DeviceProperties &p = machine.properties();
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    value = p.maxThreadsPerBlock;
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y:
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z:
    value = p.maxBlockDim[attribute - CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X];
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X:
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z:
    value = p.maxGridDim[attribute - CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X];
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
    value = int(p.sharedBytesPerBlock);
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    value = int(p.sharedBytesPerBlockOptin);
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
    value = int(p.sharedBytesPerMultiprocessor);
    return true;
  case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK:
    value = int(p.sharedBytesPerMultiprocessor - p.sharedBytesPerBlockOptin);
    return true;
  case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY:
    value = int(p.constantBytes);
    return true;
  case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
    value = p.warpSize;
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
  case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
    value = p.registersPerBlock;
    return true;
  case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
    value = p.clockKhz;
    return true;
  case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
    value = p.memoryClockKhz;
    return true;
  case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
    value = p.memoryBusBits;
    return true;
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    value = p.multiprocessors;
    return true;
  case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
    value = int(p.l2Bytes);
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR:
    value = p.maxThreadsPerMultiprocessor;
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR:
    value = p.maxBlocksPerMultiprocessor;
    return true;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    value = p.computeMajor;
    return true;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    value = p.computeMinor;
    return true;
  case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
  case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
  case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_GLOBAL_L1_CACHE_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_LOCAL_L1_CACHE_SUPPORTED:
    value = 1;
    return true;
  // Host memory is out of the simulated kernels' reach; neither pools nor clusters nor
  // cooperative launches are offered.
  case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
  case CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM:
  case CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY:
  case CU_DEVICE_ATTRIBUTE_CONCURRENT_MANAGED_ACCESS:
  case CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS:
  case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH:
  case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH:
  case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED:
  case CU_DEVICE_ATTRIBUTE_INTEGRATED:
  case CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT:
  case CU_DEVICE_ATTRIBUTE_ECC_ENABLED:
  case CU_DEVICE_ATTRIBUTE_TCC_DRIVER:
  case CU_DEVICE_ATTRIBUTE_MULTI_GPU_BOARD:
  case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
  case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID:
  case CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID:
  case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
    value = 0;
    return true;
  case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
  case CU_DEVICE_ATTRIBUTE_GPU_OVERLAP:
    value = 1;
    return true;
  default:
    return false;
  }
}

CUresult checkDevice(CUdevice device) { return device == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE; }

} // namespace

CUresult cuInit(unsigned flags) {
  return enter(__func__, Needs::Nothing, [&](Driver &driver) {
    if (flags != 0)
      return CUDA_ERROR_INVALID_VALUE;
    if (driver.machine)
      return CUDA_SUCCESS;
    const char *name = std::getenv("QCCSIM_DEVICE");
    driver.machine = std::make_unique<Machine>(propertiesFor(name ? name : ""), Options::fromEnvironment());
    driver.primary.primary = true;
    std::atexit(writeStats);
    return CUDA_SUCCESS;
  });
}

CUresult cuDriverGetVersion(int *version) {
  if (!version)
    return CUDA_ERROR_INVALID_VALUE;
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!count)
      return CUDA_ERROR_INVALID_VALUE;
    *count = 1;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    if (ordinal != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    *device = 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (CUresult result = checkDevice(device))
      return result;
    if (!name || length <= 0)
      return CUDA_ERROR_INVALID_VALUE;
    std::strncpy(name, driver.machine->properties().name.c_str(), size_t(length));
    name[length - 1] = 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (CUresult result = checkDevice(device))
      return result;
    if (!uuid)
      return CUDA_ERROR_INVALID_VALUE;
    std::memset(uuid->bytes, 0, sizeof(uuid->bytes));
    std::memcpy(uuid->bytes, "qccsim", 6);
    uuid->bytes[15] = char(driver.machine->properties().computeMajor * 10 + driver.machine->properties().computeMinor);
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceTotalMem(size_t *bytes, CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (CUresult result = checkDevice(device))
      return result;
    if (!bytes)
      return CUDA_ERROR_INVALID_VALUE;
    *bytes = driver.machine->memory().totalBytes();
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &driver) {
    if (CUresult result = checkDevice(device))
      return result;
    if (!value)
      return CUDA_ERROR_INVALID_VALUE;
    if (!attributeOf(*driver.machine, attribute, *value))
      return refuse("cuDeviceGetAttribute", CUDA_ERROR_INVALID_VALUE,
                    "attribute " + std::to_string(int(attribute)) + " is unknown to the simulated device");
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetPCIBusId(char *busId, int length, CUdevice device) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (CUresult result = checkDevice(device))
      return result;
    if (!busId || length < 13)
      return CUDA_ERROR_INVALID_VALUE;
    std::strcpy(busId, "0000:00:00.0");
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceCanAccessPeer(int *canAccess, CUdevice device, CUdevice peer) {
  return enter(__func__, Needs::Init, [&](Driver &) {
    if (!canAccess)
      return CUDA_ERROR_INVALID_VALUE;
    if (device != 0 || peer != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    *canAccess = 0;
    return CUDA_SUCCESS;
  });
}
