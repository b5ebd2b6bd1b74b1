//===- Access.cpp - Checked memory accesses of a warp ---------------------===//

#include "mem/Access.h"

#include "mem/Windows.h"
#include "ops/Lanes.h"

#include <bit>
#include <cstdio>
#include <cstring>

using namespace qccsim;

static std::string hex(uint64_t value) {
  char buffer[24];
  std::snprintf(buffer, sizeof buffer, "0x%llx", static_cast<unsigned long long>(value));
  return buffer;
}

void qccsim::computeAddresses(Warp &warp, const Inst &inst, Ref base, uint64_t *addresses) {
  if (inst.mode & wideAddress) {
    const uint64_t *a = warp.reg<const uint64_t>(base);
    QCCSIM_LANES addresses[l] = a[l] + uint64_t(inst.imm);
  } else {
    const uint32_t *a = warp.reg<const uint32_t>(base);
    QCCSIM_LANES addresses[l] = uint32_t(a[l] + uint32_t(inst.imm));
  }
}

/// Smallest and largest address of the active lanes, and the or of all.
struct Bounds {
  uint64_t least = UINT64_MAX, most = 0, bits = 0;
};

static Bounds findBounds(uint32_t mask, const uint64_t *addresses) {
  Bounds bounds;
  uint64_t any = addresses[std::countr_zero(mask)];
  if (mask == ~0u) {
    for (unsigned l = 0; l < 32; ++l) {
      bounds.least = addresses[l] < bounds.least ? addresses[l] : bounds.least;
      bounds.most = addresses[l] > bounds.most ? addresses[l] : bounds.most;
      bounds.bits |= addresses[l];
    }
    return bounds;
  }
  for (unsigned l = 0; l < 32; ++l) {
    uint64_t address = (mask >> l & 1) ? addresses[l] : any;
    bounds.least = address < bounds.least ? address : bounds.least;
    bounds.most = address > bounds.most ? address : bounds.most;
    bounds.bits |= address;
  }
  return bounds;
}

[[noreturn]] static void reportMisaligned(uint32_t mask, const uint64_t *addresses, unsigned alignment) {
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    if (addresses[lane] % alignment)
      throw Fault{ErrorKind::MisalignedAddress,
                  "address " + hex(addresses[lane]) + " is not a multiple of " + std::to_string(alignment), lane};
  }
  throw Fault{ErrorKind::MisalignedAddress, "misaligned address"};
}

/// Nonzero unless all of the bytes have the state byteSet.
template <unsigned bytes> static uint64_t wrongBytes(const uint8_t *init) {
  constexpr uint64_t set = 0x0101010101010101u;
  if constexpr (bytes <= 8) {
    uint64_t v = 0;
    std::memcpy(&v, init, bytes);
    return v ^ (set >> (64 - 8 * bytes));
  } else {
    uint64_t v[2];
    std::memcpy(v, init, 16);
    return (v[0] ^ set) | (v[1] ^ set);
  }
}

template <unsigned bytes> static uint32_t wrongLanes(const Span &span, uint32_t mask) {
  if (mask == ~0u) {
    uint64_t wrong = 0;
    for (unsigned l = 0; l < 32; ++l)
      wrong |= wrongBytes<bytes>(span.init + span.offset[l]);
    if (!wrong) [[likely]]
      return 0;
  }
  uint32_t bad = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    bad |= uint32_t(wrongBytes<bytes>(span.init + span.offset[l]) != 0) << l;
  }
  return bad;
}

/// Lanes that would read a byte not in the state byteSet.
static uint32_t uninitialisedLanes(const Span &span, uint32_t mask, unsigned bytes) {
  switch (bytes) {
  case 1:
    return wrongLanes<1>(span, mask);
  case 2:
    return wrongLanes<2>(span, mask);
  case 4:
    return wrongLanes<4>(span, mask);
  case 8:
    return wrongLanes<8>(span, mask);
  case 16:
    return wrongLanes<16>(span, mask);
  }
  // Only the source of a cp.async may have another size.
  uint32_t bad = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    unsigned l = std::countr_zero(rest);
    for (unsigned i = 0; i < bytes; ++i)
      bad |= uint32_t(span.init[span.offset[l] + i] != byteSet) << l;
  }
  return bad;
}

