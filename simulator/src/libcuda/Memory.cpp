//===- Memory.cpp - allocation, copies, fills, pointer queries ------------===//

#include "Work.h"

#include <cstdlib>

using namespace qccsim;
using namespace qccsim::driver;

namespace {

CopyWork linearCopy(CUmemorytype destinationType, uint64_t destination, CUmemorytype sourceType, uint64_t source,
                    size_t bytes) {
  CopyWork copy = {};
  copy.srcMemoryType = sourceType;
  copy.dstMemoryType = destinationType;
  copy.srcHost = reinterpret_cast<const void *>(source);
  copy.dstHost = reinterpret_cast<void *>(destination);
  copy.srcDevice = source;
  copy.dstDevice = destination;
  copy.srcPitch = copy.dstPitch = copy.WidthInBytes = bytes;
  copy.Height = copy.Depth = 1;
  return copy;
}

/// All one-dimensional copies. `asynchronous` ones may be captured.
CUresult copyLinear(const char *function, CUmemorytype destinationType, uint64_t destination, CUmemorytype sourceType,
                    uint64_t source, size_t bytes, CUstream stream, bool asynchronous) {
  return enter(function, Needs::Context, [&](Driver &driver) {
    if (!asynchronous)
      if (CUresult result = refusedDuringCapture(function, driver))
        return result;
    if (bytes == 0)
      return CUDA_SUCCESS;
    return enqueue(function, driver, stream, linearCopy(destinationType, destination, sourceType, source, bytes));
  });
}

uint64_t number(const void *pointer) { return reinterpret_cast<uint64_t>(pointer); }

CUresult fill(const char *function, FillWork work, CUstream stream, bool asynchronous) {
  return enter(function, Needs::Context, [&](Driver &driver) {
    if (!asynchronous)
      if (CUresult result = refusedDuringCapture(function, driver))
        return result;
    if (work.width == 0 || work.height == 0)
      return CUDA_SUCCESS;
    return enqueue(function, driver, stream, work);
  });
}

CUresult allocate(const char *function, CUdeviceptr *address, size_t bytes) {
  return enter(function, Needs::Context, [&](Driver &driver) {
    if (CUresult result = refusedDuringCapture(function, driver))
      return result;
    if (!address || bytes == 0)
      return CUDA_ERROR_INVALID_VALUE;
    *address = driver.machine->memory().allocate(bytes);
    currentContext()->allocations.insert(*address);
    return CUDA_SUCCESS;
  });
}

CUresult release(const char *function, CUdeviceptr address) {
  return enter(function, Needs::Context, [&](Driver &driver) {
    if (CUresult result = refusedDuringCapture(function, driver))
      return result;
    if (address == 0)
      return CUDA_SUCCESS;
    if (currentContext()->allocations.erase(address) == 0) {
      char text[96];
      std::snprintf(text, sizeof(text), "0x%llx is not the start of a live allocation",
                    static_cast<unsigned long long>(address));
      return refuse(function, CUDA_ERROR_INVALID_VALUE, text);
    }
    driver.machine->memory().free(address);
    return CUDA_SUCCESS;
  });
}

CUresult allocateHost(const char *function, void **pointer, size_t bytes, unsigned flags) {
  return enter(function, Needs::Context, [&](Driver &driver) {
    if (CUresult result = refusedDuringCapture(function, driver))
      return result;
    if (!pointer || bytes == 0)
      return CUDA_ERROR_INVALID_VALUE;
    if (flags & CU_MEMHOSTALLOC_DEVICEMAP)
      return refuse(function, CUDA_ERROR_NOT_SUPPORTED,
                    "simulated kernels cannot reach host memory; drop CU_MEMHOSTALLOC_DEVICEMAP");
    void *memory = nullptr;
    if (posix_memalign(&memory, 4096, bytes) != 0)
      return CUDA_ERROR_OUT_OF_MEMORY;
    currentContext()->hostAllocations[reinterpret_cast<uintptr_t>(memory)] = bytes;
    *pointer = memory;
    return CUDA_SUCCESS;
  });
}

/// The page-locked range that holds `address`; {0, 0} where none does.
std::pair<uintptr_t, size_t> hostRange(uintptr_t address) {
  for (const auto *ranges : {&currentContext()->hostAllocations, &currentContext()->hostRegistered}) {
    auto after = ranges->upper_bound(address);
    if (after == ranges->begin())
      continue;
    auto range = *std::prev(after);
    if (address - range.first < range.second)
      return range;
  }
  return {0, 0};
}

CUresult pointerAttribute(Driver &driver, void *data, CUpointer_attribute attribute, CUdeviceptr pointer) {
  auto [base, size] = driver.machine->memory().query(pointer);
  bool device = size != 0;
  if (!device)
    std::tie(base, size) = hostRange(pointer);
  bool known = size != 0;
  switch (attribute) {
  case CU_POINTER_ATTRIBUTE_MAPPED:
    *static_cast<unsigned *>(data) = known;
    return CUDA_SUCCESS;
  default:
    break;
  }
  if (!known)
    return CUDA_ERROR_INVALID_VALUE; // as the driver answers for an unregistered host pointer
  switch (attribute) {
  case CU_POINTER_ATTRIBUTE_CONTEXT:
    *static_cast<CUcontext *>(data) = currentContext();
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
    *static_cast<unsigned *>(data) = device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    *static_cast<CUdeviceptr *>(data) = pointer;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_HOST_POINTER:
    if (device)
      return CUDA_ERROR_INVALID_VALUE;
    *static_cast<void **>(data) = reinterpret_cast<void *>(pointer);
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    *static_cast<unsigned *>(data) = 0;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
    *static_cast<int *>(data) = 0;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
    *static_cast<CUdeviceptr *>(data) = base;
    return CUDA_SUCCESS;
  case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
    *static_cast<size_t *>(data) = size;
    return CUDA_SUCCESS;
  default:
    return refuse("cuPointerGetAttribute", CUDA_ERROR_NOT_SUPPORTED,
                  "attribute " + std::to_string(int(attribute)) + " is not simulated");
  }
}

} // namespace

