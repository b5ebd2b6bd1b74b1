//===- RaceDetector.h - Races in shared memory ----------------------------===//
//
// Vector clocks over the warps of a block (Mattern 1989; kept per access as in FastTrack, Flanagan
// and Freund 2009). A warp's own clock advances when it arrives at a barrier; a barrier joins the
// clocks of all that arrived into all that leave. Two accesses to the same bytes, one of them a
// write, by different warps, race unless the later one's warp has seen the earlier one's clock.
// Accesses of one warp are taken to be ordered.
//
// For each four bytes the last write is kept, and each warp's last read. Clocks go on from block
// to block, so what an earlier block left behind is older than anything a warp has not seen.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_CHECK_RACEDETECTOR_H
#define QCCSIM_CHECK_RACEDETECTOR_H

#include <cstdint>
#include <vector>

namespace qccsim {

enum class AccessKind : uint8_t { Read, Write, Atomic };

class RaceDetector {
public:
  /// The earlier access of a race.
  struct Conflict {
    int lane = -1; ///< of the later access; -1: there is no race
    uint32_t warp = 0, statement = 0;
    bool wasWrite = false;
  };

  void start(uint32_t warps, uint32_t sharedBytes);
  void arrive(uint32_t warp, uint32_t barrier);
  void leave(uint32_t warp, uint32_t barrier);
  void reset(uint32_t barrier);

  /// Records the accesses of the lanes of `mask` to `bytes` bytes each; the first race, if any.
  /// Atomics are ordered among themselves, but not with plain accesses.
  Conflict access(AccessKind kind, uint32_t warp, uint32_t statement, uint32_t mask, const uint64_t *addresses,
                  unsigned bytes);

private:
  /// Clock, statement and, lowest, which of the four bytes; ordered by clock.
  static constexpr unsigned statementBits = 28, byteBits = 4;
  struct Write {
    uint32_t clock = 0;
    uint16_t warp = 0;
    uint8_t bytes = 0;
    bool atomic = false;
    uint32_t statement = 0;
  };

  Conflict checkWrite(uint32_t warp, const Write &write, uint8_t bytes, bool atomic) const;
  Conflict checkReads(uint32_t warp, uint32_t granule, uint8_t bytes) const;
  Conflict accessGranule(AccessKind kind, uint32_t warp, uint32_t statement, uint32_t granule, uint8_t bytes);
  uint32_t readWords(uint32_t warp, uint64_t key, uint32_t mask, const uint64_t *addresses, unsigned words);

  uint32_t numWarps = 0;
  uint32_t numGranules = 0;
  uint32_t lastClock = 0;              ///< the largest so far
  std::vector<uint32_t> clocks;        ///< [warp][warp]
  std::vector<uint32_t> barrierClocks; ///< [barrier][warp]
  std::vector<Write> writes;           ///< [granule]
  std::vector<uint64_t> reads;         ///< [granule][warp]
};

} // namespace qccsim

#endif // QCCSIM_CHECK_RACEDETECTOR_H
