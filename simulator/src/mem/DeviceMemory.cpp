//===- DeviceMemory.cpp - Global memory of the simulated device -----------===//

#include "qccsim/DeviceMemory.h"

#include "qccsim/Error.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <sys/mman.h>

using namespace qccsim;

static constexpr size_t redZone = 4096;
static constexpr size_t alignment = 512;

static std::string hex(uint64_t value) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "0x%llx", static_cast<unsigned long long>(value));
  return buffer;
}

/// Pages of zeros that take memory only once touched.
static uint8_t *mapPages(size_t bytes) {
  void *pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED)
    throw SimError(ErrorKind::OutOfMemory, "the host refuses " + std::to_string(bytes) + " bytes for device memory");
  return static_cast<uint8_t *>(pages);
}

Allocation::Allocation(DeviceAddress base, size_t size) : base(base), size(size) {
  data = mapPages(size);
  try {
    init = mapPages(size);
  } catch (...) {
    munmap(data, size);
    throw;
  }
}

Allocation::~Allocation() {
  munmap(data, size);
  munmap(init, size);
}

DeviceAddress DeviceMemory::allocate(size_t bytes) {
  if (!bytes)
    throw SimError(ErrorKind::InvalidValue, "allocation of 0 bytes");
  std::unique_lock lock(mutex);
  if (bytes > capacity - used)
    throw SimError(ErrorKind::OutOfMemory, "device memory is exhausted: " + std::to_string(bytes) + " bytes wanted, " +
                                               std::to_string(capacity - used) + " of " + std::to_string(capacity) +
                                               " free");
  live.push_back(std::make_unique<Allocation>(next, bytes));
  used += bytes;
  next += (bytes + redZone + alignment - 1) / alignment * alignment;
  return live.back()->base;
}

void DeviceMemory::free(DeviceAddress base) {
  if (!base)
    return;
  std::unique_lock lock(mutex);
  auto it =
      std::lower_bound(live.begin(), live.end(), base, [](const auto &a, DeviceAddress b) { return a->base < b; });
  if (it == live.end() || (*it)->base != base)
    throw SimError(ErrorKind::InvalidValue, hex(base) + " is not the base of a live allocation");
  used -= (*it)->size;
  if (recentlyFreed.size() >= 4096)
    recentlyFreed.erase(recentlyFreed.begin());
  recentlyFreed.emplace_back(base, (*it)->size);
  live.erase(it);
}

Allocation *DeviceMemory::find(DeviceAddress address) const {
  auto it =
      std::upper_bound(live.begin(), live.end(), address, [](DeviceAddress a, const auto &b) { return a < b->base; });
  if (it == live.begin())
    return nullptr;
  Allocation *allocation = std::prev(it)->get();
  return address - allocation->base < allocation->size ? allocation : nullptr;
}

std::string DeviceMemory::describe(DeviceAddress address, size_t bytes) const {
  std::string text = "address " + hex(address) + ", " + std::to_string(bytes) + " bytes, ";
  for (auto it = recentlyFreed.rbegin(); it != recentlyFreed.rend(); ++it)
    if (address - it->first < it->second)
      return text + "lies in a freed allocation of " + std::to_string(it->second) + " bytes at " + hex(it->first);
  const Allocation *nearest = nullptr;
  uint64_t nearestDistance = UINT64_MAX;
  for (const auto &a : live) {
    uint64_t distance = address < a->base              ? a->base - address
                        : address - a->base >= a->size ? address - a->base - a->size
                                                       : 0;
    if (distance < nearestDistance) {
      nearestDistance = distance;
      nearest = a.get();
    }
  }
  if (!nearest)
    return text + "and nothing is allocated";
  std::string which = "the allocation of " + std::to_string(nearest->size) + " bytes at " + hex(nearest->base);
  if (address < nearest->base)
    return text + "is " + std::to_string(nearestDistance) + " bytes before " + which;
  if (address - nearest->base < nearest->size)
    return text + "reaches past the end of " + which + " (offset " + std::to_string(address - nearest->base) + ")";
  return text + "is " + std::to_string(nearestDistance) + " bytes past the end of " + which;
}