static void checkInitialised(Warp &warp, const Span &span, uint32_t mask, const uint64_t *addresses, unsigned bytes,
                             const char *space) {
  if (!span.init || !warp.block->launch->options->checkUninitialised)
    return;
  uint32_t bad = uninitialisedLanes(span, mask, bytes);
  if (!bad)
    return;
  int lane = std::countr_zero(bad);
  const uint8_t *init = span.init + span.offset[lane];
  const uint8_t *inFlight = static_cast<const uint8_t *>(std::memchr(init, byteInFlight, bytes));
  if (inFlight)
    throw Fault{ErrorKind::Race,
                "shared address " + hex(addresses[lane]) +
                    " is read while a cp.async to it is in flight; wait for it, then "
                    "synchronise the block",
                lane};
  throw Fault{ErrorKind::Uninitialised,
              std::string(space) + " address " + hex(addresses[lane]) + ", " + std::to_string(bytes) +
                  " bytes, read before anything was written there",
              lane};
}

static void checkRaces(Warp &warp, const Inst &inst, AccessKind kind, uint32_t mask, const uint64_t *addresses,
                       unsigned bytes) {
  RaceDetector *races = warp.block->races.get();
  if (!races)
    return;
  RaceDetector::Conflict conflict = races->access(kind, warp.index, inst.statement, mask, addresses, bytes);
  if (conflict.lane < 0)
    return;
  const KernelProgram::Line &line = warp.program->lines[conflict.statement];
  throw Fault{ErrorKind::Race,
              std::string(kind == AccessKind::Read ? "read" : "write") + " of shared address " +
                  hex(addresses[conflict.lane]) + " races with the " + (conflict.wasWrite ? "write" : "read") +
                  " at PTX line " + std::to_string(line.line) + " (" + line.text + ") by warp " +
                  std::to_string(conflict.warp),
              conflict.lane};
}

void qccsim::resolveShared(Warp &warp, const Inst &inst, AccessKind kind, uint32_t mask, const uint64_t *addresses,
                           unsigned bytes, unsigned alignment, Span &span) {
  BlockState &block = *warp.block;
  Bounds bounds = findBounds(mask, addresses);
  uint64_t size = block.launch->sharedBytes;
  if (bounds.bits & (alignment - 1))
    reportMisaligned(mask, addresses, alignment);
  if (bounds.most + bytes > size || bounds.most >= size) {
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      int lane = std::countr_zero(rest);
      if (addresses[lane] >= size || addresses[lane] + bytes > size)
        throw Fault{ErrorKind::IllegalAddress,
                    "shared address " + hex(addresses[lane]) + ", " + std::to_string(bytes) + " bytes, the block has " +
                        std::to_string(size),
                    lane};
    }
  }
  span.data = block.shared.data();
  span.init = block.sharedInit.data();
  span.isShared = true;
  QCCSIM_LANES span.offset[l] = addresses[l];
  if (kind != AccessKind::Write)
    checkInitialised(warp, span, mask, addresses, bytes, "shared");
  if (block.races)
    checkRaces(warp, inst, kind, mask, addresses, bytes);
}

/// A single lane's address is outside every allocation, or reaches out of one.
static void checkGlobalLane(Warp &warp, const Worker::CachedAllocation &entry, uint64_t address, unsigned bytes,
                            int lane) {
  if (address - entry.base < entry.size && bytes <= entry.size - (address - entry.base))
    return;
  throw Fault{ErrorKind::IllegalAddress, "global " + warp.block->launch->memory->describe(address, bytes), lane};
}

