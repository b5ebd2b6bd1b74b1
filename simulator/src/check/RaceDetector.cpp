//===- RaceDetector.cpp - Races in shared memory --------------------------===//

#include "check/RaceDetector.h"

#include <algorithm>

using namespace qccsim;

void RaceDetector::start(uint32_t warps, uint32_t sharedBytes) {
  numWarps = warps;
  clocks.assign(size_t(warps) * warps, 0);
  for (uint32_t w = 0; w < warps; ++w)
    clocks[w * warps + w] = 1;
  barrierClocks.assign(16 * size_t(warps), 0);
  granules.assign((sharedBytes + 3) / 4, Granule());
  readers.clear();
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

void RaceDetector::reset(uint32_t barrier) {
  std::fill_n(barrierClocks.begin() + barrier * numWarps, numWarps, 0);
}

RaceDetector::Conflict RaceDetector::accessGranule(Granule &granule, uint32_t warp,
                                                   uint32_t statement, uint8_t byteMask,
                                                   bool isWrite, bool isAtomic) {
  if ((granule.writtenBytes & byteMask) && !seen(warp, granule.writer) &&
      !(isAtomic && granule.writer.atomic))
    return {true, granule.writer.warp, granule.writer.statement, true};
  Epoch now{uint16_t(warp), isAtomic, clocks[warp * numWarps + warp], statement};
  if (isWrite) {
    if (granule.readBytes & byteMask) {
      if (!seen(warp, granule.reader))
        return {true, granule.reader.warp, granule.reader.statement, false};
      if (granule.more >= 0)
        for (const Epoch &reader : readers[granule.more])
          if (!seen(warp, reader))
            return {true, reader.warp, reader.statement, false};
    }
    granule.writer = now;
    granule.writtenBytes = byteMask;
    granule.readBytes &= ~byteMask;
    if (!granule.readBytes) {
      granule.reader = {};
      if (granule.more >= 0)
        readers[granule.more].clear();
    }
    return {};
  }
  granule.readBytes |= byteMask;
  if (!granule.reader.clock || granule.reader.warp == warp) {
    granule.reader = now;
    return {};
  }
  if (granule.more < 0) {
    granule.more = readers.size();
    readers.emplace_back();
  }
  for (Epoch &reader : readers[granule.more]) {
    if (reader.warp == warp) {
      reader = now;
      return {};
    }
  }
  readers[granule.more].push_back(now);
  return {};
}

RaceDetector::Conflict RaceDetector::access(uint32_t warp, uint32_t statement, uint32_t address,
                                            uint32_t bytes, bool isWrite, bool isAtomic) {
  for (uint32_t end = address + bytes; address < end;) {
    uint32_t first = address % 4, count = std::min(4 - first, end - address);
    Conflict conflict = accessGranule(granules[address / 4], warp, statement,
                                      uint8_t(((1u << count) - 1) << first), isWrite, isAtomic);
    if (conflict.found)
      return conflict;
    address += count;
  }
  return {};
}

RaceDetector::Conflict RaceDetector::read(uint32_t warp, uint32_t statement, uint32_t address,
                                          uint32_t bytes) {
  return access(warp, statement, address, bytes, false, false);
}

RaceDetector::Conflict RaceDetector::write(uint32_t warp, uint32_t statement, uint32_t address,
                                           uint32_t bytes) {
  return access(warp, statement, address, bytes, true, false);
}

RaceDetector::Conflict RaceDetector::atomic(uint32_t warp, uint32_t statement, uint32_t address,
                                            uint32_t bytes) {
  return access(warp, statement, address, bytes, true, true);
}
