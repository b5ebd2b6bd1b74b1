//===- CodeFormatTest.cpp - Codes against exhaustive search in double precision ===//

#include "qcc/Quant/CodeFormat.h"
#include "qcc/Quant/Formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace qcc::quant;

namespace {

constexpr float kScales[] = {1.0f, 0.25f, 0.0078125f, -0.5f, -8.0f};

/// The code whose value is nearest in exact arithmetic; among two, the one an even number of steps from zero.
int nearestCode(const CodeFormat &format, double steps, int zero) {
  int best = format.minCode();
  for (int code = format.minCode(); code <= format.maxCode(); ++code) {
    double distance = std::fabs(code - zero - steps), least = std::fabs(best - zero - steps);
    if (distance < least || (distance == least && (code - zero) % 2 == 0))
      best = code;
  }
  return best;
}

TEST(CodeFormat, EveryIntegerCodeOfEveryWidthAndZeroSurvivesARoundTrip) {
  for (int bits : {2, 3, 4, 8}) {
    CodeFormat format = CodeFormat::intGroup(bits, 128, true);
    for (int zero = format.minCode(); zero <= format.maxCode(); ++zero)
      for (int code = format.minCode(); code <= format.maxCode(); ++code)
        for (float scale : kScales) {
          float value = decode(format, int8_t(code), scale, zero);
          ASSERT_EQ(value, float(double(code - zero) * double(scale)));
          ASSERT_EQ(int(encode(format, value, scale, zero)), code) << bits << " " << zero << " " << scale;
        }
  }
}

TEST(CodeFormat, IntegersRoundToTheNearestCodeWithTiesToEvenAndSaturate) {
  for (int bits : {2, 3, 4, 8}) {
    CodeFormat format = CodeFormat::intGroup(bits, 128, true);
    for (int zero : {0, format.minCode(), format.maxCode()})
      for (int eighths = -8 * 300; eighths <= 8 * 300; ++eighths)
        for (float scale : kScales) { // powers of two: the quotient is exact, so ties are ties
          float value = float(eighths) / 8 * scale;
          ASSERT_EQ(int(encode(format, value, scale, zero)), nearestCode(format, eighths / 8.0, zero))
              << bits << " " << zero << " " << eighths;
        }
  }
}

TEST(CodeFormat, IntegersOfArbitraryScalesAreNearest) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int bits : {2, 3, 4, 8}) {
    CodeFormat format = CodeFormat::intChannel(bits);
    for (int i = 0; i < 20000; ++i) {
      float scale = normal(random), value = normal(random) * 10;
      double error = std::fabs(double(roundToGrid(format, value, scale)) - value);
      for (int code = format.minCode(); code <= format.maxCode(); ++code)
        // The quotient is rounded to f32: a tie may fall either way by one part in 2^23 of the value.
        ASSERT_LE(error, std::fabs(code * double(scale) - value) + std::fabs(value) * 0x1p-22);
    }
  }
}

TEST(CodeFormat, HugeValuesSaturate) {
  CodeFormat format = CodeFormat::intGroup(4, 128);
  float huge = std::numeric_limits<float>::max();
  EXPECT_EQ(encode(format, huge, 0x1p-120f), 7);
  EXPECT_EQ(encode(format, -huge, 0x1p-120f), -8);
  EXPECT_EQ(encode(format, huge, -0x1p-120f), -8);
  CodeFormat e4m3 = CodeFormat::e4m3Channel();
  EXPECT_EQ(decode(e4m3, encode(e4m3, huge, 1), 1), 448);
}

TEST(CodeFormat, EveryE4M3CodeSurvivesARoundTrip) {
  CodeFormat format = CodeFormat::e4m3Channel();
  for (int code = 0; code < 256; ++code)
    if ((code & 0x7f) != 0x7f)
      for (float scale : {1.0f, 0.125f, 0x1p-20f}) {
        EXPECT_EQ(decode(format, int8_t(code), scale), e4m3ToFloat(uint8_t(code)) * scale);
        EXPECT_EQ(uint8_t(encode(format, decode(format, int8_t(code), scale), scale)), code);
      }
}

TEST(CodeFormat, StoredScalesAreNormalNumbersOfTheirType) {
  CodeFormat bf16 = CodeFormat::intGroup(4, 128), f32 = CodeFormat::intChannel(8);
  EXPECT_EQ(storedScale(bf16, 1.0f + 0x1p-8f), 1.0f); // tie to even
  EXPECT_EQ(storedScale(bf16, -(1.0f + 0x1.8p-7f)), -(1.0f + 0x1p-6f));
  EXPECT_EQ(storedScale(f32, 1.0f + 0x1p-23f), 1.0f + 0x1p-23f);
  for (const CodeFormat &format : {bf16, f32})
    for (float scale : {0.0f, -0.0f, 0x1p-127f, -0x1p-140f, INFINITY, -INFINITY, NAN})
      EXPECT_EQ(storedScale(format, scale), 1.0f) << scale;
  EXPECT_EQ(storedScale(bf16, 0x1p-126f), 0x1p-126f);
  EXPECT_EQ(storedScale(bf16, std::numeric_limits<float>::max()), 1.0f); // rounds to infinity
}

TEST(CodeFormat, MatricesDecodeByTheirBlocksIncludingShortOnes) {
  for (CodeFormat format : {CodeFormat::intGroup(4, 32, true), CodeFormat::intGroup(3, 0), CodeFormat::e4m3Tensor(),
                            CodeFormat::e4m3Block(4, 32), CodeFormat::intChannel(8)}) {
    const int64_t rows = 7, cols = 75;
    int64_t height = format.blockRows ? format.blockRows : rows, width = format.blockCols ? format.blockCols : cols;
    int64_t across = (cols + width - 1) / width, down = (rows + height - 1) / height;
    ASSERT_EQ(format.scaleRows(rows), down);
    ASSERT_EQ(format.scaleCols(cols), across);
    CodedMatrix matrix{format, rows, cols, {}, {}, {}};
    for (int64_t i = 0; i < rows * cols; ++i)
      matrix.codes.push_back(int8_t(i % format.maxCode())); // below the NaN of e4m3
    for (int64_t i = 0; i < across * down; ++i) {
      matrix.scales.push_back(0.5f + float(i));
      if (format.zeroPoint)
        matrix.zeros.push_back(int8_t(i % 7 - 3));
    }
    std::vector<float> w(size_t(rows * cols));
    decode(matrix, w);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < cols; ++col) {
        size_t block = size_t(row / height * across + col / width), i = size_t(row * cols + col);
        double steps = format.kind == CodeFormat::Kind::E4M3
                           ? double(e4m3ToFloat(uint8_t(matrix.codes[i])))
                           : matrix.codes[i] - (format.zeroPoint ? matrix.zeros[block] : 0);
        ASSERT_EQ(w[i], float(steps * double(matrix.scales[block])));
      }
  }
}

} // namespace
