//===- DeviceMemory.h - Global memory of the simulated device -------------===//
//
// Device addresses start at 2^48, above every address a Linux process can map,
// so a host dereference of a device pointer faults. Addresses are never used
// twice: an access to a freed allocation is recognised for what it is.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_DEVICEMEMORY_H
#define QCCSIM_DEVICEMEMORY_H

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

namespace qccsim {

using DeviceAddress = uint64_t;

/// One live allocation. `init` has one byte per byte of data: 0 never written,
/// 1 written. `allInit` is set once the whole range was written by the host;
/// `init` need not be looked at then.
struct Allocation {
  DeviceAddress base = 0;
  size_t size = 0;
  uint8_t *data = nullptr;
  uint8_t *init = nullptr;
  std::atomic<bool> allInit{false};

  Allocation(DeviceAddress base, size_t size);
  ~Allocation();
  Allocation(const Allocation &) = delete;
  Allocation &operator=(const Allocation &) = delete;
};

/// Allocations, copies and fills. All functions may be called from any thread;
/// a launch holds off allocation and release until it has ended. Errors are SimError: OutOfMemory,
/// InvalidValue (release of what is no allocation's base), IllegalAddress with
/// the address, the nearest allocation and its size.
class DeviceMemory {
public:
  static constexpr DeviceAddress firstAddress = DeviceAddress(1) << 48;

  explicit DeviceMemory(size_t capacity) : capacity(capacity) {}

  /// 512-byte aligned, followed by a red zone; contents uninitialised. `bytes` > 0.
  DeviceAddress allocate(size_t bytes);
  /// `base` as allocate() returned it; 0 is ignored.
  void free(DeviceAddress base);

  void copyIn(DeviceAddress destination, const void *source, size_t bytes);
  /// Copies uninitialised bytes too (as the driver would); they read as 0xCD.
  void copyOut(void *destination, DeviceAddress source, size_t bytes) const;
  /// The copy of an uninitialised byte is uninitialised. Ranges may overlap.
  void copyWithin(DeviceAddress destination, DeviceAddress source, size_t bytes);
  /// Repeats a pattern of 1, 2 or 4 bytes; `destination` is aligned to it.
  void fill(DeviceAddress destination, uint32_t pattern, unsigned patternBytes, size_t count);

  /// {base, size} of the live allocation that holds `address`; {0, 0} where none does.
  std::pair<DeviceAddress, size_t> query(DeviceAddress address) const;
  static bool isDeviceAddress(uint64_t address) { return address >= firstAddress; }

  size_t totalBytes() const { return capacity; }
  size_t freeBytes() const;

  /// The live allocation that holds `address`, or null. The caller holds launchLock().
  Allocation *find(DeviceAddress address) const;
  /// "address 0x... is 16 bytes past the end of the allocation of 4096 bytes at 0x...".
  std::string describe(DeviceAddress address, size_t bytes) const;
  /// Held during a launch.
  std::shared_lock<std::shared_mutex> launchLock() const { return std::shared_lock<std::shared_mutex>(mutex); }

private:
  Allocation &checked(DeviceAddress address, size_t bytes, const char *what) const;

  size_t capacity;
  size_t used = 0;
  DeviceAddress next = firstAddress + (DeviceAddress(1) << 32);
  std::vector<std::unique_ptr<Allocation>> live;               ///< ascending base
  std::vector<std::pair<DeviceAddress, size_t>> recentlyFreed; ///< for messages
  mutable std::shared_mutex mutex;
};

} // namespace qccsim

#endif // QCCSIM_DEVICEMEMORY_H
