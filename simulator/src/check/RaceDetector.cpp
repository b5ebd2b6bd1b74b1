//===- RaceDetector.cpp - Races in shared memory --------------------------===//

#include "check/RaceDetector.h"

#include <algorithm>
#include <bit>

using namespace qccsim;

void RaceDetector::start(uint32_t warps, uint32_t sharedBytes) {
  uint32_t granules = (sharedBytes + 3) / 4;
  for (uint32_t clock : clocks)
    lastClock = std::max(lastClock, clock);
  if (warps != numWarps || granules > numGranules || lastClock > UINT32_MAX / 2) {
    numWarps = warps;
    numGranules = std::max(granules, numGranules);
    lastClock = 0;
    writes.assign(numGranules, Write());
    reads.assign(size_t(numGranules) * warps, 0);
  }
  clocks.assign(size_t(warps) * warps, lastClock);
  for (uint32_t w = 0; w < warps; ++w)
    clocks[w * warps + w] = lastClock + 1;
  barrierClocks.assign(16 * size_t(warps), 0);
}

void RaceDetector::arrive(uint32_t warp, uint32_t barrier) {
  uint32_t *own = &clocks[warp * numWarps], *joined = &barrierClocks[barrier * numWarps];
  for (uint32_t w = 0; w < numWarps; ++w)
    joined[w] = std::max(joined[w], own[w]);
  ++own[warp];
}

void RaceDetector::leave(uint32_t warp, uint32_t barrier) {
  uint32_t *own = &clocks[warp * numWarps], *joined = &barrierClocks[barrier * numWarps];
  for (uint32_t w = 0; w < numWarps; ++w)
    own[w] = std::max(own[w], joined[w]);
}

void RaceDetector::reset(uint32_t barrier) { std::fill_n(barrierClocks.begin() + barrier * numWarps, numWarps, 0); }

RaceDetector::Conflict RaceDetector::checkWrite(uint32_t warp, const Write &write, uint8_t bytes, bool atomic) const {
  if (write.clock > clocks[warp * numWarps + write.warp] && (write.bytes & bytes) && !(atomic && write.atomic))
    return {0, write.warp, write.statement, true};
  return {};
}

RaceDetector::Conflict RaceDetector::checkReads(uint32_t warp, uint32_t granule, uint8_t bytes) const {
  const uint64_t *entries = &reads[size_t(granule) * numWarps];
  const uint32_t *seen = &clocks[warp * numWarps];
  bool any = false;
  for (uint32_t w = 0; w < numWarps; ++w)
    any |= uint32_t(entries[w] >> 32) > seen[w];
  if (!any)
    return {};
  for (uint32_t w = 0; w < numWarps; ++w)
    if (uint32_t(entries[w] >> 32) > seen[w] && (entries[w] & bytes))
      return {0, w, uint32_t(entries[w]) >> byteBits, false};
  return {};
}

RaceDetector::Conflict RaceDetector::accessGranule(AccessKind kind, uint32_t warp, uint32_t statement, uint32_t granule,
                                                   uint8_t bytes) {
  bool atomic = kind == AccessKind::Atomic;
  Write &write = writes[granule];
  if (Conflict conflict = checkWrite(warp, write, bytes, atomic); conflict.lane >= 0)
    return conflict;
  uint32_t clock = clocks[warp * numWarps + warp];
  if (kind == AccessKind::Read) {
    uint64_t &read = reads[size_t(granule) * numWarps + warp];
    // Other bytes read since the same barrier still count.
    uint64_t same = uint32_t(read >> 32) == clock ? read & ((1u << byteBits) - 1) : 0;
    read = uint64_t(clock) << 32 | uint64_t(statement << byteBits) | same | bytes;
    return {};
  }
  if (Conflict conflict = checkReads(warp, granule, bytes); conflict.lane >= 0)
    return conflict;
  bool same = write.clock == clock && write.warp == warp && write.atomic == atomic;
  write = {clock, uint16_t(warp), uint8_t(bytes | (same ? write.bytes : 0)), atomic, statement};
  return {};
}

/// Records reads of whole words that no unseen write precedes; returns the lanes of `mask` for
/// which that is not so.
uint32_t RaceDetector::readWords(uint32_t warp, uint64_t key, uint32_t mask, const uint64_t *addresses,
                                 unsigned words) {
  const uint32_t *seen = &clocks[warp * numWarps];
  const Write *lastWrites = writes.data();
  uint64_t *ownReads = reads.data() + warp;
  const size_t stride = numWarps;
  uint64_t previous = UINT64_MAX;
  uint32_t left = 0;
  for (; mask; mask &= mask - 1) {
    int lane = std::countr_zero(mask);
    if (addresses[lane] == previous)
      continue; // lanes often read the same word
    previous = addresses[lane];
    size_t granule = addresses[lane] / 4;
    bool unseen = false;
    for (unsigned i = 0; i < words; ++i, ++granule) {
      unseen |= lastWrites[granule].clock > seen[lastWrites[granule].warp];
      ownReads[granule * stride] = key;
    }
    left |= uint32_t(unseen) << lane;
  }
  return left;
}

RaceDetector::Conflict RaceDetector::access(AccessKind kind, uint32_t warp, uint32_t statement, uint32_t mask,
                                            const uint64_t *addresses, unsigned bytes) {
  if (kind == AccessKind::Read && bytes % 4 == 0) {
    uint64_t key =
        uint64_t(clocks[warp * numWarps + warp]) << 32 | uint64_t(statement << byteBits) | ((1u << byteBits) - 1);
    mask = readWords(warp, key, mask, addresses, bytes / 4);
  }
  for (uint32_t rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint32_t address = uint32_t(addresses[lane]), end = address + bytes;
    while (address < end) {
      uint32_t first = address % 4, count = std::min(4 - first, end - address);
      uint8_t touched = uint8_t(((1u << count) - 1) << first);
      Conflict conflict = accessGranule(kind, warp, statement, address / 4, touched);
      if (conflict.lane >= 0) {
        conflict.lane = lane;
        return conflict;
      }
      address += count;
    }
  }
  return {};
}
