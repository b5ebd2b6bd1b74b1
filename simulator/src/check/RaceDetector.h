//===- RaceDetector.h - Races in shared memory ----------------------------===//
//
// Vector clocks over the warps of a block (Mattern; for the epoch form, FastTrack, Flanagan and
// Freund 2009). A warp's own clock advances when it arrives at a barrier; a barrier joins the
// clocks of all that arrived into all that leave. Two accesses to the same four bytes, one of them
// a write, by different warps, race unless the later one's warp has seen the earlier one's clock.
// Accesses of one warp are taken to be ordered.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_CHECK_RACEDETECTOR_H
#define QCCSIM_CHECK_RACEDETECTOR_H

#include <cstdint>
#include <vector>

namespace qccsim {

class RaceDetector {
public:
  /// The earlier access of a race.
  struct Conflict {
    bool found = false;
    uint32_t warp = 0, statement = 0;
    bool wasWrite = false;
  };

  void start(uint32_t warps, uint32_t sharedBytes);
  void arrive(uint32_t warp, uint32_t barrier);
  void leave(uint32_t warp, uint32_t barrier);
  void reset(uint32_t barrier);

  Conflict read(uint32_t warp, uint32_t statement, uint32_t address, uint32_t bytes);
  Conflict write(uint32_t warp, uint32_t statement, uint32_t address, uint32_t bytes);
  /// Atomics are ordered among themselves, but not with plain accesses.
  Conflict atomic(uint32_t warp, uint32_t statement, uint32_t address, uint32_t bytes);

private:
  struct Epoch {
    uint16_t warp = 0;
    bool atomic = false;
    uint32_t clock = 0; ///< 0: never
    uint32_t statement = 0;
  };
  /// Readers are kept one per warp until a write: the first reader inline, more in `readers`.
  struct Granule {
    Epoch writer;
    Epoch reader;
    int32_t more = -1;
    uint8_t writtenBytes = 0; ///< which of the four
    uint8_t readBytes = 0;
  };

  bool seen(uint32_t warp, const Epoch &epoch) const {
    return !epoch.clock || epoch.warp == warp || clocks[warp * numWarps + epoch.warp] >= epoch.clock;
  }
  Conflict access(uint32_t warp, uint32_t statement, uint32_t address, uint32_t bytes, bool isWrite,
                  bool isAtomic);
  Conflict accessGranule(Granule &granule, uint32_t warp, uint32_t statement, uint8_t byteMask,
                         bool isWrite, bool isAtomic);

  uint32_t numWarps = 0;
  std::vector<uint32_t> clocks;        ///< [warp][warp]
  std::vector<uint32_t> barrierClocks; ///< [barrier][warp]
  std::vector<Granule> granules;
  std::vector<std::vector<Epoch>> readers;
};

} // namespace qccsim

#endif // QCCSIM_CHECK_RACEDETECTOR_H
