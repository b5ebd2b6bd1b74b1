//===- GptqSearchTest.cpp - What a search chooses, and what the parts are worth -------------===//

#include "SyntheticLayer.h"
#include "qcc/Quant/Gptq.h"

#include <gtest/gtest.h>

#include <string>

using namespace qcc;
using namespace qcc::quant;

namespace {

void expectSame(const GptqResult &a, const GptqResult &b) {
  EXPECT_EQ(a.coded.codes, b.coded.codes);
  EXPECT_EQ(a.coded.scales, b.coded.scales);
  EXPECT_EQ(a.coded.zeros, b.coded.zeros);
  EXPECT_EQ(a.report.damping, b.report.damping);
  EXPECT_EQ(a.report.correction, b.report.correction);
  EXPECT_EQ(a.report.order, b.report.order);
  EXPECT_EQ(a.report.trainError, b.report.trainError);
  EXPECT_EQ(a.report.heldOutError, b.report.heldOutError);
}

TEST(GptqSearch, KeepsTheCandidateWithTheLeastHeldOutError) {
  const int64_t rows = 48, k = 160;
  SyntheticLayer layer = syntheticLayer(rows, k, 600, 300, 0.1, 1);
  Moments moments = layer.moments(true);
  CodeFormat format = CodeFormat::intGroup(4, 32);
  GptqSearch search{{0.1, 0.01, 0.001}, {0.0, 1.0, 0.5}, {ColumnOrder::Natural, ColumnOrder::Activation}};
  GptqResult found = *searchGptq(layer.w, rows, moments, format, {}, search);
  GptqResult best;
  for (double damping : search.dampings)
    for (double correction : search.corrections)
      for (ColumnOrder order : search.orders) {
        GptqOptions options;
        options.damping = damping;
        options.correction = correction;
        options.order = order;
        GptqResult result = *gptq(layer.w, rows, moments, format, options);
        if (best.coded.codes.empty() || result.report.heldOutError < best.report.heldOutError)
          best = result;
      }
  expectSame(found, best);
  EXPECT_NE(found.report.correction, 0);
  // Handing the moments over changes memory, not results.
  expectSame(*searchGptq(layer.w, rows, layer.moments(true), format, {}, search), best);
}

TEST(GptqSearch, WithoutHeldOutRowsTheFirstCandidateIsUsed) {
  const int64_t rows = 16, k = 64;
  SyntheticLayer layer = syntheticLayer(rows, k, 300, 0, 0.1, 2);
  Moments moments = layer.moments(true, false);
  CodeFormat format = CodeFormat::intGroup(4, 32);
  GptqOptions options;
  options.damping = 0.02;
  options.correction = 0.5;
  options.order = ColumnOrder::Natural;
  GptqSearch search{{0.02, 0.01}, {0.5, 1.0}, {ColumnOrder::Natural, ColumnOrder::Activation}};
  expectSame(*searchGptq(layer.w, rows, moments, format, {}, search), *gptq(layer.w, rows, moments, format, options));
}

TEST(GptqSearch, WithoutCrossMomentsThereIsNothingToCorrect) {
  const int64_t rows = 16, k = 64;
  SyntheticLayer layer = syntheticLayer(rows, k, 300, 50, 0, 3);
  GptqResult result = *searchGptq(layer.w, rows, layer.moments(false), CodeFormat::intGroup(4, 32), {}, {});
  EXPECT_EQ(result.report.correction, 0);
}

TEST(GptqSearch, TallLayersAreJudgedOnSomeRowsAndSolvedWhole) {
  const int64_t rows = 3 * kJudgedRows / 2, k = 32;
  SyntheticLayer layer = syntheticLayer(rows, k, 200, 60, 0.1, 4);
  Moments moments = layer.moments(true);
  for (CodeFormat format : {CodeFormat::intGroup(4, 16), CodeFormat::e4m3Block(128, 32), CodeFormat::e4m3Tensor()}) {
    GptqSearch search;
    GptqResult found = *searchGptq(layer.w, rows, moments, format, {}, search);
    ASSERT_EQ(found.coded.codes.size(), size_t(rows * k));
    GptqOptions options;
    options.damping = found.report.damping;
    options.correction = found.report.correction;
    expectSame(found, *gptq(layer.w, rows, moments, format, options));
    options.correction = 0;
    EXPECT_LT(found.report.heldOutError, gptq(layer.w, rows, moments, format, options)->report.heldOutError);
  }
}

TEST(GptqSearch, HeldOutRowsThatAreNotFiniteAreRefused) {
  const int64_t rows = 16, k = 64;
  SyntheticLayer layer = syntheticLayer(rows, k, 300, 50, 0, 5);
  Moments moments = layer.moments(false);
  moments.heldOutQuant[77] = std::nanf("");
  Expected<GptqResult> result = searchGptq(layer.w, rows, moments, CodeFormat::intGroup(4, 32), {},
                                           {{0.05, 0.01}, {0.0}, {ColumnOrder::Natural}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("not finite"), std::string::npos);
}

// Plain GPTQ as llm-compressor does it: static act-order, amax / 7.5, damping 0.01.
GptqOptions plain() {
  GptqOptions options;
  options.scales.rule = ScaleRule::MinMax;
  options.damping = 0.01;
  options.correction = 0;
  options.descentPasses = 0;
  return options;
}

TEST(GptqQuality, SignedScalesAndDescentBeatPlainGptqOnHeldOutRows) {
  const int64_t rows = 64, k = 384;
  for (unsigned seed : {1u, 2u, 3u}) {
    SyntheticLayer layer = syntheticLayer(rows, k, 1500, 500, 0, seed);
    Moments moments = layer.moments(false);
    CodeFormat format = CodeFormat::intGroup(4, 128);
    GptqOptions ours = plain();
    ours.scales.rule = ScaleRule::Signed;
    ours.descentPasses = 4;
    double plainError = gptq(layer.w, rows, moments, format, plain())->report.heldOutError;
    double oursError = gptq(layer.w, rows, moments, format, ours)->report.heldOutError;
    EXPECT_LE(oursError, 0.85 * plainError) << "seed " << seed;
    RecordProperty("ratio" + std::to_string(seed), std::to_string(oursError / plainError));
  }
}

TEST(GptqQuality, CorrectionAbsorbsUpstreamError) {
  const int64_t rows = 64, k = 256;
  for (unsigned seed : {1u, 2u, 3u}) {
    SyntheticLayer layer = syntheticLayer(rows, k, 1500, 500, 0.1, seed);
    Moments moments = layer.moments(true);
    for (CodeFormat format : {CodeFormat::intGroup(4, 128), CodeFormat::e4m3Channel(), CodeFormat::intChannel(8)}) {
      GptqOptions without = plain(), with = plain();
      with.correction = 1;
      EXPECT_LE(gptq(layer.w, rows, moments, format, with)->report.heldOutError,
                0.8 * gptq(layer.w, rows, moments, format, without)->report.heldOutError)
          << "seed " << seed << ", " << format.bits << " bits";
    }
  }
}

} // namespace
