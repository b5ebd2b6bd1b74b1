//===- ArenaPlanner.h - Offsets of buffers in one arena -----------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_SCHEDULE_ARENAPLANNER_H
#define QCC_TRANSFORMS_SCHEDULE_ARENAPLANNER_H

#include <cstdint>
#include <vector>

namespace qcc {

/// A buffer that holds a value from step `firstUse` to step `lastUse`, both included.
struct ArenaBuffer {
  int64_t bytes = 0;
  int64_t firstUse = 0, lastUse = 0;
};

struct ArenaPlan {
  std::vector<int64_t> offsets; ///< one per buffer, multiples of kArenaAlignment
  int64_t bytes = 0;            ///< size of the arena
};

/// Device allocations are at least this aligned, and so is every buffer: 128-bit loads and full sectors.
inline constexpr int64_t kArenaAlignment = 256;

/// Places buffers so that two whose lifetimes meet never overlap. Greedy by size, largest first, lowest offset that
/// fits (Pisarchyk & Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020, §5.2). Deterministic.
ArenaPlan planArena(const std::vector<ArenaBuffer> &buffers);

} // namespace qcc

#endif // QCC_TRANSFORMS_SCHEDULE_ARENAPLANNER_H