CUresult cuMemAlloc(CUdeviceptr *address, size_t bytes) { return allocate(__func__, address, bytes); }
CUresult cuMemFree(CUdeviceptr address) { return release(__func__, address); }

// Stream-ordered allocation: with streams that never lag it is allocation now.
// In a capture it would be a node of its own kind, which is refused.
static CUresult checkOrderedStream(const char *function, CUstream stream) {
  return enter(function, Needs::Context, [&](Driver &driver) {
    if (!isStream(driver, stream))
      return CUDA_ERROR_INVALID_HANDLE;
    if (driver.streams.has(stream) && stream->capture)
      return refuse(function, CUDA_ERROR_NOT_SUPPORTED, "allocation and free nodes of graphs are not simulated");
    return CUDA_SUCCESS;
  });
}

CUresult cuMemAllocAsync(CUdeviceptr *address, size_t bytes, CUstream stream) {
  CUresult result = checkOrderedStream(__func__, stream);
  return result ? result : allocate(__func__, address, bytes);
}
CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream) {
  CUresult result = checkOrderedStream(__func__, stream);
  return result ? result : release(__func__, address);
}

CUresult cuMemGetInfo(size_t *free, size_t *total) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!free || !total)
      return CUDA_ERROR_INVALID_VALUE;
    *free = driver.machine->memory().freeBytes();
    *total = driver.machine->memory().totalBytes();
    return CUDA_SUCCESS;
  });
}

CUresult cuMemGetAddressRange(CUdeviceptr *base, size_t *size, CUdeviceptr pointer) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    auto [start, bytes] = driver.machine->memory().query(pointer);
    if (bytes == 0)
      return CUDA_ERROR_NOT_FOUND;
    if (base)
      *base = start;
    if (size)
      *size = bytes;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemAllocHost(void **pointer, size_t bytes) { return allocateHost(__func__, pointer, bytes, 0); }
CUresult cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags) {
  return allocateHost(__func__, pointer, bytes, flags);
}

CUresult cuMemFreeHost(void *pointer) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (!pointer)
      return CUDA_SUCCESS;
    if (currentContext()->hostAllocations.erase(reinterpret_cast<uintptr_t>(pointer)) == 0)
      return refuse("cuMemFreeHost", CUDA_ERROR_INVALID_VALUE, "not the start of a live page-locked allocation");
    std::free(pointer);
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostRegister(void *pointer, size_t bytes, unsigned flags) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    if (!pointer || bytes == 0)
      return CUDA_ERROR_INVALID_VALUE;
    if (flags & (CU_MEMHOSTREGISTER_DEVICEMAP | CU_MEMHOSTREGISTER_IOMEMORY))
      return refuse("cuMemHostRegister", CUDA_ERROR_NOT_SUPPORTED,
                    "simulated kernels cannot reach host memory; drop the mapping flag");
    auto [it, added] = currentContext()->hostRegistered.emplace(reinterpret_cast<uintptr_t>(pointer), bytes);
    (void)it;
    return added ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  });
}

CUresult cuMemHostUnregister(void *pointer) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    return currentContext()->hostRegistered.erase(reinterpret_cast<uintptr_t>(pointer))
               ? CUDA_SUCCESS
               : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
  });
}

CUresult cuMemHostGetDevicePointer(CUdeviceptr *, void *, unsigned) {
  return enter(__func__, Needs::Context, [&](Driver &) {
    return refuse("cuMemHostGetDevicePointer", CUDA_ERROR_NOT_SUPPORTED, "simulated kernels cannot reach host memory");
  });
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr pointer) {
  return enter(__func__, Needs::Context, [&](Driver &driver) {
    if (!data)
      return CUDA_ERROR_INVALID_VALUE;
    return pointerAttribute(driver, data, attribute, pointer);
  });
}

