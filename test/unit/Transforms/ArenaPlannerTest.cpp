//===- ArenaPlannerTest.cpp - Overlap is judged pair by pair --------------===//

#include "qcc/Transforms/Schedule/ArenaPlanner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace qcc;

namespace {

void expectSound(const std::vector<ArenaBuffer> &buffers, const ArenaPlan &plan) {
  ASSERT_EQ(plan.offsets.size(), buffers.size());
  for (size_t a = 0; a < buffers.size(); ++a) {
    EXPECT_EQ(plan.offsets[a] % kArenaAlignment, 0);
    EXPECT_LE(plan.offsets[a] + buffers[a].bytes, plan.bytes);
    for (size_t b = 0; b < a; ++b) {
      bool alive =
          std::max(buffers[a].firstUse, buffers[b].firstUse) <= std::min(buffers[a].lastUse, buffers[b].lastUse);
      bool overlap = std::max(plan.offsets[a], plan.offsets[b]) <
                     std::min(plan.offsets[a] + buffers[a].bytes, plan.offsets[b] + buffers[b].bytes);
      EXPECT_FALSE(alive && overlap) << a << " and " << b;
    }
  }
}

TEST(ArenaPlanner, LivingBuffersNeverOverlapOnRandomLifetimes) {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<ArenaBuffer> buffers(1 + random() % 40);
    for (ArenaBuffer &buffer : buffers) {
      buffer.bytes = random() % 5000;
      buffer.firstUse = random() % 30;
      buffer.lastUse = buffer.firstUse + random() % 8;
    }
    expectSound(buffers, planArena(buffers));
  }
}

TEST(ArenaPlanner, ChainOfValuesReusesTwoSlots) {
  std::vector<ArenaBuffer> buffers;
  for (int step = 0; step < 10; ++step)
    buffers.push_back({4096, step, step + 1});
  ArenaPlan plan = planArena(buffers);
  expectSound(buffers, plan);
  EXPECT_EQ(plan.bytes, 2 * 4096);
}

TEST(ArenaPlanner, NothingToPlaceNeedsNoArena) { EXPECT_EQ(planArena({}).bytes, 0); }

} // namespace
