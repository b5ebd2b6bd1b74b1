//===- FormatsTest.cpp - Every encoding against the formats' definitions --===//
//
// Oracle: values listed from the definition sign · 2^e · significand in double precision; rounding is judged by
// distance to the two neighbours.
//
//===----------------------------------------------------------------------===//

#include "qcc/Quant/Formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <vector>

using namespace qcc::quant;

namespace {

struct Definition {
  const char *name;
  int exponentBits, mantissaBits, bias;
  bool hasInfinity; ///< IEEE-like top exponent; else only the all-ones code is NaN (e4m3)
  std::function<double(uint32_t)> decode;
  std::function<uint32_t(float)> encode;
  bool saturates; ///< overflow gives the largest finite value, not infinity

  int bits() const { return 1 + exponentBits + mantissaBits; }
  uint32_t magnitudeMask() const { return (1u << (bits() - 1)) - 1; }
  bool isNaN(uint32_t code) const {
    uint32_t magnitude = code & magnitudeMask();
    return hasInfinity ? magnitude > infinity() : magnitude == magnitudeMask();
  }
  uint32_t infinity() const { return ((1u << exponentBits) - 1) << mantissaBits; }
  uint32_t largest() const { return hasInfinity ? infinity() - 1 : magnitudeMask() - 1; }
  double value(uint32_t code) const {
    uint32_t exponent = (code & magnitudeMask()) >> mantissaBits, mantissa = code & ((1u << mantissaBits) - 1);
    double significand = exponent ? 1.0 + mantissa / std::exp2(mantissaBits) : mantissa / std::exp2(mantissaBits);
    double magnitude = significand * std::exp2(double(exponent ? exponent : 1) - bias);
    return code >> (bits() - 1) ? -magnitude : magnitude;
  }
};

std::vector<Definition> definitions() {
  return {
      {"bf16", 8, 7, 127, true, [](uint32_t c) { return double(bf16ToFloat(c)); },
       [](float f) { return floatToBF16(f); }, false},
      {"f16", 5, 10, 15, true, [](uint32_t c) { return double(f16ToFloat(c)); }, [](float f) { return floatToF16(f); },
       false},
      {"e4m3", 4, 3, 7, false, [](uint32_t c) { return double(e4m3ToFloat(c)); },
       [](float f) { return floatToE4M3(f); }, true},
      {"e5m2", 5, 2, 15, true, [](uint32_t c) { return double(e5m2ToFloat(c)); },
       [](float f) { return floatToE5M2(f); }, true},
  };
}

TEST(Formats, EveryCodeDecodesToItsDefinition) {
  for (const Definition &format : definitions())
    for (uint32_t code = 0; code < (1u << format.bits()); ++code) {
      double decoded = format.decode(code);
      if (format.isNaN(code)) {
        EXPECT_TRUE(std::isnan(decoded)) << format.name << " " << code;
      } else if (format.hasInfinity && (code & format.magnitudeMask()) == format.infinity()) {
        EXPECT_TRUE(std::isinf(decoded)) << format.name << " " << code;
      } else {
        EXPECT_EQ(decoded, format.value(code)) << format.name << " " << code;
        EXPECT_EQ(std::signbit(decoded), bool(code >> (format.bits() - 1))) << format.name << " " << code;
      }
    }
}

TEST(Formats, EveryFiniteCodeSurvivesARoundTrip) {
  for (const Definition &format : definitions())
    for (uint32_t code = 0; code < (1u << format.bits()); ++code)
      if (!format.isNaN(code) && std::isfinite(format.decode(code))) {
        EXPECT_EQ(format.encode(float(format.decode(code))), code) << format.name;
      }
}

/// Nearest code, ties to the even one, by comparing distances in double precision.
uint32_t nearest(const Definition &format, double x) {
  uint32_t sign = std::signbit(x) ? 1u << (format.bits() - 1) : 0;
  double magnitude = std::fabs(x);
  uint32_t low = 0, high = format.largest();
  while (low < high) { // largest code whose value is <= magnitude
    uint32_t middle = (low + high + 1) / 2;
    if (format.value(middle) <= magnitude)
      low = middle;
    else
      high = middle - 1;
  }
  if (low == format.largest()) {
    // Beyond the largest value the next step of the grid decides between it and overflow.
    double step = format.value(low) - format.value(low - 1);
    bool overflows = magnitude - format.value(low) >= step / 2;
    return sign | (overflows && !format.saturates ? format.infinity() : low);
  }
  double below = magnitude - format.value(low), above = format.value(low + 1) - magnitude;
  if (below < above || (below == above && low % 2 == 0))
    return sign | low;
  return sign | (low + 1);
}

TEST(Formats, EncodingRoundsToNearestEvenAroundEveryCode) {
  for (const Definition &format : definitions())
    for (uint32_t code = 0; code < format.largest(); ++code) {
      double a = format.value(code), b = format.value(code + 1);
      float middle = float((a + b) / 2); // exact in f32 for all formats but bf16 subnormals' lowest steps
      for (float x : {middle, std::nextafter(middle, 0.0f), std::nextafter(middle, INFINITY)})
        for (float signedX : {x, -x})
          ASSERT_EQ(format.encode(signedX), nearest(format, signedX)) << format.name << " " << signedX;
    }
}

TEST(Formats, RandomFloatsRoundToTheNearestCode) {
  std::mt19937 random(7);
  for (const Definition &format : definitions())
    for (int i = 0; i < 200000; ++i) {
      float x = std::bit_cast<float>(uint32_t(random()));
      if (std::isfinite(x)) {
        ASSERT_EQ(format.encode(x), nearest(format, x)) << format.name << " " << x;
      }
    }
}

TEST(Formats, NonFiniteValuesStayVisibleOrSaturate) {
  float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const Definition &format : definitions()) {
    EXPECT_TRUE(format.isNaN(format.encode(nan))) << format.name;
    EXPECT_TRUE(format.isNaN(format.encode(-nan))) << format.name;
    EXPECT_EQ(format.encode(inf), format.saturates ? format.largest() : format.infinity()) << format.name;
  }
}

} // namespace
