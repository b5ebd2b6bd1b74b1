//===- ArenaPlanner.cpp ---------------------------------------------------===//

#include "qcc/Transforms/Schedule/ArenaPlanner.h"

#include <algorithm>
#include <numeric>

namespace qcc {
namespace {

int64_t alignUp(int64_t value) { return (value + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

} // namespace

ArenaPlan planArena(const std::vector<ArenaBuffer> &buffers) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });

  ArenaPlan plan;
  plan.offsets.resize(buffers.size());
  std::vector<size_t> placed; // in order of offset
  for (size_t index : order) {
    const ArenaBuffer &buffer = buffers[index];
    int64_t size = alignUp(buffer.bytes), offset = 0;
    for (size_t other : placed) {
      bool alive = buffers[other].firstUse <= buffer.lastUse && buffer.firstUse <= buffers[other].lastUse;
      if (!alive)
        continue;
      if (plan.offsets[other] >= offset + size)
        break; // the gap before `other` is large enough, and later ones start no earlier
      offset = std::max(offset, plan.offsets[other] + alignUp(buffers[other].bytes));
    }
    plan.offsets[index] = offset;
    plan.bytes = std::max(plan.bytes, offset + size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                   [&](int64_t value, size_t other) { return value < plan.offsets[other]; }),
                  index);
  }
  return plan;
}

} // namespace qcc
