//===- isa_cvt.cpp - the cvt instruction ----------------------------------===//
//
// PTX ISA 9.0, 9.7.9.22 "cvt": forms, rounding, saturation, packing order. Values of narrow formats
// are checked one by one in num_convert; here it is which conversion an instruction means.
//
//===----------------------------------------------------------------------===//

#include "../src/num/Convert.h"
#include "SimTest.h"

#include <cmath>
#include <limits>

using namespace qccsim;
using namespace qccsim::test;

namespace {

/// Runs `body` with %rd4 = the lane's input word and returns the words it leaves in %rd5.
std::vector<uint64_t> convert(const std::string &body, const std::vector<uint64_t> &in) {
  return evaluate("  ld.global.u64 %rd4, [%rd2];\n" + body + "  st.global.u64 [%rd1], %rd5;\n", in);
}

uint64_t bitsOfDouble(double value) {
  uint64_t word;
  std::memcpy(&word, &value, 8);
  return word;
}

/// Source and result conversions in the terms of the helper above.
std::string fromF32(const std::string &op, const std::string &result) {
  std::string text = "  cvt.u32.u64 %r1, %rd4;\n  mov.b32 %f1, %r1;\n  " + op;
  if (result == "f32")
    return text + " %f2, %f1;\n  mov.b32 %r2, %f2;\n  cvt.u64.u32 %rd5, %r2;\n";
  if (result == "b16")
    return text + " %h1, %f1;\n  cvt.u64.u16 %rd5, %h1;\n";
  if (result == "b32")
    return text + " %r2, %f1;\n  cvt.u64.u32 %rd5, %r2;\n";
  if (result == "b64")
    return text + " %rd5, %f1;\n";
  return text + " %d1, %f1;\n  mov.b64 %rd5, %d1;\n"; // f64
}

const float samples[] = {0.0f,        -0.0f,  0.5f,       -0.5f,       1.5f,     -1.5f,     2.5f,     -2.5f,
                         0.49999997f, 3.7f,   -3.7f,      300.0f,      -300.0f,  65519.9f,  65520.0f, 1e10f,
                         -1e10f,      3e38f,  1.0000001f, 0.1f,        -0.1f,    1e-8f,     1e-42f,   448.0f,
                         464.0f,      500.0f, -1000.0f,   16777217.0f, INFINITY, -INFINITY, NAN,      0x1.004p0f};
static_assert(sizeof(samples) / sizeof(float) == 32);

std::vector<uint64_t> sampleWords() {
  std::vector<uint64_t> words;
  for (float sample : samples)
    words.push_back(bits(sample));
  return words;
}

template <typename Expected> void checkFromF32(const std::string &op, const std::string &result, Expected expected) {
  std::vector<uint64_t> out = convert(fromF32(op, result), sampleWords());
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], uint64_t(expected(samples[lane]))) << op << " of " << samples[lane];
}

/// Rounds to an integer value as .rni .rzi .rmi .rpi say.
double roundToInteger(double x, char how) {
  switch (how) {
  case 'n':
    return std::nearbyint(x); // the default mode is to nearest even
  case 'z':
    return std::trunc(x);
  case 'm':
    return std::floor(x);
  default:
    return std::ceil(x);
  }
}

/// Integer conversion of f32 clamps to the destination's range; NaN is 0, but the most negative
/// number for 64-bit destinations.
template <typename Integer> Integer clampTo(double x) {
  if (std::isnan(x))
    return sizeof(Integer) == 8 ? std::numeric_limits<Integer>::min() : 0;
  if (x <= double(std::numeric_limits<Integer>::min()))
    return std::numeric_limits<Integer>::min();
  if (x >= double(std::numeric_limits<Integer>::max()))
    return std::numeric_limits<Integer>::max();
  return Integer(x);
}

} // namespace