Allocation &DeviceMemory::checked(DeviceAddress address, size_t bytes, const char *what) const {
  Allocation *allocation = find(address);
  if (!allocation || bytes > allocation->size - (address - allocation->base))
    throw SimError(ErrorKind::IllegalAddress,
                   std::string("illegal address in a ") + what + ": " + describe(address, bytes));
  return *allocation;
}

/// All of an allocation is initialised once one write covers it.
static void markWritten(Allocation &allocation, size_t offset, size_t bytes) {
  if (bytes == allocation.size)
    allocation.allInit = true;
  else if (!allocation.allInit)
    std::memset(allocation.init + offset, 1, bytes);
}

void DeviceMemory::copyIn(DeviceAddress destination, const void *source, size_t bytes) {
  if (!bytes)
    return;
  std::shared_lock lock(mutex);
  Allocation &to = checked(destination, bytes, "copy to the device");
  std::memcpy(to.data + (destination - to.base), source, bytes);
  markWritten(to, destination - to.base, bytes);
}

void DeviceMemory::copyOut(void *destination, DeviceAddress source, size_t bytes) const {
  if (!bytes)
    return;
  std::shared_lock lock(mutex);
  Allocation &from = checked(source, bytes, "copy from the device");
  size_t offset = source - from.base;
  std::memcpy(destination, from.data + offset, bytes);
  if (from.allInit || !std::memchr(from.init + offset, 0, bytes))
    return;
  for (size_t i = 0; i < bytes; ++i)
    if (!from.init[offset + i])
      static_cast<uint8_t *>(destination)[i] = 0xCD;
}

void DeviceMemory::copyWithin(DeviceAddress destination, DeviceAddress source, size_t bytes) {
  if (!bytes)
    return;
  std::shared_lock lock(mutex);
  Allocation &from = checked(source, bytes, "copy on the device");
  Allocation &to = checked(destination, bytes, "copy on the device");
  size_t fromOffset = source - from.base, toOffset = destination - to.base;
  std::memmove(to.data + toOffset, from.data + fromOffset, bytes);
  if (from.allInit) {
    markWritten(to, toOffset, bytes);
    return;
  }
  if (to.allInit) {
    std::memset(to.init, 1, to.size);
    to.allInit = false;
  }
  std::memmove(to.init + toOffset, from.init + fromOffset, bytes);
}

void DeviceMemory::fill(DeviceAddress destination, uint32_t pattern, unsigned patternBytes, size_t count) {
  if (patternBytes != 1 && patternBytes != 2 && patternBytes != 4)
    throw SimError(ErrorKind::InvalidValue, "fill pattern of " + std::to_string(patternBytes) + " bytes");
  if (destination % patternBytes)
    throw SimError(ErrorKind::MisalignedAddress,
                   "fill of " + hex(destination) + " with a pattern of " + std::to_string(patternBytes) + " bytes");
  if (!count)
    return;
  std::shared_lock lock(mutex);
  size_t bytes = count * patternBytes;
  Allocation &to = checked(destination, bytes, "fill");
  uint8_t *data = to.data + (destination - to.base);
  if (patternBytes == 1)
    std::memset(data, int(pattern), bytes);
  else
    for (size_t i = 0; i < count; ++i)
      std::memcpy(data + i * patternBytes, &pattern, patternBytes);
  markWritten(to, destination - to.base, bytes);
}

std::pair<DeviceAddress, size_t> DeviceMemory::query(DeviceAddress address) const {
  std::shared_lock lock(mutex);
  const Allocation *allocation = find(address);
  return allocation ? std::pair(allocation->base, allocation->size) : std::pair(DeviceAddress(0), size_t(0));
}

size_t DeviceMemory::freeBytes() const {
  std::shared_lock lock(mutex);
  return capacity - used;
}