static uint32_t resolveGlobal(Warp &warp, const Inst &inst, AccessKind kind, uint32_t mask, const uint64_t *addresses,
                              unsigned bytes, unsigned alignment, Span &span) {
  Bounds bounds = findBounds(mask, addresses);
  if (bounds.bits & (alignment - 1))
    reportMisaligned(mask, addresses, alignment);
  Worker::CachedAllocation &entry = warp.worker->cache[inst.statement % 64];
  bool inside = bounds.least - entry.base < entry.size && bounds.most - entry.base < entry.size &&
                bytes <= entry.size - (bounds.most - entry.base);
  if (!inside) {
    int lane = std::countr_zero(mask);
    Allocation *allocation = warp.block->launch->memory->find(addresses[lane]);
    if (!allocation)
      throw Fault{ErrorKind::IllegalAddress, "global " + warp.block->launch->memory->describe(addresses[lane], bytes),
                  lane};
    entry = {allocation->base, allocation->size, allocation->data, allocation->allInit ? nullptr : allocation->init};
    uint32_t within = 0;
    for (uint32_t rest = mask; rest; rest &= rest - 1) {
      int l = std::countr_zero(rest);
      if (addresses[l] - entry.base >= entry.size)
        continue; // another allocation, or none: its turn comes
      checkGlobalLane(warp, entry, addresses[l], bytes, l);
      within |= 1u << l;
    }
    mask = within;
  }
  span.data = entry.data;
  span.init = entry.init;
  span.isShared = false;
  QCCSIM_LANES span.offset[l] = addresses[l] - entry.base;
  if (kind != AccessKind::Write && span.init)
    checkInitialised(warp, span, mask, addresses, bytes, "global");
  return mask;
}

static void resolveLocal(Warp &warp, AccessKind kind, uint32_t mask, const uint64_t *addresses, unsigned bytes,
                         unsigned alignment, Span &span) {
  uint64_t size = warp.program->localBytes;
  span.data = warp.local;
  span.init = warp.local + size * 32;
  span.isShared = false;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint64_t address = addresses[lane];
    if (address % alignment)
      reportMisaligned(mask, addresses, alignment);
    if (address >= size || bytes > size - address)
      throw Fault{ErrorKind::IllegalAddress,
                  "local address " + hex(address) + ", " + std::to_string(bytes) + " bytes, the thread has " +
                      std::to_string(size),
                  lane};
    span.offset[lane] = size * lane + address;
  }
  if (kind != AccessKind::Write)
    checkInitialised(warp, span, mask, addresses, bytes, "local");
}

static void resolveParameter(Warp &warp, AccessKind kind, uint32_t mask, const uint64_t *addresses, unsigned bytes,
                             unsigned alignment, Span &span) {
  const Launch &launch = *warp.block->launch;
  uint64_t size = launch.program->parameterBytes;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    if (addresses[lane] % alignment)
      reportMisaligned(mask, addresses, alignment);
    if (kind != AccessKind::Read || addresses[lane] >= size || bytes > size - addresses[lane])
      throw Fault{ErrorKind::IllegalAddress,
                  "parameter address " + hex(addresses[lane]) + ", " + std::to_string(bytes) +
                      " bytes, the kernel has " + std::to_string(size) + " bytes of parameters, which it can only read",
                  lane};
  }
  span.data = const_cast<uint8_t *>(launch.parameters);
  span.init = nullptr;
  span.isShared = false;
  QCCSIM_LANES span.offset[l] = addresses[l];
}

static Space spaceOf(uint64_t address) {
  if (inWindow(address, sharedWindow))
    return Space::Shared;
  if (inWindow(address, localWindow))
    return Space::Local;
  if (inWindow(address, parameterWindow))
    return Space::Param;
  return Space::Global;
}

static uint32_t resolveGeneric(Warp &warp, const Inst &inst, AccessKind kind, uint32_t mask, const uint64_t *addresses,
                               unsigned bytes, unsigned alignment, Span &span) {
  Space space = spaceOf(addresses[std::countr_zero(mask)]);
  uint32_t same = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    same |= uint32_t(spaceOf(addresses[std::countr_zero(rest)]) == space) << std::countr_zero(rest);
  if (space == Space::Global)
    return resolveGlobal(warp, inst, kind, same, addresses, bytes, alignment, span);
  uint64_t window = space == Space::Shared ? sharedWindow : space == Space::Local ? localWindow : parameterWindow;
  uint64_t offsets[32];
  QCCSIM_LANES offsets[l] = addresses[l] - window;
  return resolve(warp, inst, space, kind, same, offsets, bytes, alignment, span);
}