TEST(IsaCvt, F32ToF16AndBf16InEveryMode) {
  struct Mode {
    const char *suffix;
    Rounding rounding;
  };
  for (Mode mode : {Mode{"rn", Rounding::NearestEven}, Mode{"rz", Rounding::Zero}}) {
    for (bool relu : {false, true}) {
      std::string op = std::string("cvt.") + mode.suffix + (relu ? ".relu" : "");
      checkFromF32(op + ".f16.f32", "b16", [&](float x) { return f32ToF16(x, mode.rounding, false, relu); });
      checkFromF32(op + ".bf16.f32", "b16", [&](float x) { return f32ToBf16(x, mode.rounding, false, relu); });
    }
  }
  checkFromF32("cvt.rm.f16.f32", "b16", [](float x) { return f32ToF16(x, Rounding::Down); });
  checkFromF32("cvt.rp.f16.f32", "b16", [](float x) { return f32ToF16(x, Rounding::Up); });
  checkFromF32("cvt.rn.satfinite.f16.f32", "b16", [](float x) { return f32ToF16(x, Rounding::NearestEven, true); });
}

TEST(IsaCvt, F32ToTf32RoundsAwayFromZeroAtTies) {
  checkFromF32("cvt.rna.tf32.f32", "b32", [](float x) { return f32ToTf32(x, Rounding::NearestAway); });
}

TEST(IsaCvt, PackedFormsPutTheFirstSourceAbove) {
  // b is the input, a its double.
  struct Form {
    const char *op;
    bool eightBit;
    uint32_t (*one)(float);
  };
  const Form forms[] = {
      {"cvt.rn.f16x2.f32", false, [](float x) -> uint32_t { return f32ToF16(x, Rounding::NearestEven); }},
      {"cvt.rz.f16x2.f32", false, [](float x) -> uint32_t { return f32ToF16(x, Rounding::Zero); }},
      {"cvt.rn.relu.f16x2.f32", false,
       [](float x) -> uint32_t { return f32ToF16(x, Rounding::NearestEven, false, true); }},
      {"cvt.rn.bf16x2.f32", false, [](float x) -> uint32_t { return f32ToBf16(x, Rounding::NearestEven); }},
      {"cvt.rn.satfinite.e4m3x2.f32", true, [](float x) -> uint32_t { return f32ToE4m3(x); }},
      {"cvt.rn.satfinite.e5m2x2.f32", true, [](float x) -> uint32_t { return f32ToE5m2(x); }},
      {"cvt.rn.satfinite.relu.e4m3x2.f32", true,
       [](float x) -> uint32_t { return f32ToE4m3(x, Rounding::NearestEven, true); }},
  };
  for (const Form &form : forms) {
    std::string body = "  cvt.u32.u64 %r1, %rd4;\n  mov.b32 %f1, %r1;\n  add.f32 %f2, %f1, %f1;\n";
    body += std::string("  ") + form.op + (form.eightBit ? " %h1" : " %r2") + ", %f2, %f1;\n";
    body += form.eightBit ? "  cvt.u64.u16 %rd5, %h1;\n" : "  cvt.u64.u32 %rd5, %r2;\n";
    std::vector<uint64_t> out = convert(body, sampleWords());
    int width = form.eightBit ? 8 : 16;
    for (int lane = 0; lane < 32; ++lane) {
      uint64_t expected = uint64_t(form.one(samples[lane] + samples[lane])) << width | form.one(samples[lane]);
      EXPECT_EQ(out[lane], expected) << form.op << " of " << samples[lane];
    }
  }
}

TEST(IsaCvt, Fp8PairsWidenAndNarrowThroughF16) {
  std::vector<uint64_t> in;
  for (uint64_t i = 0; i < 32; ++i)
    in.push_back((i * 8 + 3) << 8 | (255 - i * 8));
  std::vector<uint64_t> out = convert("  cvt.u16.u64 %h1, %rd4;\n  cvt.rn.f16x2.e4m3x2 %r1, %h1;\n"
                                      "  cvt.u64.u32 %rd5, %r1;\n",
                                      in);
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], pack16(e4m3ToF16(uint8_t(in[lane] >> 8)), e4m3ToF16(uint8_t(in[lane]))));
  out = convert("  cvt.u16.u64 %h1, %rd4;\n  cvt.rn.f16x2.e5m2x2 %r1, %h1;\n"
                "  cvt.u64.u32 %rd5, %r1;\n",
                in);
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], pack16(e5m2ToF16(uint8_t(in[lane] >> 8)), e5m2ToF16(uint8_t(in[lane]))));

  std::vector<uint64_t> halves;
  for (uint64_t i = 0; i < 32; ++i)
    halves.push_back((i * 2111) % 65536 << 16 | (i * 1999 + 7));
  out = convert("  cvt.u32.u64 %r1, %rd4;\n  cvt.rn.satfinite.e4m3x2.f16x2 %h1, %r1;\n"
                "  cvt.u64.u16 %rd5, %h1;\n",
                halves);
  for (int lane = 0; lane < 32; ++lane)
    EXPECT_EQ(out[lane], pack8(f16ToE4m3(uint16_t(halves[lane] >> 16)), f16ToE4m3(uint16_t(halves[lane]))));
}

