//===- ActivationCodesTest.cpp - Codes of activations against their definition ===//
//
// Oracle: the quotient x / scale in f32 (one IEEE division), then the nearest code by distance in double precision.
//
//===----------------------------------------------------------------------===//

#include "qcc/Quant/ActivationCodes.h"
#include "qcc/Quant/Formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace qcc::quant;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

/// bf16 activations with a wide range.
std::vector<float> activations(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::student_t_distribution<float> heavy(3);
  std::vector<float> values(size_t(count), 0.0f);
  for (float &value : values)
    value = roundToBF16(heavy(random));
  return values;
}

double largest(const std::vector<float> &x, int64_t begin, int64_t end) {
  double amax = 0;
  for (int64_t i = begin; i < end; ++i)
    amax = std::max(amax, std::fabs(double(x[size_t(i)])));
  return amax;
}

int nearestInt8(float quotient) {
  int best = 0;
  for (int code = -127; code <= 127; ++code) {
    double distance = std::fabs(code - double(quotient)), least = std::fabs(best - double(quotient));
    if (distance < least || (distance == least && code % 2 == 0))
      best = code;
  }
  return best;
}

TEST(ActivationCodes, Int8RowsScaleByTheirLargestMagnitude) {
  const int64_t rows = 23, cols = 131;
  std::vector<float> x = activations(rows * cols, 1);
  std::vector<int8_t> codes(x.size());
  std::vector<float> scales(rows);
  quantizeInt8PerRow(x, rows, cols, codes, scales);
  for (int64_t row = 0; row < rows; ++row) {
    float scale = scales[size_t(row)];
    ASSERT_EQ(scale, float(largest(x, row * cols, (row + 1) * cols) / 127));
    for (int64_t i = row * cols; i < (row + 1) * cols; ++i)
      ASSERT_EQ(int(codes[size_t(i)]), nearestInt8(x[size_t(i)] / scale));
  }
}

TEST(ActivationCodes, Int8RoundsTiesToEvenAndIsSymmetric) {
  for (int halves = -254; halves <= 254; ++halves) {
    float x[] = {float(halves) / 2, 127.0f};
    int8_t codes[2];
    float scale;
    quantizeInt8PerRow(x, 1, 2, codes, std::span(&scale, 1));
    ASSERT_EQ(scale, 1.0f);
    ASSERT_EQ(int(codes[0]), int(std::nearbyint(halves / 2.0)));
  }
  float ends[] = {-200.0f, 200.0f, -127.5f, -128.0f};
  int8_t codes[4];
  quantizeInt8Static(ends, 1.0f, codes);
  for (int8_t code : codes)
    EXPECT_EQ(std::abs(int(code)), 127); // never -128
}

TEST(ActivationCodes, Int8RowsWithNonFiniteValuesBecomeNaN) {
  for (float bad : {kNaN, -kNaN, kInf, -kInf}) {
    std::vector<float> x = activations(3 * 40, 2);
    x[40 + 17] = bad;
    std::vector<int8_t> codes(x.size(), 99), clean(x.size());
    std::vector<float> scales(3), cleanScales(3);
    quantizeInt8PerRow(x, 3, 40, codes, scales);
    x[40 + 17] = 0;
    quantizeInt8PerRow(x, 3, 40, clean, cleanScales);
    EXPECT_TRUE(std::isnan(scales[1]));
    for (int i = 40; i < 80; ++i)
      EXPECT_EQ(codes[size_t(i)], 0);
    for (int row : {0, 2}) { // neighbours keep theirs
      EXPECT_EQ(scales[size_t(row)], cleanScales[size_t(row)]);
      EXPECT_TRUE(std::equal(&codes[size_t(row) * 40], &codes[size_t(row) * 40] + 40, &clean[size_t(row) * 40]));
    }
  }
}

TEST(ActivationCodes, StaticCodesSaturateAndInt8DropsNaN) {
  std::vector<float> x = {0.0f, 1.0f, -1.0f, 1e30f, -1e30f, kInf, -kInf, kNaN};
  std::vector<int8_t> int8(x.size());
  quantizeInt8Static(x, 0.25f, int8);
  EXPECT_EQ(int8, (std::vector<int8_t>{0, 4, -4, 127, -127, 127, -127, 0}));
  std::vector<uint8_t> e4m3(x.size());
  quantizeE4M3Static(x, 0.25f, e4m3);
  EXPECT_EQ(e4m3ToFloat(e4m3[1]), 4.0f);
  EXPECT_EQ(e4m3ToFloat(e4m3[3]), 448.0f);
  EXPECT_EQ(e4m3ToFloat(e4m3[6]), -448.0f);
  EXPECT_TRUE(std::isnan(e4m3ToFloat(e4m3[7])));
}

