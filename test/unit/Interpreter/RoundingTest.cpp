//===- RoundingTest.cpp - One rounding from double ------------------------===//

#include "qcc/Interpreter/Tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace qcc;

namespace {

double rounded(DType type, double value) {
  interp::roundTo(type, std::span<double>(&value, 1));
  return value;
}

/// Nearest multiple of the format's step at |value|, ties to even; double arithmetic is exact here. `precision` counts
/// the implicit bit.
double expected(double value, int precision, int leastExponent) {
  if (value == 0)
    return value;
  int exponent = std::max(std::ilogb(value), leastExponent);
  double step = std::ldexp(1.0, exponent - precision + 1);
  return std::nearbyint(value / step) * step;
}

TEST(Rounding, DoubleIsRoundedOnce) {
  // Just above the tie between two bf16 neighbours of 1: rounding to f32 first would make it a tie and then go down to
  // even.
  double value = 1 + std::ldexp(1.0, -8) + std::ldexp(1.0, -40);
  EXPECT_EQ(rounded(DType::BF16, value), 1 + std::ldexp(1.0, -7));
  EXPECT_EQ(rounded(DType::BF16, -value), -1 - std::ldexp(1.0, -7));
  EXPECT_EQ(rounded(DType::BF16, 1 + std::ldexp(1.0, -8) - std::ldexp(1.0, -40)), 1.0);
}

TEST(Rounding, MatchesTheDefinitionOfEachFormat) {
  std::mt19937_64 engine(1);
  std::uniform_real_distribution<double> mantissa(1, 2);
  for (int exponent = -30; exponent <= 7; ++exponent)
    for (int i = 0; i < 50; ++i) {
      double value = std::ldexp(mantissa(engine), exponent) * (i % 2 ? -1 : 1);
      EXPECT_EQ(rounded(DType::BF16, value), expected(value, 8, -126)) << value;
      EXPECT_EQ(rounded(DType::F32, value), expected(value, 24, -126)) << value;
      EXPECT_EQ(rounded(DType::F16, value), expected(value, 11, -14)) << value;
      EXPECT_EQ(rounded(DType::E4M3, value), expected(value, 4, -6)) << value;
    }
}

TEST(Rounding, KeepsSpecialValues) {
  double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(rounded(DType::BF16, inf), inf);
  EXPECT_TRUE(std::isnan(rounded(DType::BF16, std::nan(""))));
  EXPECT_EQ(rounded(DType::E4M3, 1e9), 448);
  EXPECT_TRUE(std::signbit(rounded(DType::F16, -0.0)));
}

} // namespace
