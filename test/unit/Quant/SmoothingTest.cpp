//===- SmoothingTest.cpp - SmoothQuant and AWQ vectors by hand --------------===//

#include "qcc/Quant/Smoothing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace qcc::quant;

namespace {

TEST(Smoothing, SmoothQuantMovesTheGeometricShareOfTheRange) {
  std::vector<float> act{16, 4, 0, 3, 1e-7f}, weight{0.25f, 1, 2, 0, 0.5f};
  std::vector<double> half = smoothQuantScales(act, weight, 0.5);
  EXPECT_DOUBLE_EQ(half[0], 8); // sqrt(16 / 0.25): both ranges become 2
  EXPECT_DOUBLE_EQ(half[1], 2);
  EXPECT_EQ(half[2], 1);                            // no input
  EXPECT_EQ(half[3], 1);                            // no weight
  EXPECT_DOUBLE_EQ(half[4], std::sqrt(1e-5 / 0.5)); // the input's range counts as 1e-5
  std::vector<double> all = smoothQuantScales(act, weight, 1), none = smoothQuantScales(act, weight, 0);
  EXPECT_DOUBLE_EQ(all[0], 16); // α = 1 flattens the inputs
  EXPECT_DOUBLE_EQ(none[0], 4); // α = 0 flattens the weights
  std::vector<float> tiny{1e-30f}, large{1e6f};
  EXPECT_EQ(smoothQuantScales(tiny, large, 0.9)[0], 1e-5);
}

TEST(Smoothing, AwqScalesAreCentredAndTheIdentityAtZero) {
  std::vector<float> mean{0.01f, 1, 100, 0}, ratio{0.5f, 0.25f, 0.5f, 0.5f};
  for (double scale : awqScales(mean, {}, 0, false))
    EXPECT_EQ(scale, 1);
  std::vector<double> original = awqScales(std::span(mean).first(3), {}, 0.5, false);
  EXPECT_NEAR(original[0], 0.1, 1e-7); // 0.1, 1 and 10 over sqrt(10 · 0.1)
  EXPECT_NEAR(original[1], 1, 1e-7);
  EXPECT_NEAR(original[2], 10, 1e-6);
  std::vector<double> duo = awqScales(std::span(mean).first(2), std::span(ratio).first(2), 0.5, true);
  double a = 0.1 / (std::sqrt(0.5) + 1e-4), b = 1 / (0.5 + 1e-4);
  EXPECT_NEAR(duo[0], a / std::sqrt(a * b), 1e-7);
  EXPECT_NEAR(duo[1], b / std::sqrt(a * b), 1e-6);
  std::vector<double> clamped = awqScales(mean, {}, 1, false); // a channel of zeros counts as 1e-4
  EXPECT_NEAR(clamped[3], 1e-4 / std::sqrt(100 * 1e-4), 1e-9);
  std::vector<float> infinite{std::numeric_limits<float>::infinity(), 2};
  for (double scale : awqScales(infinite, {}, 1, false))
    EXPECT_EQ(scale, 1);
}

TEST(Smoothing, WeightRatiosAreRelativeToTheirGroup) {
  std::vector<float> w{1, -2, 0.5f, 4, 4, 0, 0, -8, 2, 1};
  std::vector<double> sum(5, 10.0);
  addWeightRatios(w, 2, 5, 3, sum);
  const double expected[] = {1 / 2.0 + 0, 2 / 2.0 + 0, 0.5 / 2.0 + 8 / 8.0, 4 / 4.0 + 2 / 2.0, 4 / 4.0 + 1 / 2.0};
  for (int i = 0; i < 5; ++i)
    EXPECT_NEAR(sum[i] - 10, expected[i], 2e-6);
  std::fill(sum.begin(), sum.end(), 0.0);
  addWeightRatios(w, 2, 5, 0, sum);
  EXPECT_NEAR(sum[3], 4 / 4.0 + 2 / 8.0, 2e-6);
}

TEST(Smoothing, QueryHeadsOfOneKeyValueHeadShareAScale) {
  // 4 query heads on 2 key/value heads of 2 dimensions.
  std::vector<double> columns{1, 2, 4, 8, 3, 3, 27, 12};
  std::vector<double> rows = shareOverQueryHeads(columns, 4, 2, 2);
  const double expected[] = {2, 4, 9, 6};
  ASSERT_EQ(rows.size(), 4u);
  for (int i = 0; i < 4; ++i)
    EXPECT_NEAR(rows[i], expected[i], 1e-12);
  std::vector<double> spread = spreadOverQueryHeads(rows, 4, 2, 2);
  const int source[] = {0, 1, 0, 1, 2, 3, 2, 3};
  for (int i = 0; i < 8; ++i)
    EXPECT_EQ(spread[i], rows[source[i]]);
}

} // namespace