TEST(ActivationCodes, E4M3RowCodesAreTheNearestOfAll) {
  const int64_t rows = 37, cols = 131;
  std::vector<float> x = activations(rows * cols, 5);
  std::vector<uint8_t> codes(x.size());
  std::vector<float> scales(rows);
  quantizeE4M3PerRow(x, rows, cols, codes, scales);
  for (int64_t row = 0; row < rows; ++row) {
    double amax = largest(x, row * cols, (row + 1) * cols), scale = scales[size_t(row)];
    ASSERT_EQ(scales[size_t(row)], float(amax / 448));
    for (int64_t i = row * cols; i < (row + 1) * cols; ++i) {
      double error = std::fabs(e4m3ToFloat(codes[size_t(i)]) * scale - x[size_t(i)]);
      for (int other = 0; other < 256; ++other)
        if ((other & 0x7f) != 0x7f) {
          // The quotient is rounded to f32 before the code is chosen, hence the slack of one f32 step.
          ASSERT_LE(error, std::fabs(e4m3ToFloat(uint8_t(other)) * scale - x[size_t(i)]) + amax * 0x1p-24);
        }
    }
  }
}

TEST(ActivationCodes, E4M3GroupsHaveTheirOwnScalesAndTheLastMayBeShort) {
  const int64_t rows = 7, cols = 300, groups = 3;
  std::vector<float> x = activations(rows * cols, 3);
  std::vector<uint8_t> codes(x.size());
  std::vector<float> scales(rows * groups);
  quantizeE4M3PerGroup(x, rows, cols, 128, codes, scales);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t begin = row * cols + g * 128, end = row * cols + std::min(cols, (g + 1) * 128);
      float scale = scales[size_t(row * groups + g)];
      ASSERT_EQ(scale, float(largest(x, begin, end) / 448));
      for (int64_t i = begin; i < end; ++i) // floatToE4M3 is tested over all codes in FormatsTest
        ASSERT_EQ(codes[size_t(i)], floatToE4M3(x[size_t(i)] / scale));
    }
}

TEST(ActivationCodes, E4M3KeepsNaNInItsPlace) {
  std::vector<float> x = activations(64, 4), scales(1), cleanScales(1);
  x[7] = 0;
  std::vector<uint8_t> codes(64), clean(64);
  quantizeE4M3PerRow(x, 1, 64, clean, cleanScales);
  x[7] = kNaN;
  quantizeE4M3PerRow(x, 1, 64, codes, scales);
  EXPECT_EQ(scales, cleanScales);
  EXPECT_TRUE(std::isnan(e4m3ToFloat(codes[7])));
  codes[7] = clean[7];
  EXPECT_EQ(codes, clean);
}

TEST(ActivationCodes, ScalesThatAreNotNormalNumbersBecomeOne) {
  for (float value : {0.0f, -0.0f, 1e-42f, 0x1p-126f}) {
    std::vector<float> x(16, value), scales(1);
    std::vector<int8_t> codes(16);
    quantizeInt8PerRow(x, 1, 16, codes, scales);
    EXPECT_EQ(scales[0], 1.0f);
    EXPECT_EQ(codes, std::vector<int8_t>(16, 0));
    std::vector<uint8_t> e4m3(16);
    std::vector<float> groupScales(2);
    quantizeE4M3PerGroup(x, 1, 16, 8, e4m3, groupScales);
    EXPECT_EQ(groupScales, std::vector<float>(2, 1.0f));
    for (uint8_t code : e4m3)
      EXPECT_EQ(code & 0x7f, 0);
  }
  EXPECT_EQ(scaleInt8(127 * 0x1p-126f), 0x1p-126f);
  EXPECT_EQ(scaleE4M3(448 * 0x1p-126f), 0x1p-126f);
  EXPECT_EQ(scaleE4M3(447 * 0x1p-126f), 1.0f);
}

} // namespace
