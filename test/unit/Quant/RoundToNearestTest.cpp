//===- RoundToNearestTest.cpp - Quantizers against double precision -------===//

#include "qcc/Quant/RoundToNearest.h"
#include "qcc/Quant/Formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace qcc::quant;

namespace {

std::vector<float> gaussian(int64_t count, unsigned seed, float deviation = 0.05f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

TEST(RoundToNearest, E4M3RowCodesAreTheNearestForTheStoredScale) {
  const int64_t rows = 37, cols = 131;
  std::vector<float> x = gaussian(rows * cols, 1);
  std::vector<uint8_t> codes(x.size());
  std::vector<float> scales(rows);
  quantizeE4M3PerRow(x, rows, cols, codes, scales);
  for (int64_t row = 0; row < rows; ++row) {
    double amax = 0;
    for (int64_t col = 0; col < cols; ++col)
      amax = std::max(amax, std::fabs(double(x[row * cols + col])));
    EXPECT_NEAR(scales[row], amax / 448, amax / 448 * 0x1p-23);
    for (int64_t col = 0; col < cols; ++col) {
      double value = x[row * cols + col],
             error = std::fabs(e4m3ToFloat(codes[row * cols + col]) * double(scales[row]) - value);
      for (int other = 0; other < 256; ++other)
        if ((other & 0x7f) != 0x7f) {
          // The quotient is rounded to f32 before the code is chosen, hence the slack of one f32 step.
          ASSERT_LE(error, std::fabs(e4m3ToFloat(other) * double(scales[row]) - value) + amax * 0x1p-24);
        }
    }
  }
}

TEST(RoundToNearest, Int4CodesAreTheNearestForTheStoredScaleIncludingAShortLastGroup) {
  for (int64_t group : {32, 64, 128}) {
    const int64_t rows = 9, cols = 2880 % 1000 + 131; // 1011: odd, the last group is short for every size
    std::vector<float> w = gaussian(rows * cols, unsigned(group));
    int64_t groups = groupCount(cols, group);
    std::vector<int8_t> codes(w.size());
    std::vector<uint16_t> scales(rows * groups);
    quantizeInt4PerGroup(w, rows, cols, group, codes, scales);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t g = 0; g < groups; ++g) {
        int64_t end = std::min(cols, (g + 1) * group);
        double amax = 0;
        for (int64_t col = g * group; col < end; ++col)
          amax = std::max(amax, std::fabs(double(w[row * cols + col])));
        double scale = bf16ToFloat(scales[row * groups + g]);
        EXPECT_NEAR(scale, amax / 7.5, amax / 7.5 * 0x1p-8);
        for (int64_t col = g * group; col < end; ++col) {
          int code = codes[row * cols + col];
          ASSERT_GE(code, -8);
          ASSERT_LE(code, 7);
          double error = std::fabs(code * scale - double(w[row * cols + col]));
          for (int other = -8; other <= 7; ++other)
            ASSERT_LE(error, std::fabs(other * scale - double(w[row * cols + col])) + amax * 0x1p-24);
        }
      }
  }
}

TEST(RoundToNearest, ZeroAndTinyRowsGetScaleOneAndZeroCodes) {
  std::vector<float> x = {0, 0, 0, 0, 1e-42f, -1e-42f, 1e-44f, 0};
  std::vector<uint8_t> codes(8);
  std::vector<float> scales(2);
  quantizeE4M3PerRow(x, 2, 4, codes, scales);
  std::vector<int8_t> codes4(8);
  std::vector<uint16_t> scales4(2);
  quantizeInt4PerGroup(x, 2, 4, 4, codes4, scales4);
  for (int row = 0; row < 2; ++row) {
    EXPECT_EQ(scales[row], 1.0f);
    EXPECT_EQ(bf16ToFloat(scales4[row]), 1.0f);
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(codes[i] & 0x7f, 0);
    EXPECT_EQ(codes4[i], 0);
  }
}

TEST(RoundToNearest, LargestMagnitudeMapsToTheEndOfTheGrid) {
  std::vector<float> x = {-3.0f, 1.5f};
  std::vector<uint8_t> codes(2);
  std::vector<float> scale(1), back(2);
  quantizeE4M3PerRow(x, 1, 2, codes, scale);
  EXPECT_EQ(codes[0], 0xfe); // -448
  EXPECT_EQ(codes[1], floatToE4M3(224.0f));
  dequantizeE4M3PerRow(codes, scale, 1, 2, back);
  EXPECT_EQ(back[1], 224.0f * scale[0]);
}

TEST(RoundToNearest, NonFiniteWeightsAreLocated) {
  std::vector<float> x = gaussian(100, 3);
  EXPECT_FALSE(findNonFinite(x));
  x[42] = std::numeric_limits<float>::quiet_NaN();
  x[77] = -std::numeric_limits<float>::infinity();
  auto found = findNonFinite(x);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first, 42);
  EXPECT_EQ(found->count, 2);
}

} // namespace