CUresult cuMemcpy(CUdeviceptr destination, CUdeviceptr source, size_t bytes) {
  return copyLinear(__func__, CU_MEMORYTYPE_UNIFIED, destination, CU_MEMORYTYPE_UNIFIED, source, bytes, nullptr, false);
}
CUresult cuMemcpyAsync(CUdeviceptr destination, CUdeviceptr source, size_t bytes, CUstream stream) {
  return copyLinear(__func__, CU_MEMORYTYPE_UNIFIED, destination, CU_MEMORYTYPE_UNIFIED, source, bytes, stream, true);
}
CUresult cuMemcpyHtoD(CUdeviceptr destination, const void *source, size_t bytes) {
  return copyLinear(__func__, CU_MEMORYTYPE_DEVICE, destination, CU_MEMORYTYPE_HOST, number(source), bytes, nullptr,
                    false);
}
CUresult cuMemcpyDtoH(void *destination, CUdeviceptr source, size_t bytes) {
  return copyLinear(__func__, CU_MEMORYTYPE_HOST, number(destination), CU_MEMORYTYPE_DEVICE, source, bytes, nullptr,
                    false);
}
CUresult cuMemcpyDtoD(CUdeviceptr destination, CUdeviceptr source, size_t bytes) {
  return copyLinear(__func__, CU_MEMORYTYPE_DEVICE, destination, CU_MEMORYTYPE_DEVICE, source, bytes, nullptr, false);
}
CUresult cuMemcpyHtoDAsync(CUdeviceptr destination, const void *source, size_t bytes, CUstream stream) {
  return copyLinear(__func__, CU_MEMORYTYPE_DEVICE, destination, CU_MEMORYTYPE_HOST, number(source), bytes, stream,
                    true);
}
CUresult cuMemcpyDtoHAsync(void *destination, CUdeviceptr source, size_t bytes, CUstream stream) {
  return copyLinear(__func__, CU_MEMORYTYPE_HOST, number(destination), CU_MEMORYTYPE_DEVICE, source, bytes, stream,
                    true);
}
CUresult cuMemcpyDtoDAsync(CUdeviceptr destination, CUdeviceptr source, size_t bytes, CUstream stream) {
  return copyLinear(__func__, CU_MEMORYTYPE_DEVICE, destination, CU_MEMORYTYPE_DEVICE, source, bytes, stream, true);
}

static CUresult copy2D(const char *function, const CUDA_MEMCPY2D *copy, CUstream stream, bool asynchronous) {
  return enter(function, Needs::Context, [&](Driver &driver) {
    if (!copy)
      return CUDA_ERROR_INVALID_VALUE;
    if (!asynchronous)
      if (CUresult result = refusedDuringCapture(function, driver))
        return result;
    if (copy->WidthInBytes == 0 || copy->Height == 0)
      return CUDA_SUCCESS;
    CopyWork work = {};
    work.srcXInBytes = copy->srcXInBytes;
    work.srcY = copy->srcY;
    work.srcMemoryType = copy->srcMemoryType;
    work.srcHost = copy->srcHost;
    work.srcDevice = copy->srcDevice;
    work.srcPitch = copy->srcPitch ? copy->srcPitch : copy->WidthInBytes;
    work.dstXInBytes = copy->dstXInBytes;
    work.dstY = copy->dstY;
    work.dstMemoryType = copy->dstMemoryType;
    work.dstHost = copy->dstHost;
    work.dstDevice = copy->dstDevice;
    work.dstPitch = copy->dstPitch ? copy->dstPitch : copy->WidthInBytes;
    work.WidthInBytes = copy->WidthInBytes;
    work.Height = copy->Height;
    work.Depth = 1;
    return enqueue(function, driver, stream, work);
  });
}

CUresult cuMemcpy2D(const CUDA_MEMCPY2D *copy) { return copy2D(__func__, copy, nullptr, false); }
CUresult cuMemcpy2DAsync(const CUDA_MEMCPY2D *copy, CUstream stream) { return copy2D(__func__, copy, stream, true); }

CUresult cuMemsetD8(CUdeviceptr destination, unsigned char value, size_t count) {
  return fill(__func__, {destination, 0, value, 1, count, 1}, nullptr, false);
}
CUresult cuMemsetD16(CUdeviceptr destination, unsigned short value, size_t count) {
  return fill(__func__, {destination, 0, value, 2, count, 1}, nullptr, false);
}
CUresult cuMemsetD32(CUdeviceptr destination, unsigned value, size_t count) {
  return fill(__func__, {destination, 0, value, 4, count, 1}, nullptr, false);
}
CUresult cuMemsetD8Async(CUdeviceptr destination, unsigned char value, size_t count, CUstream stream) {
  return fill(__func__, {destination, 0, value, 1, count, 1}, stream, true);
}
CUresult cuMemsetD16Async(CUdeviceptr destination, unsigned short value, size_t count, CUstream stream) {
  return fill(__func__, {destination, 0, value, 2, count, 1}, stream, true);
}
CUresult cuMemsetD32Async(CUdeviceptr destination, unsigned value, size_t count, CUstream stream) {
  return fill(__func__, {destination, 0, value, 4, count, 1}, stream, true);
}
