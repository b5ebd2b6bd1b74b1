//===- AttentionTest.cpp - Prefill and decode against double precision ----===//
//
// Tolerance: probabilities and output are rounded to bf16 once each (unit roundoff 2^-8), so an element may be off by 2^-7 of
// sum p |v| (attention/prefill.cuh). Roundings average out, so the root mean square of all errors must lie below 2^-8 of that
// of the values: a scale or a key that is wrong by a little shows there.
//
//===----------------------------------------------------------------------===//

#include "Launcher.h"
#include "PagedCache.h"
#include "qcc/CodeGen/Attention.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::codegen;
using namespace qcc::test;

namespace {

AttentionDesc describe(int64_t heads, int64_t kvHeads, int64_t headDim, ElemType kv, int64_t window = 0) {
  AttentionDesc desc;
  desc.heads = heads;
  desc.kvHeads = kvHeads;
  desc.headDim = headDim;
  desc.kv = kv;
  desc.window = window;
  desc.scale = 1 / std::sqrt(double(headDim));
  desc.qPitch = heads * headDim + 8; // a slice of a wider row
  desc.outPitch = heads * headDim;
  return desc;
}

void bindCache(Launcher &launcher, const PagedCache &cache, const std::vector<uint16_t> &q) {
  launcher.size(Size::T, cache.tokens());
  launcher.size(Size::B, int64_t(cache.runs.size()));
  launcher.size(Size::Q, cache.longestRun());
  launcher.size(Size::C, cache.longestContext());
  launcher.size(Size::P, cache.pagesPerSequence);
  launcher.input("q", q);
  launcher.input("k_cache", cache.encode(cache.k));
  launcher.input("v_cache", cache.encode(cache.v));
  if (cache.desc.kv == ElemType::E4M3) {
    launcher.input("k_scale", cache.kScale);
    launcher.input("v_scale", cache.vScale);
  }
  launcher.input("seq_starts", cache.seqStarts);
  launcher.input("context_lens", cache.contextLens);
  launcher.input("block_tables", cache.blockTables);
}

void expectAttention(const PagedCache &cache, const std::vector<uint16_t> &q, const std::vector<uint16_t> &y) {
  const AttentionDesc &desc = cache.desc;
  double squaredErrors = 0, squares = 0;
  for (size_t b = 0; b < cache.runs.size(); ++b)
    for (int64_t i = 0; i < cache.runs[b].count; ++i)
      for (int64_t head = 0; head < desc.heads; ++head) {
        PagedCache::Reference reference = cache.attend(q, b, i, head);
        for (int64_t e = 0; e < desc.headDim; ++e) {
          float actual = quant::bf16ToFloat(y[size_t((cache.seqStarts[b] + i) * desc.outPitch + head * desc.headDim + e)]);
          ASSERT_NEAR(actual, reference.value[size_t(e)], reference.magnitude[size_t(e)] * 0x1p-7)
              << "sequence " << b << " token " << i << " head " << head << " element " << e;
          squaredErrors += std::pow(actual - reference.value[size_t(e)], 2);
          squares += std::pow(reference.value[size_t(e)], 2);
        }
      }
  EXPECT_LE(std::sqrt(squaredErrors), 0x1p-8 * std::sqrt(squares));
}

std::vector<uint16_t> prefill(const PagedCache &cache, const std::vector<uint16_t> &q, int target = 90) {
  Launcher launcher(cache.desc, target);
  bindCache(launcher, cache, q);
  launcher.output("y", size_t(cache.tokens() * cache.desc.outPitch * 2), 0xff);
  EXPECT_EQ(launcher.run(), "");
  return launcher.read<uint16_t>("y");
}

/// Both stages; the workspace starts as NaN, so that a record nobody wrote cannot go unnoticed in the result.
std::vector<uint16_t> decode(const PagedCache &cache, const std::vector<uint16_t> &q, int64_t maxSplits, int target = 90) {
  AttentionDesc desc = cache.desc;
  desc.maxSplits = maxSplits;
  desc.stage = AttentionDesc::Stage::DecodePartial;
  Launcher partial(desc, target);
  bindCache(partial, cache, q);
  partial.output("workspace", cache.runs.size() * size_t(decodeWorkspaceBytes(desc)), 0xff);
  EXPECT_EQ(partial.run(), "");

  desc.stage = AttentionDesc::Stage::DecodeCombine;
  Launcher combine(desc, target);
  combine.size(Size::B, int64_t(cache.runs.size()));
  combine.size(Size::Q, 1);
  combine.input("workspace", partial.read<float>("workspace"));
  combine.input("seq_starts", cache.seqStarts);
  combine.input("context_lens", cache.contextLens);
  combine.output("y", size_t(cache.tokens() * desc.outPitch * 2), 0xff);
  EXPECT_EQ(combine.run(), "");
  return combine.read<uint16_t>("y");
}

struct Problem {
  const char *name; ///< why this shape
  int64_t heads, kvHeads, headDim;
  ElemType kv;
  int64_t window;
  std::vector<Run> runs;
};

void PrintTo(const Problem &problem, std::ostream *out) { *out << problem.name; }

std::vector<Problem> prefillProblems() {
  return {
      {"OneToken", 2, 2, 64, ElemType::BF16, 0, {{1, 1}}},
      {"SevenTokens", 4, 2, 64, ElemType::BF16, 0, {{7, 7}}},
      {"OneWholePage", 2, 1, 64, ElemType::BF16, 0, {{64, 64}}},
      {"SeveralPages", 2, 1, 64, ElemType::BF16, 0, {{300, 300}}},
      {"RaggedBatch", 4, 2, 64, ElemType::BF16, 0, {{1, 1}, {0, 5}, {17, 80}, {1, 130}, {65, 65}, {30, 94}}},
      {"ChunkAcrossPages", 2, 2, 64, ElemType::BF16, 0, {{70, 190}}},
      {"WindowShorterThanPrompt", 2, 1, 64, ElemType::BF16, 40, {{150, 150}, {3, 200}}},
      {"WindowOfOne", 1, 1, 64, ElemType::BF16, 1, {{20, 20}}},
      {"WindowOfExactlyOnePage", 1, 1, 64, ElemType::BF16, 64, {{130, 130}}},
      {"GroupOfEight", 8, 1, 64, ElemType::BF16, 0, {{33, 40}}},
      {"GroupOfThree", 6, 2, 64, ElemType::BF16, 0, {{33, 33}}},
      {"Dim16", 2, 1, 16, ElemType::BF16, 0, {{70, 70}}},
      {"Dim32", 2, 1, 32, ElemType::BF16, 0, {{70, 70}}},
      {"Dim80", 2, 1, 80, ElemType::BF16, 0, {{70, 70}}},
      {"Dim96", 2, 1, 96, ElemType::BF16, 0, {{70, 70}}},
      {"Dim128", 4, 1, 128, ElemType::BF16, 0, {{70, 135}}},
      {"Dim256", 2, 1, 256, ElemType::BF16, 0, {{70, 70}}},
      {"Fp8SeveralPages", 4, 2, 64, ElemType::E4M3, 0, {{150, 150}, {5, 70}}},
      {"Fp8Dim16", 2, 1, 16, ElemType::E4M3, 0, {{70, 70}}},
      {"Fp8Dim80", 2, 1, 80, ElemType::E4M3, 0, {{70, 70}}},
      {"Fp8Dim128", 4, 1, 128, ElemType::E4M3, 0, {{70, 135}}},
      {"Fp8Dim256Window", 2, 1, 256, ElemType::E4M3, 30, {{70, 70}}},
  };
}

class Prefill : public testing::TestWithParam<Problem> {};

TEST_P(Prefill, MatchesDoublePrecision) {
  const Problem &p = GetParam();
  PagedCache cache(describe(p.heads, p.kvHeads, p.headDim, p.kv, p.window), p.runs, 7);
  std::vector<uint16_t> q = Random(8).bf16(size_t(cache.tokens() * cache.desc.qPitch));
  expectAttention(cache, q, prefill(cache, q));
}

INSTANTIATE_TEST_SUITE_P(Shapes, Prefill, testing::ValuesIn(prefillProblems()),
                         [](const auto &info) { return std::string(info.param.name); });

std::vector<Problem> decodeProblems() {
  return {
      {"FirstToken", 2, 2, 64, ElemType::BF16, 0, {{1, 1}}},
      {"PartOfASlice", 4, 2, 64, ElemType::BF16, 0, {{1, 7}}},
      {"EndOfAPage", 4, 1, 64, ElemType::BF16, 0, {{1, 64}}},
      {"FirstOfAPage", 4, 1, 64, ElemType::BF16, 0, {{1, 65}}},
      {"MixedContexts", 8, 2, 64, ElemType::BF16, 0, {{1, 300}, {1, 1}, {0, 90}, {1, 129}, {1, 700}}},
      {"Window", 2, 1, 64, ElemType::BF16, 100, {{1, 500}, {1, 50}, {1, 228}}},
      {"GroupOfSixteen", 16, 1, 64, ElemType::BF16, 0, {{1, 200}}},
      {"GroupOfTwenty", 20, 1, 64, ElemType::BF16, 0, {{1, 200}}}, // two tiles of rows
      {"Dim16", 2, 1, 16, ElemType::BF16, 0, {{1, 200}}},
      {"Dim80", 2, 1, 80, ElemType::BF16, 0, {{1, 200}}},
      {"Dim128", 4, 1, 128, ElemType::BF16, 0, {{1, 200}}},
      {"Dim256", 2, 1, 256, ElemType::BF16, 0, {{1, 200}}},
      {"Fp8", 4, 2, 64, ElemType::E4M3, 0, {{1, 300}, {1, 65}}},
      {"Fp8Dim80", 2, 1, 80, ElemType::E4M3, 0, {{1, 200}}},
      {"Fp8Dim128", 4, 1, 128, ElemType::E4M3, 0, {{1, 200}}},
      {"Fp8Dim256Window", 2, 1, 256, ElemType::E4M3, 90, {{1, 200}}},
  };
}

class Decode : public testing::TestWithParam<Problem> {};

TEST_P(Decode, MatchesDoublePrecision) {
  const Problem &p = GetParam();
  PagedCache cache(describe(p.heads, p.kvHeads, p.headDim, p.kv, p.window), p.runs, 9);
  std::vector<uint16_t> q = Random(10).bf16(size_t(cache.tokens() * cache.desc.qPitch));
  for (int64_t maxSplits : {1, 4})
    expectAttention(cache, q, decode(cache, q, maxSplits));
}

INSTANTIATE_TEST_SUITE_P(Shapes, Decode, testing::ValuesIn(decodeProblems()),
                         [](const auto &info) { return std::string(info.param.name); });

// A sequence's splits follow from its own context: its result must not change with its neighbours.
TEST(DecodeBatch, ResultDoesNotDependOnNeighbours) {
  AttentionDesc desc = describe(4, 2, 64, ElemType::BF16);
  desc.outPitch = desc.qPitch;
  PagedCache both(desc, {{1, 400}, {1, 900}}, 11);
  std::vector<uint16_t> q = Random(12).bf16(size_t(2 * desc.qPitch));
  std::vector<uint16_t> together = decode(both, q, 8);

  PagedCache alone = both;
  alone.runs = {both.runs[0]};
  alone.seqStarts = {0, 1};
  alone.contextLens = {400};
  alone.blockTables.resize(size_t(both.pagesPerSequence));
  std::vector<uint16_t> single = decode(alone, std::vector<uint16_t>(q.begin(), q.begin() + desc.qPitch), 8);
  for (int64_t i = 0; i < desc.heads * desc.headDim; ++i)
    ASSERT_EQ(together[size_t(i)], single[size_t(i)]) << i;
}

// A NaN in the cache must show in the result, also through the integer conversion of e4m3.
TEST(AttentionNaN, PropagatesFromKeysAndValues) {
  for (ElemType kv : {ElemType::BF16, ElemType::E4M3})
    for (bool inKeys : {false, true}) {
      PagedCache cache(describe(1, 1, 64, kv), {{3, 3}}, 13);
      std::vector<uint16_t> q = Random(14).bf16(size_t(cache.tokens() * cache.desc.qPitch));
      (inKeys ? cache.k : cache.v)[cache.index(0, 0, 0, 21)] = std::nanf("");
      std::vector<uint16_t> y = prefill(cache, q);
      for (int64_t i = 0; i < 3; ++i)
        EXPECT_TRUE(std::isnan(quant::bf16ToFloat(y[size_t(i * cache.desc.outPitch + 21)]))) << int(kv) << inKeys << i;
    }
}

} // namespace