TEST(IsaCvt, HalvesWidenToF32) {
  std::vector<uint64_t> in;
  for (uint64_t i = 0; i < 32; ++i)
    in.push_back(i * 2113 + 1);
  for (bool bf16 : {false, true}) {
    std::vector<uint64_t> out = convert(std::string("  cvt.u16.u64 %h1, %rd4;\n  cvt.f32.") + (bf16 ? "bf16" : "f16") +
                                            " %f1, %h1;\n  mov.b32 %r1, %f1;\n  cvt.u64.u32 %rd5, %r1;\n",
                                        in);
    for (int lane = 0; lane < 32; ++lane) {
      float expected = bf16 ? bf16ToF32(uint16_t(in[lane])) : f16ToF32(uint16_t(in[lane]));
      EXPECT_EQ(out[lane], bits(expected));
    }
  }
}

TEST(IsaCvt, F32ToIntegersRoundAndClamp) {
  for (char how : {'n', 'z', 'm', 'p'}) {
    std::string op = std::string("cvt.r") + how + "i.";
    checkFromF32(op + "s32.f32", "b32", [&](float x) { return uint32_t(clampTo<int32_t>(roundToInteger(x, how))); });
    checkFromF32(op + "u32.f32", "b32", [&](float x) { return clampTo<uint32_t>(roundToInteger(x, how)); });
    checkFromF32(op + "s64.f32", "b64", [&](float x) { return uint64_t(clampTo<int64_t>(roundToInteger(x, how))); });
    checkFromF32(op + "f32.f32", "f32",
                 [&](float x) { return std::isnan(x) ? 0x7FFFFFFFu : bits(float(roundToInteger(x, how))); });
  }
}

TEST(IsaCvt, SaturationToTheUnitInterval) {
  checkFromF32("cvt.sat.f32.f32", "f32", [](float x) {
    return x > 0 ? bits(std::fmin(x, 1.0f)) : 0u; // NaN is +0, and so is -0
  });
}

TEST(IsaCvt, F32AndF64) {
  std::vector<uint64_t> wide = convert(fromF32("cvt.f64.f32", "f64"), sampleWords());
  for (int lane = 0; lane < 32; ++lane) {
    double actual;
    std::memcpy(&actual, &wide[lane], 8);
    if (std::isnan(samples[lane])) // which NaN the ISA leaves open
      EXPECT_TRUE(std::isnan(actual)) << lane;
    else
      EXPECT_EQ(actual, double(samples[lane])) << lane;
  }
  std::vector<uint64_t> in;
  for (int i = 0; i < 32; ++i)
    in.push_back(bitsOfDouble((i - 11.3) * std::pow(10.0, i - 16) / 3));
  std::vector<uint64_t> out = convert("  mov.b64 %d1, %rd4;\n  cvt.rn.f32.f64 %f1, %d1;\n"
                                      "  mov.b32 %r1, %f1;\n  cvt.u64.u32 %rd5, %r1;\n",
                                      in);
  for (int i = 0; i < 32; ++i) {
    double value;
    std::memcpy(&value, &in[i], 8);
    EXPECT_EQ(out[i], bits(float(value)));
  }
}

