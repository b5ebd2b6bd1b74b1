//===- Work.cpp - executing and capturing work ----------------------------===//

#include "Work.h"

#include <cstring>

namespace qccsim::driver {

namespace {

/// One end of a copy, resolved to a side and an address.
struct End {
  bool device;
  uint64_t address;
};

/// Kind and base address of one end. `type` UNIFIED is decided by the address.
CUresult resolve(const char *function, CUmemorytype type, const void *host, CUdeviceptr device, size_t x, size_t y,
                 size_t z, size_t pitch, size_t height, End &end) {
  switch (type) {
  case CU_MEMORYTYPE_HOST:
    end = {false, reinterpret_cast<uint64_t>(host)};
    break;
  case CU_MEMORYTYPE_DEVICE:
    end = {true, device};
    break;
  case CU_MEMORYTYPE_UNIFIED:
    end = {DeviceMemory::isDeviceAddress(device), device};
    break;
  default:
    return refuse(function, CUDA_ERROR_NOT_SUPPORTED, "CUDA arrays are not simulated");
  }
  if (end.address == 0)
    return refuse(function, CUDA_ERROR_INVALID_VALUE, "a copy from or to address 0");
  end.address += (z * height + y) * pitch + x;
  return CUDA_SUCCESS;
}

CUresult resolveEnds(const char *function, const CopyWork &copy, End &source, End &destination) {
  if (CUresult result = resolve(function, copy.srcMemoryType, copy.srcHost, copy.srcDevice, copy.srcXInBytes, copy.srcY,
                                copy.srcZ, copy.srcPitch, copy.srcHeight, source))
    return result;
  return resolve(function, copy.dstMemoryType, copy.dstHost, copy.dstDevice, copy.dstXInBytes, copy.dstY, copy.dstZ,
                 copy.dstPitch, copy.dstHeight, destination);
}

void copyRow(DeviceMemory &memory, End destination, End source, size_t bytes) {
  auto *host = reinterpret_cast<void *>(destination.address);
  auto *from = reinterpret_cast<const void *>(source.address);
  if (destination.device && source.device)
    memory.copyWithin(destination.address, source.address, bytes);
  else if (destination.device)
    memory.copyIn(destination.address, from, bytes);
  else if (source.device)
    memory.copyOut(host, source.address, bytes);
  else
    std::memmove(host, from, bytes);
}

CUresult run(Driver &driver, const CopyWork &copy) {
  End source, destination;
  if (CUresult result = resolveEnds("copy", copy, source, destination))
    return result;
  size_t rows = copy.Height, planes = copy.Depth;
  // Whole rows that follow each other are one copy.
  if (planes == 1 && copy.srcPitch == copy.WidthInBytes && copy.dstPitch == copy.WidthInBytes) {
    copyRow(driver.machine->memory(), destination, source, copy.WidthInBytes * rows);
    return CUDA_SUCCESS;
  }
  for (size_t z = 0; z < planes; ++z)
    for (size_t y = 0; y < rows; ++y) {
      End from{source.device, source.address + (z * copy.srcHeight + y) * copy.srcPitch};
      End to{destination.device, destination.address + (z * copy.dstHeight + y) * copy.dstPitch};
      copyRow(driver.machine->memory(), to, from, copy.WidthInBytes);
    }
  return CUDA_SUCCESS;
}

CUresult run(Driver &driver, const FillWork &fill) {
  for (size_t row = 0; row < fill.height; ++row)
    driver.machine->memory().fill(fill.destination + row * fill.pitch, fill.value, fill.elementBytes, fill.width);
  return CUDA_SUCCESS;
}

CUresult run(Driver &driver, const KernelWork &work) {
  CUfunction function = checkedFunction(driver, work.function);
  if (!function)
    return refuse("launch", CUDA_ERROR_INVALID_HANDLE,
                  "the kernel's module was unloaded or belongs to another context");
  auto start = std::chrono::steady_clock::now();
  LaunchStats counters =
      driver.machine->launchPacked(*function->kernel, work.config, work.parameters.data(), work.parameters.size());
  KernelStats &stats = driver.stats[function->kernel->name];
  ++stats.launches;
  stats.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  stats.counters += counters;
  return CUDA_SUCCESS;
}

CUresult run(Driver &, const HostWork &work) {
  work.function(work.data);
  return CUDA_SUCCESS;
}

CUresult run(Driver &, const EmptyWork &) { return CUDA_SUCCESS; }

/// Work on the legacy stream waits for blocking streams; none may be capturing.
CUresult checkLegacyStream(const char *function, Driver &driver, CUstream stream) {
  if (stream != nullptr && stream != CU_STREAM_LEGACY)
    return CUDA_SUCCESS;
  CUcontext context = currentContext();
  CUstream blocking = driver.streams.find(
      [&](CUstream_st &s) { return s.context == context && s.capture && !(s.flags & CU_STREAM_NON_BLOCKING); });
  if (!blocking)
    return CUDA_SUCCESS;
  blocking->capture->invalidated = true;
  return refuse(function, CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                "the default stream would wait for a stream that is being captured");
}

} // namespace

CUresult validate(const char *function, const Driver &driver, const Work &work) {
  if (auto *copy = std::get_if<CopyWork>(&work)) {
    End source, destination;
    if (CUresult result = resolveEnds(function, *copy, source, destination))
      return result;
    if (copy->Height > 1 && (copy->srcPitch < copy->WidthInBytes || copy->dstPitch < copy->WidthInBytes))
      return refuse(function, CUDA_ERROR_INVALID_VALUE, "a pitch is smaller than the row");
  }
  if (auto *fill = std::get_if<FillWork>(&work)) {
    unsigned bytes = fill->elementBytes;
    if (bytes != 1 && bytes != 2 && bytes != 4)
      return refuse(function, CUDA_ERROR_INVALID_VALUE, "elements must be of 1, 2 or 4 bytes");
    if (fill->destination % bytes != 0)
      return refuse(function, CUDA_ERROR_INVALID_VALUE, "the destination is not a multiple of the element size");
  }
  if (auto *kernel = std::get_if<KernelWork>(&work))
    if (!checkedFunction(driver, kernel->function))
      return CUDA_ERROR_INVALID_HANDLE;
  return CUDA_SUCCESS;
}

CUresult execute(Driver &driver, const Work &work) {
  return std::visit([&](const auto &typed) { return run(driver, typed); }, work);
}

CUresult enqueue(const char *function, Driver &driver, CUstream stream, Work work) {
  if (!isStream(driver, stream))
    return refuse(function, CUDA_ERROR_INVALID_HANDLE, "not a stream of the current context");
  if (CUresult result = validate(function, driver, work))
    return result;
  if (CUresult result = checkLegacyStream(function, driver, stream))
    return result;
  if (driver.streams.has(stream) && stream->capture) {
    if (stream->capture->invalidated)
      return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    stream->capture->works.push_back(std::move(work));
    return CUDA_SUCCESS;
  }
  return execute(driver, work);
}

CUresult refusedDuringCapture(const char *function, Driver &driver) {
  CUstream capturing = driver.streams.find([&](CUstream_st &s) {
    if (!s.capture)
      return false;
    return s.capture->mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
           (s.capture->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && s.capture->thread == std::this_thread::get_id());
  });
  if (!capturing)
    return CUDA_SUCCESS;
  capturing->capture->invalidated = true;
  return refuse(function, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "not permitted while a stream is being captured");
}

} // namespace qccsim::driver
