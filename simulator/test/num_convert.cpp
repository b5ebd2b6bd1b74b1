//===- num_convert.cpp - narrow conversions, exhaustively -----------------===//
//
// The oracle lists every value of a format from its definition (sign, exponent, mantissa, in f64)
// and rounds by searching its neighbours, which shares nothing with the bit manipulation tested.
//
//===----------------------------------------------------------------------===//

#include "../src/num/Convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace qccsim;

namespace {

struct Format {
  const char *name;
  int exponentBits, mantissaBits, bias;
  bool hasInfinity; ///< Otherwise only all ones is NaN (e4m3).
  uint32_t nan;     ///< PTX's canonical NaN.
};

const Format f16{"f16", 5, 10, 15, true, 0x7FFF};
const Format bf16{"bf16", 8, 7, 127, true, 0x7FFF};
const Format e4m3{"e4m3", 4, 3, 7, false, 0x7F};
const Format e5m2{"e5m2", 5, 2, 15, true, 0x7F};
const Format tf32{"tf32", 8, 10, 127, true, 0x3FFFF};

/// Value of the non-negative encoding `bits`; NaN and infinity as such.
double valueOf(const Format &f, uint32_t bits) {
  uint32_t mantissa = bits & ((1u << f.mantissaBits) - 1);
  uint32_t exponent = bits >> f.mantissaBits;
  uint32_t top = (1u << f.exponentBits) - 1;
  if (f.hasInfinity && exponent == top)
    return mantissa ? NAN : INFINITY;
  if (!f.hasInfinity && exponent == top && mantissa == (1u << f.mantissaBits) - 1)
    return NAN;
  if (exponent == 0)
    return std::ldexp(double(mantissa), 1 - f.bias - f.mantissaBits);
  return std::ldexp(double(mantissa + (1u << f.mantissaBits)), int(exponent) - f.bias - f.mantissaBits);
}

/// Rounds by definition. `finite[i]` is the value of encoding i, ascending.
class Oracle {
public:
  explicit Oracle(const Format &format) : format(format) {
    for (uint32_t bits = 0; std::isfinite(valueOf(format, bits)); ++bits)
      finite.push_back(valueOf(format, bits));
  }

