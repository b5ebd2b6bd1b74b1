//===- Device.h - One GPU, its context and its memory -------------*- C++ -*-===//
#ifndef QCCRT_SRC_DEVICE_H
#define QCCRT_SRC_DEVICE_H

#include "CudaDriver.h"

#include <vector>

namespace qccrt {

/// The primary context of one device and a stream, released at the end.
class Device {
public:
  /// Throws NoDriver, NoDevice or Driver.
  Device(const char *driverPath, int ordinal);
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  const cuda::Driver &driver() const { return api; }
  cuda::Stream stream() const { return queue; }
  const std::string &name() const { return deviceName; }
  unsigned capability() const { return major * 10 + minor; } ///< 90 for 9.0
  unsigned driverVersion() const { return unsigned(version); }
  unsigned sharedBytesPerBlock() const { return unsigned(shared); }
  /// "NVIDIA H200 sm_90, driver 13.0"
  std::string describe() const;

  /// Makes the context current for the calling thread while it lives; afterwards the caller's own is again. Does not
  /// throw: without a context the next call of the driver says so.
  class Current {
  public:
    explicit Current(const Device &device)
        : device(device), pushed(device.api.pushCurrent(device.context) == cuda::kSuccess) {}
    ~Current() {
      cuda::Context popped;
      if (pushed)
        device.api.popCurrent(&popped);
    }
    Current(const Current &) = delete;
    Current &operator=(const Current &) = delete;

  private:
    const Device &device;
    bool pushed;
  };

private:
  cuda::Driver api;
  cuda::Device device = 0;
  cuda::Context context = nullptr;
  cuda::Stream queue = nullptr;
  std::string deviceName;
  int major = 0, minor = 0, shared = 0, version = 0;
};

/// Device memory that is freed with the object; the device's context must be current then.
class DeviceMemory {
public:
  explicit DeviceMemory(const Device &device) : device(device) {}
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  cuda::Pointer allocate(uint64_t bytes, const char *what);
  /// Places for blocks of so many bytes, in one allocation, or each in its own.
  std::vector<cuda::Pointer> allocate(const std::vector<uint64_t> &bytes, bool separate, const char *what);

private:
  const Device &device;
  std::vector<cuda::Pointer> allocations;
};

/// Page-locked host memory.
class HostMemory {
public:
  HostMemory(const Device &device, uint64_t bytes, const char *what);
  ~HostMemory();
  HostMemory(const HostMemory &) = delete;
  HostMemory &operator=(const HostMemory &) = delete;
  template <typename T> T *as() const { return static_cast<T *>(address); }

private:
  const Device &device;
  void *address = nullptr;
};

} // namespace qccrt

#endif // QCCRT_SRC_DEVICE_H
