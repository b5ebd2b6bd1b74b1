//===- BatchesTest.cpp - Which tokens run together, which judge -----------===//

#include "qcc/Calibration/Batches.h"

#include <gtest/gtest.h>

#include <set>

using namespace qcc;

namespace {

calib::TokenSet sequences(std::vector<size_t> lengths) {
  calib::TokenSet set;
  int32_t next = 0;
  for (size_t length : lengths) {
    set.sequences.emplace_back();
    for (size_t i = 0; i < length; ++i)
      set.sequences.back().push_back(next++);
  }
  return set;
}

TEST(Batches, EveryTokenRunsOnceAndTheLastEighthIsHeldOut) {
  calib::TokenSet set = sequences(std::vector<size_t>(20, 50));
  calib::BatchPlan plan = calib::planBatches(set, 16, 120);
  int32_t next = 0;
  for (const calib::Batch &batch : plan.batches) {
    EXPECT_LE(batch.tokens(), 120);
    EXPECT_LE(int64_t(batch.step.blockTables.size()), plan.pages);
    EXPECT_EQ(batch.isHeldOut, next >= 18 * 50);
    for (int32_t token : batch.step.tokens)
      EXPECT_EQ(token, next++);
  }
  EXPECT_EQ(next, 1000);
  EXPECT_EQ(plan.tokens, 900);
  EXPECT_EQ(plan.heldOutTokens, 100);
}

TEST(Batches, TwoSequencesAreOneToFitAndOneToJudge) {
  calib::BatchPlan plan = calib::planBatches(sequences({70, 30}), 16, 1024);
  ASSERT_EQ(plan.batches.size(), 2u);
  EXPECT_FALSE(plan.batches[0].isHeldOut);
  EXPECT_TRUE(plan.batches[1].isHeldOut);
}

TEST(Batches, ASequenceLongerThanABatchIsABatch) {
  calib::BatchPlan plan = calib::planBatches(sequences({300, 10, 10}), 16, 100);
  ASSERT_EQ(plan.batches.size(), 3u);
  EXPECT_EQ(plan.batches[0].tokens(), 300);
  EXPECT_EQ(plan.pages, 19);
}

TEST(Batches, SequencesOfABatchShareNoPage) {
  calib::BatchPlan plan = calib::planBatches(sequences({20, 33, 5, 8}), 16, 1024);
  const interp::RaggedBatch &step = plan.batches.front().step;
  std::set<int32_t> pages(step.blockTables.begin(), step.blockTables.end());
  EXPECT_EQ(pages.size(), step.blockTables.size());
  size_t perSequence = step.blockTables.size() / step.contextLens.size();
  for (size_t b = 0; b < step.contextLens.size(); ++b)
    for (int32_t t = step.seqStarts[b]; t < step.seqStarts[b + 1]; ++t) {
      int32_t position = step.positions[size_t(t)];
      EXPECT_EQ(step.slots[size_t(t)], step.blockTables[b * perSequence + size_t(position / 16)] * 16 + position % 16);
    }
}

TEST(Batches, SampledRowsAreSpreadEvenlyAndWithinTheLimit) {
  calib::BatchPlan plan = calib::planBatches(sequences(std::vector<size_t>(64, 100)), 16, 250);
  for (int64_t limit : {1, 7, 100, 799, 800, 5000}) {
    std::vector<int64_t> places; // among all held-out tokens
    for (const calib::Batch &batch : plan.batches)
      if (batch.isHeldOut)
        for (int64_t row : plan.sampleRows(batch, limit)) {
          ASSERT_LT(row, batch.tokens());
          places.push_back(batch.firstToken + row);
        }
    EXPECT_LE(int64_t(places.size()), limit);
    EXPECT_GE(int64_t(places.size()), std::min<int64_t>(limit, 800) / 2);
    for (size_t i = 1; i < places.size(); ++i)
      EXPECT_EQ(places[i] - places[i - 1], places[1] - places[0]);
  }
}

} // namespace
