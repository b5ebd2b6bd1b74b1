//===- MetricsTest.cpp - Divergences against their definitions ------------===//
//
// Logits are logarithms of probabilities written down here, so that every figure can be computed by hand.
//
//===----------------------------------------------------------------------===//

#include "Metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace qcc::eval;

namespace {

using Rows = std::vector<std::vector<double>>;

/// Logits of probabilities, shifted by a constant per row, which must not matter.
std::vector<float> logits(const Rows &probabilities) {
  std::vector<float> result;
  double shift = 3;
  for (const auto &row : probabilities) {
    for (double p : row)
      result.push_back(float(std::log(p) + shift));
    shift -= 5;
  }
  return result;
}

Comparison compare(const Rows &p, const Rows &q, const std::vector<int32_t> &window) {
  Comparer comparer;
  comparer.add(logits(p), logits(q), window);
  return comparer.finish();
}

TEST(Metrics, KlIsTheMeanOverAllPositions) {
  Comparison c = compare({{.5, .25, .25}, {.8, .1, .1}}, {{.25, .5, .25}, {.8, .1, .1}}, {0, 1});
  double first = .5 * std::log(2.0) + .25 * std::log(.5);
  EXPECT_NEAR(c.klMean, first / 2, 1e-7);
  EXPECT_NEAR(c.klMax, first, 1e-7);
  EXPECT_NEAR(c.klMedian, first / 2, 1e-7);
  EXPECT_EQ(c.positions, 2);
}

TEST(Metrics, KlIsDirectedFromFloatToQuantized) {
  Rows p{{.9, .1}, {.5, .5}}, q{{.5, .5}, {.5, .5}};
  EXPECT_NEAR(compare(p, q, {0, 0}).klMean, (.9 * std::log(1.8) + .1 * std::log(.2)) / 2, 1e-7);
  EXPECT_NEAR(compare(q, p, {0, 0}).klMean, (.5 * std::log(.5 / .9) + .5 * std::log(5.0)) / 2, 1e-7);
}

TEST(Metrics, LossIsOfTheNextToken) {
  Comparison c =
      compare({{.7, .2, .1}, {.1, .1, .8}, {.3, .3, .4}}, {{.6, .3, .1}, {.2, .2, .6}, {.3, .3, .4}}, {2, 1, 2});
  EXPECT_EQ(c.predictions, 2);
  EXPECT_NEAR(c.nllFloat, -(std::log(.2) + std::log(.8)) / 2, 1e-6);
  EXPECT_NEAR(c.nllQuantized, -(std::log(.3) + std::log(.6)) / 2, 1e-6);
  EXPECT_NEAR(c.rmsDeltaP, std::sqrt((.01 + .04) / 2), 1e-6);
}

TEST(Metrics, TopTokensAgreeAndPredictionsFlip) {
  // Tokens to predict: 0, then 1. First: float right, quantized wrong; second: both wrong, but about different tokens.
  Comparison c =
      compare({{.6, .3, .1}, {.5, .2, .3}, {.5, .3, .2}}, {{.3, .6, .1}, {.3, .2, .5}, {.6, .2, .2}}, {2, 0, 1});
  EXPECT_NEAR(c.top1, 1.0 / 3, 1e-12);
  EXPECT_NEAR(c.flips, 0.5, 1e-12);
}

TEST(Metrics, QuantilesAreOfPositionsNotOfWindows) {
  Comparer comparer;
  Rows same(100, {.5, .5}), off = same;
  off[7] = {.9, .1};
  comparer.add(logits(same), logits(off), std::vector<int32_t>(100, 0));
  Comparison c = comparer.finish();
  EXPECT_NEAR(c.klMedian, 0, 1e-12);
  double worst = .5 * std::log(.5 / .9) + .5 * std::log(5.0);
  EXPECT_NEAR(c.klMax, worst, 1e-6);
  EXPECT_NEAR(c.klP99, worst * 0.01, 1e-6); // place 98.01 of 0 … 99
}

TEST(Metrics, IntervalsHoldTheMeanAndNarrowWithWindows) {
  auto width = [](int windows) {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    Comparer comparer;
    for (int w = 0; w < windows; ++w) {
      std::vector<float> a(64), b(64);
      for (size_t i = 0; i < a.size(); ++i) {
        a[i] = normal(random);
        b[i] = a[i] + 0.1f * normal(random);
      }
      comparer.add(a, b, std::vector<int32_t>(16, 1));
    }
    Comparison c = comparer.finish();
    EXPECT_LT(c.klInterval.low, c.klMean);
    EXPECT_GT(c.klInterval.high, c.klMean);
    return c.klInterval.high - c.klInterval.low;
  };
  double ratio = width(200) / width(50);
  EXPECT_GT(ratio, 0.3);
  EXPECT_LT(ratio, 0.8); // a half, up to chance
}

TEST(Metrics, NanShowsInEveryFigureOfIt) {
  Comparer comparer;
  std::vector<float> good{0, 1, 2, 3}, bad = good;
  bad[1] = std::numeric_limits<float>::quiet_NaN();
  comparer.add(good, bad, std::vector<int32_t>{0, 1});
  Comparison c = comparer.finish();
  EXPECT_TRUE(std::isnan(c.klMean));
  EXPECT_TRUE(std::isnan(c.klMedian));
  EXPECT_TRUE(std::isnan(c.klP99));
}

TEST(Metrics, SignalToNoiseInDecibels) {
  SignalToNoise noise;
  noise.add(std::vector<float>{3, 4}, std::vector<float>{3, 4.5});
  EXPECT_NEAR(noise.decibel(), 20, 1e-9); // 25 / 0.25
  SignalToNoise none;
  none.add(std::vector<float>{1}, std::vector<float>{1});
  EXPECT_TRUE(std::isinf(none.decibel()));
}

} // namespace