TEST(IsaCvt, IntegersToFloats) {
  std::vector<uint64_t> in;
  for (uint64_t i = 0; i < 32; ++i)
    in.push_back(0x9E3779B97F4A7C15ull * (i + 1) >> (i % 40));
  auto run = [&](const std::string &body) { return convert(body, in); };
  const std::string store = "  mov.b32 %r2, %f1;\n  cvt.u64.u32 %rd5, %r2;\n";
  std::vector<uint64_t> s32 = run("  cvt.u32.u64 %r1, %rd4;\n  cvt.rn.f32.s32 %f1, %r1;\n" + store);
  std::vector<uint64_t> u32 = run("  cvt.u32.u64 %r1, %rd4;\n  cvt.rn.f32.u32 %f1, %r1;\n" + store);
  std::vector<uint64_t> u64 = run("  cvt.rn.f32.u64 %f1, %rd4;\n" + store);
  std::vector<uint64_t> f64 = run("  cvt.rn.f64.s64 %d1, %rd4;\n  mov.b64 %rd5, %d1;\n");
  std::vector<uint64_t> f16 = run("  cvt.u32.u64 %r1, %rd4;\n  cvt.rn.f16.s32 %h1, %r1;\n  cvt.u64.u16 %rd5, %h1;\n");
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(s32[i], bits(float(int32_t(in[i]))));
    EXPECT_EQ(u32[i], bits(float(uint32_t(in[i]))));
    EXPECT_EQ(u64[i], bits(float(in[i])));
    EXPECT_EQ(f64[i], bitsOfDouble(double(int64_t(in[i]))));
    EXPECT_EQ(f16[i], f64ToF16(double(int32_t(in[i])), Rounding::NearestEven));
  }
}

TEST(IsaCvt, IntegersExtendTruncateAndSaturate) {
  std::vector<uint64_t> in;
  for (uint64_t i = 0; i < 32; ++i)
    in.push_back(0xF0E1D2C3B4A59687ull * (i + 1));
  struct Case {
    const char *body;
    uint64_t (*expected)(uint64_t);
  };
  const Case cases[] = {
      {"  cvt.u32.u64 %r1, %rd4;\n  cvt.s64.s32 %rd5, %r1;\n",
       [](uint64_t x) { return uint64_t(int64_t(int32_t(x))); }},
      {"  cvt.u32.u64 %r1, %rd4;\n  cvt.s32.s8 %r2, %r1;\n  cvt.u64.u32 %rd5, %r2;\n",
       [](uint64_t x) { return uint64_t(uint32_t(int32_t(int8_t(x)))); }},
      {"  cvt.u32.u64 %r1, %rd4;\n  cvt.u32.u8 %r2, %r1;\n  cvt.u64.u32 %rd5, %r2;\n",
       [](uint64_t x) { return x & 0xFF; }},
      {"  cvt.u16.u64 %h1, %rd4;\n  cvt.s32.s16 %r2, %h1;\n  cvt.u64.u32 %rd5, %r2;\n",
       [](uint64_t x) { return uint64_t(uint32_t(int32_t(int16_t(x)))); }},
      {"  cvt.u32.u64 %r1, %rd4;\n  cvt.sat.u8.s32 %r2, %r1;\n  cvt.u64.u32 %rd5, %r2;\n",
       [](uint64_t x) {
         int32_t value = int32_t(x);
         return uint64_t(value < 0 ? 0 : value > 255 ? 255 : value);
       }},
      {"  cvt.u32.u64 %r1, %rd4;\n  cvt.sat.s8.s32 %r2, %r1;\n  cvt.s64.s32 %rd5, %r2;\n",
       [](uint64_t x) {
         int32_t value = int32_t(x);
         return uint64_t(int64_t(value < -128 ? -128 : value > 127 ? 127 : value));
       }},
      {"  cvt.sat.s32.s64 %r2, %rd4;\n  cvt.u64.u32 %rd5, %r2;\n",
       [](uint64_t x) {
         int64_t value = int64_t(x);
         return uint64_t(uint32_t(value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : int32_t(value)));
       }},
  };
  for (const Case &test : cases) {
    std::vector<uint64_t> out = convert(test.body, in);
    for (int i = 0; i < 32; ++i)
      EXPECT_EQ(out[i], test.expected(in[i])) << test.body << in[i];
  }
}

TEST(IsaCvt, RefusesFormsThatDoNotExist) {
  EXPECT_ANY_THROW(convert(fromF32("cvt.f16.f32", "b16"), {}));          // needs a rounding modifier
  EXPECT_ANY_THROW(convert(fromF32("cvt.rni.f16.f32", "b16"), {}));      // integer rounding
  EXPECT_ANY_THROW(convert(fromF32("cvt.rn.s32.f32", "b32"), {}));       // float rounding
  EXPECT_ANY_THROW(convert("  cvt.rn.e4m3x2.f32 %h1, %f1, %f2;\n", {})); // needs .satfinite
}