uint32_t qccsim::resolve(Warp &warp, const Inst &inst, Space space, AccessKind kind, uint32_t mask,
                         const uint64_t *addresses, unsigned bytes, unsigned alignment, Span &span) {
  switch (space) {
  case Space::Shared:
    resolveShared(warp, inst, kind, mask, addresses, bytes, alignment, span);
    return mask;
  case Space::Local:
    resolveLocal(warp, kind, mask, addresses, bytes, alignment, span);
    return mask;
  case Space::Param:
    resolveParameter(warp, kind, mask, addresses, bytes, alignment, span);
    return mask;
  case Space::Generic:
    return resolveGeneric(warp, inst, kind, mask, addresses, bytes, alignment, span);
  default:
    return resolveGlobal(warp, inst, kind, mask, addresses, bytes, alignment, span);
  }
}

void qccsim::markWritten(const Span &span, uint32_t mask, unsigned bytes) {
  if (!span.init)
    return;
  for (uint32_t rest = mask; rest; rest &= rest - 1)
    std::memset(span.init + span.offset[std::countr_zero(rest)], byteSet, bytes);
}

/// Passes over the 32 banks of 4 bytes: a pass serves 32 banks with one word each. Accesses of 8
/// and 16 bytes go by half and quarter warps.
static uint64_t countWavefronts(uint32_t mask, const uint64_t *addresses, unsigned bytes) {
  unsigned lanesPerPass = bytes <= 4 ? 32 : bytes <= 8 ? 16 : 8;
  uint64_t passes = 0;
  for (unsigned first = 0; first < 32; first += lanesPerPass) {
    uint64_t words[32][32];
    unsigned depth[32] = {}, deepest = 0;
    for (unsigned l = first; l < first + lanesPerPass; ++l) {
      if (!(mask >> l & 1))
        continue;
      for (uint64_t word = addresses[l] / 4; word <= (addresses[l] + bytes - 1) / 4; ++word) {
        unsigned bank = word % 32;
        bool known = false;
        for (unsigned i = 0; i < depth[bank]; ++i)
          known |= words[bank][i] == word;
        if (!known)
          words[bank][depth[bank]++] = word;
        deepest = std::max(deepest, depth[bank]);
      }
    }
    passes += deepest;
  }
  return passes;
}

static uint64_t countSectors(uint32_t mask, const uint64_t *addresses, unsigned bytes) {
  uint64_t sectors[64];
  unsigned count = 0;
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    uint64_t address = addresses[std::countr_zero(rest)];
    for (uint64_t sector = address / 32; sector <= (address + bytes - 1) / 32; ++sector) {
      bool known = false;
      for (unsigned i = count; i-- > 0 && !known;)
        known = sectors[i] == sector;
      if (!known && count < 64)
        sectors[count++] = sector;
    }
  }
  return count;
}

void qccsim::countAccess(Warp &warp, Space space, AccessKind kind, uint32_t mask, const uint64_t *addresses,
                         unsigned bytes) {
  LaunchStats &stats = warp.worker->stats;
  uint64_t total = uint64_t(std::popcount(mask)) * bytes;
  bool detailed = warp.block->launch->options->countSectors;
  if (space == Space::Generic)
    space = spaceOf(addresses[std::countr_zero(mask)]);
  if (space == Space::Global || space == Space::Const) {
    (kind == AccessKind::Read ? stats.globalBytesRead : stats.globalBytesWritten) += total;
    if (detailed)
      stats.globalSectors += countSectors(mask, addresses, bytes);
  } else if (space == Space::Shared) {
    (kind == AccessKind::Read ? stats.sharedBytesRead : stats.sharedBytesWritten) += total;
    if (detailed)
      stats.sharedWavefronts += countWavefronts(mask, addresses, bytes);
  }
}
