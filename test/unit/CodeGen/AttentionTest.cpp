//===- AttentionTest.cpp - What attention must do beside the numbers ------===//

#include "AttentionRun.h"
#include "TestDevice.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::bench;
using namespace qcc::codegen;

namespace {

AttentionDesc describe(int64_t heads, int64_t kvHeads, ElemType kv) {
  AttentionDesc desc;
  desc.heads = heads;
  desc.kvHeads = kvHeads;
  desc.headDim = 64;
  desc.kv = kv;
  desc.scale = 0.125;
  desc.qPitch = desc.outPitch = heads * 64;
  return desc;
}

/// What a NaN in element 21 of a cached row looks like: in s8 the row's scale carries it.
void poison(PagedCache &cache, bool inKeys, size_t sequence, int64_t position) {
  if (cache.desc.kv == ElemType::S8)
    (inKeys ? cache.kRowScale : cache.vRowScale)[cache.rowIndex(sequence, position, 0)] = std::nanf("");
  else
    (inKeys ? cache.k : cache.v)[cache.index(sequence, position, 0, 21)] = std::nanf("");
}

// A sequence's splits follow from its own context: its result must not change with its neighbours.
TEST(Decode, ResultDoesNotDependOnNeighbours) {
  AttentionDesc desc = describe(4, 2, ElemType::BF16);
  PagedCache both(desc, {{1, 400}, {1, 900}}, 11);
  std::vector<uint16_t> q = Random(12).bf16(size_t(2 * desc.qPitch));
  std::string error;
  std::vector<uint16_t> together = runDecode(test::testDevice(), both, q, 8, 90, error);
  ASSERT_EQ(error, "");

  PagedCache alone = both;
  alone.runs = {both.runs[0]};
  alone.seqStarts = {0, 1};
  alone.contextLens = {400};
  alone.blockTables.resize(size_t(both.pagesPerSequence));
  q.resize(size_t(desc.qPitch));
  std::vector<uint16_t> single = runDecode(test::testDevice(), alone, q, 8, 90, error);
  ASSERT_EQ(error, "");
  together.resize(single.size());
  EXPECT_EQ(together, single);
}

// A NaN in the cache must show in the result, also through the integer conversion of e4m3.
TEST(Prefill, NaNPropagatesFromKeysAndValues) {
  for (ElemType kv : {ElemType::BF16, ElemType::E4M3, ElemType::S8})
    for (bool inKeys : {false, true}) {
      PagedCache cache(describe(1, 1, kv), {{3, 3}}, 13);
      std::vector<uint16_t> q = Random(14).bf16(size_t(cache.tokens() * cache.desc.qPitch));
      poison(cache, inKeys, 0, 0);
      std::string error;
      std::vector<uint16_t> y = runPrefill(test::testDevice(), cache, q, 90, error);
      ASSERT_EQ(error, "");
      for (int64_t i = 0; i < 3; ++i)
        EXPECT_TRUE(std::isnan(quant::bf16ToFloat(y[size_t(i * cache.desc.outPitch + 21)])))
            << nameOf(kv) << (inKeys ? " key, token " : " value, token ") << i;
    }
}

// A warp or a split whose only key is NaN has no maximum, just as one without keys; it must not be taken for one.
TEST(Decode, NaNPropagatesFromALoneKey) {
  for (ElemType kv : {ElemType::BF16, ElemType::E4M3, ElemType::S8}) {
    // Position 16 is the only key of the second warp, position 256 the only one of the third split.
    PagedCache cache(describe(2, 1, kv), {{1, 17}, {1, 257}}, 15);
    for (size_t sequence : {0, 1})
      poison(cache, /*inKeys=*/true, sequence, cache.runs[sequence].context - 1);
    std::vector<uint16_t> q = Random(16).bf16(size_t(2 * cache.desc.qPitch));
    std::string error;
    std::vector<uint16_t> y = runDecode(test::testDevice(), cache, q, 4, 90, error);
    ASSERT_EQ(error, "");
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_TRUE(std::isnan(quant::bf16ToFloat(y[i]))) << nameOf(kv) << " element " << i;
  }
}

// Keys that share a page with the window's first key, but lie before it, must not be used at all: 0 * NaN is NaN.
TEST(Decode, ValuesBeforeTheWindowDoNotReachTheResult) {
  AttentionDesc desc = describe(2, 1, ElemType::BF16);
  desc.window = 20;
  PagedCache cache(desc, {{1, 60}}, 17);
  cache.v[cache.index(0, 5, 0, 0)] = std::nanf("");
  std::vector<uint16_t> q = Random(18).bf16(size_t(desc.qPitch));
  std::string error;
  std::vector<uint16_t> y = runDecode(test::testDevice(), cache, q, 1, 90, error);
  ASSERT_EQ(error, "");
  for (size_t i = 0; i < y.size(); ++i)
    ASSERT_FALSE(std::isnan(quant::bf16ToFloat(y[i]))) << "element " << i;
}

} // namespace