  uint32_t round(double x, Rounding mode, bool satFinite, bool relu) const {
    uint32_t sign = std::signbit(x) ? 1u << (format.exponentBits + format.mantissaBits) : 0;
    if (std::isnan(x))
      return format.nan;
    if (relu && sign)
      return 0;
    double magnitude = std::fabs(x);
    uint32_t last = uint32_t(finite.size()) - 1;
    if (std::isinf(x)) // exact where the format has it, whatever the mode
      return sign | (satFinite ? last : last + 1);
    uint32_t lower = uint32_t(std::upper_bound(finite.begin(), finite.end(), magnitude) - finite.begin()) - 1;
    if (finite[lower] == magnitude)
      return sign | lower;
    // The encoding above the last finite one stands for overflow; for rounding to nearest its
    // value is where the next binade's first would be.
    double above = lower < last ? finite[lower + 1] : 2 * finite[last] - finite[last - 1];
    bool up = false;
    switch (mode) {
    case Rounding::NearestEven:
    case Rounding::NearestAway: {
      double toLower = magnitude - finite[lower], toAbove = above - magnitude;
      bool tieUp = mode == Rounding::NearestAway || (lower & 1);
      up = toAbove < toLower || (toAbove == toLower && tieUp);
      break;
    }
    case Rounding::Zero:
      break;
    case Rounding::Down:
      up = sign != 0;
      break;
    case Rounding::Up:
      up = sign == 0;
      break;
    }
    uint32_t result = lower + up;
    if (result > last)
      result = satFinite ? last : last + 1;
    return sign | result;
  }

private:
  Format format;
  std::vector<double> finite;
};

/// f32 values that decide: around every value and midpoint of a format, and at random.
std::vector<float> inputsFor(const Format &format) {
  std::vector<float> inputs = {0.0f,
                               INFINITY,
                               NAN,
                               std::numeric_limits<float>::max(),
                               std::numeric_limits<float>::denorm_min(),
                               std::numeric_limits<float>::min()};
  // All values of formats of up to 16 bits, a sample of tf32's.
  uint32_t step = format.exponentBits + format.mantissaBits > 15 ? 61 : 1;
  for (uint32_t bits = 0; std::isfinite(valueOf(format, bits)); bits += step) {
    double value = valueOf(format, bits), next = valueOf(format, bits + 1);
    if (!std::isfinite(next))
      next = value + (value - valueOf(format, bits - 1)); // where overflow begins
    for (double at : {value, (value + next) / 2, value * 0.75 + next * 0.25}) {
      float x = float(at);
      for (float y : {std::nextafterf(x, 0), x, std::nextafterf(x, INFINITY)})
        inputs.push_back(y);
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i)
    inputs.push_back(floatOf(random()));
  size_t count = inputs.size();
  for (size_t i = 0; i < count; ++i)
    inputs.push_back(-inputs[i]);
  return inputs;
}

const Rounding allModes[] = {Rounding::NearestEven, Rounding::Zero, Rounding::Down, Rounding::Up,
                             Rounding::NearestAway};

template <typename Function> void checkNarrowing(const Format &format, Function convert) {
  Oracle oracle(format);
  int failures = 0;
  for (float x : inputsFor(format))
    for (Rounding mode : allModes)
      for (int flags = 0; flags < 4 && failures < 10; ++flags) {
        bool satFinite = flags & 1, relu = flags & 2;
        uint32_t expected = oracle.round(x, mode, satFinite, relu);
        uint32_t actual = convert(x, mode, satFinite, relu);
        if (actual == expected)
          continue;
        ++failures;
        ADD_FAILURE() << format.name << " of " << x << " mode " << int(mode) << " satfinite " << satFinite << " relu "
                      << relu << ": " << std::hex << actual << " expected " << expected;
      }
}

} // namespace

TEST(NumConvert, WideningIsExactForEveryEncoding) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    uint32_t magnitude = bits & 0x7FFF;
    double sign = bits >> 15 ? -1 : 1;
    for (const Format *format : {&f16, &bf16}) {
      float actual = format == &f16 ? f16ToF32(uint16_t(bits)) : bf16ToF32(uint16_t(bits));
      double expected = sign * valueOf(*format, magnitude);
      if (std::isnan(expected)) {
        EXPECT_EQ(bitsOf(actual), 0x7FFFFFFFu) << format->name << " " << bits;
      } else {
        EXPECT_EQ(bitsOf(actual), bitsOf(float(expected))) << format->name << " " << bits;
      }
    }
  }
  for (uint32_t bits = 0; bits < 0x100; ++bits) {
    double sign = bits >> 7 ? -1 : 1;
    for (const Format *format : {&e4m3, &e5m2}) {
      float actual = format == &e4m3 ? e4m3ToF32(uint8_t(bits)) : e5m2ToF32(uint8_t(bits));
      double expected = sign * valueOf(*format, bits & 0x7F);
      if (std::isnan(expected)) {
        EXPECT_EQ(bitsOf(actual), 0x7FFFFFFFu) << format->name << " " << bits;
      } else {
        EXPECT_EQ(bitsOf(actual), bitsOf(float(expected))) << format->name << " " << bits;
      }
    }
  }
}

TEST(NumConvert, KnownEncodings) {
  EXPECT_EQ(e4m3ToF32(0x7E), 448.0f);
  EXPECT_EQ(e4m3ToF32(0x01), 0.001953125f);
  EXPECT_EQ(f32ToE4m3(1000.0f), 0x7E);
  EXPECT_EQ(f32ToE4m3(-INFINITY), 0xFE);
  EXPECT_EQ(f32ToE5m2(INFINITY), 0x7B);
  EXPECT_EQ(f32ToE5m2(NAN), 0x7F);
  EXPECT_EQ(f32ToF16(65520.0f, Rounding::NearestEven), 0x7C00);
  EXPECT_EQ(f32ToBf16(1.00390625f, Rounding::NearestEven), 0x3F80);
  EXPECT_EQ(f32ToTf32(1.0f + 0x1p-11f, Rounding::NearestAway), bitsOf(1.0f + 0x1p-10f));
}

TEST(NumConvert, F32ToF16MatchesDefinition) {
  checkNarrowing(f16,
                 [](float x, Rounding mode, bool sat, bool relu) -> uint32_t { return f32ToF16(x, mode, sat, relu); });
}

TEST(NumConvert, F32ToBf16MatchesDefinition) {
  checkNarrowing(bf16,
                 [](float x, Rounding mode, bool sat, bool relu) -> uint32_t { return f32ToBf16(x, mode, sat, relu); });
}

TEST(NumConvert, F32ToTf32MatchesDefinition) {
  checkNarrowing(tf32, [](float x, Rounding mode, bool sat, bool relu) -> uint32_t {
    uint32_t bits = f32ToTf32(x, mode, sat, relu);
    EXPECT_TRUE(bits == 0x7FFFFFFF || (bits & 0x1FFF) == 0);
    return bits >> 13;
  });
}

