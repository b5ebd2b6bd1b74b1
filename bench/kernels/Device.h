//===- Device.h - The CUDA driver, opened at run time -------------*- C++ -*-===//
//
// Loads and launches kernels through libcuda or anything that stands in for it, such as the simulator's libqccsim.so.
// Made for checking and timing single kernels; engines run through runtime/.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_DEVICE_H
#define QCC_BENCH_KERNELS_DEVICE_H

#include "qcc/CodeGen/CompileKernels.h"

#include <map>
#include <memory>
#include <span>

namespace qcc::bench {

using DevicePointer = unsigned long long;

struct DriverApi; // Device.cpp

/// Device memory of exactly the size asked for.
class DeviceBuffer {
public:
  DeviceBuffer(const DriverApi *api, DevicePointer address, size_t size) : api(api), address(address), bytes(size) {}
  DeviceBuffer(DeviceBuffer &&other) noexcept
      : api(other.api), address(std::exchange(other.address, 0)), bytes(other.bytes) {}
  DeviceBuffer &operator=(DeviceBuffer &&) = delete;
  ~DeviceBuffer();

  DevicePointer get() const { return address; }
  size_t size() const { return bytes; }
  Status write(std::span<const std::byte> data);
  Status read(std::span<std::byte> data) const;

private:
  const DriverApi *api;
  DevicePointer address;
  size_t bytes;
};

/// A loaded kernel; lives as long as the process's device.
struct DeviceKernel {
  void *function = nullptr;
  const codegen::KernelInstance *instance = nullptr;
};

using Sizes = std::map<codegen::Size, int64_t>;

/// A launch with all its arguments fixed, so that enqueueing it costs no more than the driver's own call.
struct BoundLaunch {
  void *function = nullptr;
  unsigned grid[3], block[3], sharedBytes = 0;
  std::vector<DevicePointer> values; ///< one per argument; the driver reads a size's low four bytes
};

class Device {
public:
  /// `library`, else QCC_LIBCUDA, else libcuda.so.1. One device per process is enough here, so it is device 0's primary
  /// context.
  static Expected<std::unique_ptr<Device>> open(const std::string &library = "");
  ~Device();

  /// 90 for compute capability 9.0.
  int capability() const { return computeCapability; }
  const std::string &name() const { return deviceName; }
  size_t l2Bytes() const { return l2CacheBytes; }
  int multiprocessors() const { return multiprocessorCount; }
  const DriverApi &driver() const { return *api; }

  Expected<DeviceBuffer> allocate(size_t bytes);
  /// Compiles the instance for `target` (at most capability()) and loads it: a cubin where target is the device's own
  /// capability and it takes cubins, else PTX, as the runtime does. The instance must outlive the kernel.
  Expected<DeviceKernel> load(const codegen::KernelInstance &instance, int target, const codegen::KernelCache &cache);
  /// Fixes the arguments: `pointers` by argument name, run-time sizes from `sizes`.
  Expected<BoundLaunch> bind(const DeviceKernel &kernel, const std::map<std::string, DevicePointer> &pointers,
                             const Sizes &sizes);
  /// Does not wait. A null stream is the default stream.
  Status enqueue(BoundLaunch &launch, void *stream);
  /// Binds, launches and waits.
  Status launch(const DeviceKernel &kernel, const std::map<std::string, DevicePointer> &pointers, const Sizes &sizes);
  Status synchronize();

private:
  Device() = default;
  std::unique_ptr<DriverApi> api;
  int computeCapability = 0, multiprocessorCount = 0;
  size_t l2CacheBytes = 0;
  std::string deviceName;
  bool takesCubins = true;
};

/// Extent of a grid dimension for these sizes (qcc/CodeGen/KernelInstance.h).
int64_t extentOf(const codegen::GridDim &dim, const Sizes &sizes);

/// Host bytes of a kernel's arguments by name. Arguments it writes come back changed.
struct HostData {
  std::map<std::string, std::vector<uint8_t>> buffers;
  std::map<std::string, size_t> scratch; ///< bytes of workspaces, never initialised and not read back
  Sizes sizes;
};

/// Uploads, launches once, waits, downloads what the kernel writes.
Status runOnce(Device &device, const codegen::KernelInstance &instance, int target, HostData &data);

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_DEVICE_H
