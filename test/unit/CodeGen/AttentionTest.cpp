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
  for (ElemType kv : {ElemType::BF16, ElemType::E4M3})
    for (bool inKeys : {false, true}) {
      PagedCache cache(describe(1, 1, kv), {{3, 3}}, 13);
      std::vector<uint16_t> q = Random(14).bf16(size_t(cache.tokens() * cache.desc.qPitch));
      (inKeys ? cache.k : cache.v)[cache.index(0, 0, 0, 21)] = std::nanf("");
      std::string error;
      std::vector<uint16_t> y = runPrefill(test::testDevice(), cache, q, 90, error);
      ASSERT_EQ(error, "");
      for (int64_t i = 0; i < 3; ++i)
        EXPECT_TRUE(std::isnan(quant::bf16ToFloat(y[size_t(i * cache.desc.outPitch + 21)])))
            << nameOf(kv) << (inKeys ? " key, token " : " value, token ") << i;
    }
}

} // namespace