TEST(NumConvert, F32ToFp8MatchesDefinition) {
  // Narrowing to fp8 always saturates; the flag is not a parameter.
  for (bool isE4m3 : {true, false}) {
    const Format &format = isE4m3 ? e4m3 : e5m2;
    Oracle oracle(format);
    for (float x : inputsFor(format))
      for (bool relu : {false, true}) {
        uint32_t expected = oracle.round(x, Rounding::NearestEven, true, relu);
        uint32_t actual =
            isE4m3 ? f32ToE4m3(x, Rounding::NearestEven, relu) : f32ToE5m2(x, Rounding::NearestEven, relu);
        ASSERT_EQ(actual, expected) << format.name << " of " << x;
      }
  }
}

TEST(NumConvert, F64RoundsOnce) {
  // 1 + 2^-11 + 2^-40 lies above the midpoint of 1 and 1 + 2^-10; through f32 it would be a tie.
  EXPECT_EQ(f64ToF16(1 + 0x1p-11 + 0x1p-40, Rounding::NearestEven), 0x3C01);
  EXPECT_EQ(f64ToF16(0x1p-1074, Rounding::Up), 0x0001);
  EXPECT_EQ(f64ToF16(0x1p-1074, Rounding::NearestEven), 0x0000);
  std::mt19937_64 random(2);
  for (int i = 0; i < 200000; ++i) {
    double x = std::ldexp(double(int64_t(random())), int(random() % 300) - 210);
    ASSERT_EQ(bitsOf(f64ToF32(x, Rounding::NearestEven)), bitsOf(float(x))) << x;
  }
}

TEST(NumConvert, Fp8AndF16AgreeThroughF64) {
  Oracle toE4m3(e4m3), toE5m2(e5m2);
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    double magnitude = valueOf(f16, bits & 0x7FFF);
    double x = bits >> 15 ? -magnitude : magnitude;
    ASSERT_EQ(f16ToE4m3(uint16_t(bits)), toE4m3.round(x, Rounding::NearestEven, true, false));
    ASSERT_EQ(f16ToE5m2(uint16_t(bits)), toE5m2.round(x, Rounding::NearestEven, true, false));
  }
  for (uint32_t bits = 0; bits < 0x100; ++bits) {
    float wide = e4m3ToF32(uint8_t(bits));
    float back = f16ToF32(e4m3ToF16(uint8_t(bits)));
    EXPECT_EQ(bitsOf(wide), bitsOf(back));
  }
}

TEST(NumConvert, WarpFormsEqualScalarForms) {
  std::vector<float> inputs = inputsFor(f16);
  for (const Format *format : {&bf16, &e4m3})
    for (float x : inputsFor(*format))
      inputs.push_back(x);
  inputs.resize(inputs.size() / 64 * 64);
  for (size_t i = 0; i < inputs.size(); i += 64) {
    uint32_t upper[32], lower[32], h[32], h2[32], b2[32], q2[32];
    std::memcpy(upper, &inputs[i], sizeof(upper));
    std::memcpy(lower, &inputs[i + 32], sizeof(lower));
    warpF32ToF16(lower, h);
    warpF32ToF16x2(upper, lower, h2);
    warpF32ToBf16x2(upper, lower, b2);
    warpF32ToE4m3x2(upper, lower, q2);
    for (int lane = 0; lane < 32; ++lane) {
      float u = floatOf(upper[lane]), l = floatOf(lower[lane]);
      constexpr auto rn = Rounding::NearestEven;
      ASSERT_EQ(h[lane], f32ToF16(l, rn)) << l;
      ASSERT_EQ(h2[lane], pack16(f32ToF16(u, rn), f32ToF16(l, rn))) << u << " " << l;
      ASSERT_EQ(b2[lane], pack16(f32ToBf16(u, rn), f32ToBf16(l, rn))) << u << " " << l;
      ASSERT_EQ(q2[lane], pack8(f32ToE4m3(u), f32ToE4m3(l))) << u << " " << l;
    }
  }
  for (uint32_t bits = 0; bits < 0x10000; bits += 32) {
    uint32_t source[32], wide[32], halves[32];
    for (uint32_t lane = 0; lane < 32; ++lane)
      source[lane] = bits + lane;
    warpF16ToF32(source, wide);
    warpE4m3x2ToF16x2(source, halves);
    for (int lane = 0; lane < 32; ++lane) {
      ASSERT_EQ(wide[lane], bitsOf(f16ToF32(uint16_t(source[lane]))));
      ASSERT_EQ(halves[lane], pack16(e4m3ToF16(uint8_t(source[lane] >> 8)), e4m3ToF16(uint8_t(source[lane]))));
    }
  }
}
