//===- isa_float.cpp - f32, f64, f16, bf16 arithmetic and conversions -----===//
//
// Oracles: the host's IEEE arithmetic in a wider type (or __float128), rounded once, and the
// ISA's rules for NaN, signed zeros, subnormals and saturation.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"
#include "num/Convert.h"

#include <bit>
#include <cfenv>
#include <cmath>

using namespace qccsim;
using namespace qccsim::test;

namespace {

using U = uint64_t;

std::vector<U> floatValues() {
  std::vector<U> values = {0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000,
                           0x3f800000, 0xbf800000, 0x3f000000, 0x40490fdb, 0x7f7fffff, 0xff7fffff,
                           0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x4b7fffff, 0x3effffff,
                           0x33800000, 0xc2480000, 0x4f000000, 0xcf000000, 0x5f000000, 0x3f800001};
  std::mt19937_64 random(3);
  for (unsigned i = 0; i < 40; ++i) {
    values.push_back(random() & 0xffffffff);
    values.push_back((random() & 0x80ffffff) | 0x3f000000); // near 1
  }
  return values;
}

float f(U bits) { return std::bit_cast<float>(uint32_t(bits)); }
double d(U bits) { return std::bit_cast<double>(bits); }
U out(float v) { return v != v ? 0x7fffffff : std::bit_cast<uint32_t>(v); }
U outDouble(double v) { return v != v ? 0x7fffffffffffffff : std::bit_cast<U>(v); }
float ftz(float v) { return std::fpclassify(v) == FP_SUBNORMAL ? std::copysign(0.0f, v) : v; }
float sat(float v) { return v > 0 ? (v < 1 ? v : 1) : 0; }

void check(const std::string &instruction, unsigned dBits, std::vector<unsigned> sources, const Expected &expected) {
  checkElementwise(instruction, dBits, std::move(sources), floatValues(), expected);
}

/// The host's rounding mode during one operation.
template <class Function> auto rounded(int mode, Function function) {
  std::fesetround(mode);
  auto result = function();
  std::fesetround(FE_TONEAREST);
  return result;
}

TEST(Float32, nearest) {
  check("add.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return out(f(a) + f(b)); });
  check("sub.rn.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return out(f(a) - f(b)); });
  check("mul.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return out(f(a) * f(b)); });
  check("fma.rn.f32 D, A, B, C;", 32, {32, 32, 32}, [](U a, U b, U c) { return out(std::fma(f(a), f(b), f(c))); });
  check("mul.ftz.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return out(ftz(ftz(f(a)) * ftz(f(b)))); });
  check("add.sat.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return out(sat(f(a) + f(b))); });
  check("fma.rn.ftz.sat.f32 D, A, B, C;", 32, {32, 32, 32},
        [](U a, U b, U c) { return out(sat(ftz(std::fma(ftz(f(a)), ftz(f(b)), ftz(f(c)))))); });
  check("div.rn.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return out(f(a) / f(b)); });
  check("rcp.rn.f32 D, A;", 32, {32}, [](U a, U, U) { return out(1.0f / f(a)); });
  check("sqrt.rn.f32 D, A;", 32, {32}, [](U a, U, U) { return out(std::sqrt(f(a))); });
}

TEST(Float32, directedRounding) {
  struct {
    const char *name;
    int mode;
  } modes[] = {{"rz", FE_TOWARDZERO}, {"rm", FE_DOWNWARD}, {"rp", FE_UPWARD}};
  for (const auto &m : modes) {
    std::string name = m.name;
    check("add." + name + ".f32 D, A, B;", 32, {32, 32}, [&](U a, U b, U) {
      volatile float x = f(a), y = f(b);
      return out(rounded(m.mode, [&] {
        volatile float r = x + y;
        return float(r);
      }));
    });
    check("mul." + name + ".f32 D, A, B;", 32, {32, 32}, [&](U a, U b, U) {
      volatile float x = f(a), y = f(b);
      return out(rounded(m.mode, [&] {
        volatile float r = x * y;
        return float(r);
      }));
    });
    check("div." + name + ".f32 D, A, B;", 32, {32, 32}, [&](U a, U b, U) {
      volatile float x = f(a), y = f(b);
      return out(rounded(m.mode, [&] {
        volatile float r = x / y;
        return float(r);
      }));
    });
  }
}

TEST(Float32, minMaxAndSigns) {
  auto minimum = [](float a, float b) {
    if (a != a || b != b)
      return a != a ? b : a;
    if (a == 0 && b == 0)
      return std::signbit(a) ? a : b;
    return a < b ? a : b;
  };
  check("min.f32 D, A, B;", 32, {32, 32}, [&](U a, U b, U) { return out(minimum(f(a), f(b))); });
  check("max.f32 D, A, B;", 32, {32, 32}, [&](U a, U b, U) { return out(-minimum(-f(a), -f(b))); });
  check("min.NaN.f32 D, A, B;", 32, {32, 32},
        [&](U a, U b, U) { return f(a) != f(a) || f(b) != f(b) ? 0x7fffffff : out(minimum(f(a), f(b))); });
  check("abs.f32 D, A;", 32, {32}, [](U a, U, U) { return a & 0x7fffffff; });
  check("neg.f32 D, A;", 32, {32}, [](U a, U, U) { return a ^ 0x80000000; });
  check("copysign.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) { return (a & 0x80000000) | (b & 0x7fffffff); });
}

TEST(Float32, comparisons) {
  struct {
    const char *name;
    bool ordered[3]; ///< less, equal, greater
    bool unordered;
  } cases[] = {{"eq", {0, 1, 0}, 0},  {"ne", {1, 0, 1}, 0},  {"lt", {1, 0, 0}, 0},  {"le", {1, 1, 0}, 0},
               {"gt", {0, 0, 1}, 0},  {"ge", {0, 1, 1}, 0},  {"equ", {0, 1, 0}, 1}, {"neu", {1, 0, 1}, 1},
               {"ltu", {1, 0, 0}, 1}, {"leu", {1, 1, 0}, 1}, {"gtu", {0, 0, 1}, 1}, {"geu", {0, 1, 1}, 1},
               {"num", {1, 1, 1}, 0}, {"nan", {0, 0, 0}, 1}};
  for (const auto &c : cases)
    check(std::string("{ .reg .pred p; setp.") + c.name + ".f32 p, A, B; selp.b32 D, 1, 0, p; }", 32, {32, 32},
          [&](U a, U b, U) {
            if (f(a) != f(a) || f(b) != f(b))
              return U(c.unordered);
            return U(c.ordered[f(a) < f(b) ? 0 : f(a) == f(b) ? 1 : 2]);
          });
}

/// |result - exact| within a relative bound, specials exactly.
void checkApproximate(const std::string &instruction, double (*exact)(double), double bound, double least,
                      double most) {
  std::vector<U> in(32);
  for (unsigned i = 0; i < 32; ++i)
    in[i] = bits(float(least + (most - least) * i / 31));
  std::vector<U> result =
      evaluate("ld.global.f32 %f1, [%rd2]; " + instruction + " %f2, %f1; st.global.f32 [%rd1], %f2;", in);
  for (unsigned i = 0; i < 32; ++i) {
    double want = exact(f(in[i]));
    EXPECT_NEAR(f(result[i]), want, bound * (1e-3 + std::fabs(want))) << instruction << f(in[i]);
  }
}

TEST(Float32, approximations) {
  // Bounds: the errors PTX ISA 9.0 states for the hardware (9.7.3).
  checkApproximate(
      "ex2.approx.f32", [](double x) { return std::exp2(x); }, 0x1p-22, -20, 20);
  checkApproximate(
      "ex2.approx.ftz.f32", [](double x) { return std::exp2(x); }, 0x1p-22, -1, 1);
  checkApproximate(
      "lg2.approx.f32", [](double x) { return std::log2(x); }, 0x1p-22, 0.01, 90);
  checkApproximate(
      "rcp.approx.f32", [](double x) { return 1 / x; }, 0x1p-23, 0.1, 50);
  checkApproximate(
      "rsqrt.approx.f32", [](double x) { return 1 / std::sqrt(x); }, 0x1p-22, 0.1, 50);
  checkApproximate(
      "sqrt.approx.f32", [](double x) { return std::sqrt(x); }, 0x1p-23, 0.1, 50);
  checkApproximate(
      "sin.approx.f32", [](double x) { return std::sin(x); }, 0x1p-20, -3, 3);
  checkApproximate(
      "cos.approx.f32", [](double x) { return std::cos(x); }, 0x1p-20, -3, 3);
  checkApproximate(
      "tanh.approx.f32", [](double x) { return std::tanh(x); }, 0x1p-11, -4, 4);
  std::vector<U> special = {0xff800000, 0x7f800000, 0x7fc00000, 0x43160000, 0xc3160000, 0, 0x80000000};
  special.resize(32);
  std::vector<U> result = evaluate("ld.global.f32 %f1, [%rd2]; ex2.approx.ftz.f32 %f2, %f1; "
                                   "st.global.f32 [%rd1], %f2;",
                                   special);
  const U want[] = {0, 0x7f800000, 0x7fffffff, 0x7f800000, 0, 0x3f800000, 0x3f800000};
  for (unsigned i = 0; i < 7; ++i)
    EXPECT_EQ(uint32_t(result[i]), want[i]) << i;
}

TEST(Float64, arithmetic) {
  std::vector<U> values = {0,
                           U(1) << 63,
                           1,
                           0x3ff0000000000000,
                           0xbff8000000000000,
                           0x7fefffffffffffff,
                           0x7ff0000000000000,
                           0x7ff8000000000000,
                           0x3fd5555555555555,
                           0x4008000000000000,
                           0x41dfffffffc00000,
                           0x0010000000000000};
  std::mt19937_64 random(5);
  for (unsigned i = 0; i < 20; ++i)
    values.push_back(random());
  auto run = [&](const std::string &text, std::vector<unsigned> sources, const Expected &e) {
    checkElementwise(text, 64, std::move(sources), values, e);
  };
  run("add.f64 D, A, B;", {64, 64}, [](U a, U b, U) { return outDouble(d(a) + d(b)); });
  run("mul.rn.f64 D, A, B;", {64, 64}, [](U a, U b, U) { return outDouble(d(a) * d(b)); });
  run("fma.rn.f64 D, A, B, C;", {64, 64, 64}, [](U a, U b, U c) { return outDouble(std::fma(d(a), d(b), d(c))); });
  run("div.rn.f64 D, A, B;", {64, 64}, [](U a, U b, U) { return outDouble(d(a) / d(b)); });
  run("sqrt.rn.f64 D, A;", {64}, [](U a, U, U) { return outDouble(std::sqrt(d(a))); });
  run("neg.f64 D, A;", {64}, [](U a, U, U) { return a ^ U(1) << 63; });
}

// f16 and bf16: exact in __float128, rounded once by conversions that have their own tests
// (num_convert) from a double that is rounded to odd there.

double toOdd(__float128 v) {
  double r = double(v);
  if (__float128(r) != v && r == r && std::isfinite(r) && !(std::bit_cast<U>(r) & 1)) {
    bool away = (v > __float128(r)) == (r > 0 || (r == 0 && v > 0));
    if (r == 0)
      return v > 0 ? std::bit_cast<double>(U(1)) : -std::bit_cast<double>(U(1));
    return std::bit_cast<double>(std::bit_cast<U>(r) + (away ? 1 : -1));
  }
  return r;
}

/// a * b + c; an addend too small for the 113 bits still decides which way a tie goes.
__float128 fusedExact(__float128 a, __float128 b, __float128 c) {
  __float128 product = a * b, sum = product + c;
  bool finite = product - product == 0;
  if (finite && sum == product && c != 0 && product != 0)
    sum += ((c > 0) == (product > 0) ? product : -product) * 0x1p-100;
  return sum;
}

TEST(Half, arithmetic) {
  std::vector<U> values;
  for (U v : {0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xbc00, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x3555, 0x0080,
              0x7f80, 0x7f7f, 0x3f80, 0x0010, 0x1400, 0x5bff})
    values.push_back(v);
  std::mt19937_64 random(9);
  for (unsigned i = 0; i < 50; ++i)
    values.push_back(random() & 0xffff);
  for (bool bf16 : {false, true}) {
    auto widen = [&](U v) { return __float128(bf16 ? bf16ToF32(uint16_t(v)) : f16ToF32(uint16_t(v))); };
    auto narrow = [&](__float128 v) {
      return U(bf16 ? f64ToBf16(toOdd(v), Rounding::NearestEven) : f64ToF16(toOdd(v), Rounding::NearestEven));
    };
    std::string t = bf16 ? ".bf16" : ".f16";
    auto run = [&](const std::string &text, std::vector<unsigned> s, const Expected &e) {
      checkElementwise(text, 16, std::move(s), values, e);
    };
    run("add" + t + " D, A, B;", {16, 16}, [&](U a, U b, U) { return narrow(widen(a) + widen(b)); });
    run("sub.rn" + t + " D, A, B;", {16, 16}, [&](U a, U b, U) { return narrow(widen(a) - widen(b)); });
    run("mul" + t + " D, A, B;", {16, 16}, [&](U a, U b, U) { return narrow(widen(a) * widen(b)); });
    run("fma.rn" + t + " D, A, B, C;", {16, 16, 16},
        [&](U a, U b, U c) { return narrow(fusedExact(widen(a), widen(b), widen(c))); });
    run("neg" + t + " D, A;", {16}, [](U a, U, U) { return a ^ 0x8000; });
    run("abs" + t + " D, A;", {16}, [](U a, U, U) { return a & 0x7fff; });
    auto isNan = [&](U v) { return widen(v) != widen(v); };
    run("max" + t + " D, A, B;", {16, 16}, [&](U a, U b, U) {
      if (isNan(a) || isNan(b))
        return isNan(a) && isNan(b) ? U(0x7fff) : isNan(a) ? b : a;
      if (widen(a) == widen(b))
        return a == b || !(a >> 15) ? a : b; // +0 is the larger zero
      return widen(a) > widen(b) ? a : b;
    });
    run("{ .reg .pred p; setp.gtu" + t + " p, A, B; selp.b16 D, 1, 0, p; }", {16, 16},
        [&](U a, U b, U) { return U(!(widen(a) <= widen(b))); });
    // The packed form does both halves.
    std::string x2 = bf16 ? "bf16x2" : "f16x2";
    std::vector<U> pairs;
    for (U v : values)
      pairs.push_back(v | random() << 16);
    checkElementwise("fma.rn." + x2 + " D, A, B, C;", 32, {32, 32, 32}, pairs, [&](U a, U b, U c) {
      return narrow(fusedExact(widen(a & 0xffff), widen(b & 0xffff), widen(c & 0xffff))) |
             narrow(fusedExact(widen(a >> 16), widen(b >> 16), widen(c >> 16))) << 16;
    });
  }
  checkElementwise("fma.rn.relu.f16 D, A, B, C;", 16, {16, 16, 16}, values, [](U a, U b, U c) {
    double v = double(f16ToF32(uint16_t(a))) * f16ToF32(uint16_t(b)) + f16ToF32(uint16_t(c));
    return v != v ? 0x7fff : v <= 0 ? 0 : U(f64ToF16(v, Rounding::NearestEven));
  });
}

// cvt. ---------------------------------------------------------------------------

TEST(Convert, integers) {
  auto run = [](const std::string &text, unsigned to, unsigned from, const Expected &e) {
    checkElementwise(text, to, {from}, integerValues(), e);
  };
  run("cvt.s64.s32 D, A;", 64, 32, [](U a, U, U) { return U(int64_t(int32_t(a))); });
  run("cvt.u64.u32 D, A;", 64, 32, [](U a, U, U) { return a; });
  run("cvt.u16.u32 D, A;", 16, 32, [](U a, U, U) { return a; });
  run("cvt.s32.s8 D, A;", 32, 32, [](U a, U, U) { return U(int8_t(a)); });
  run("cvt.s32.s16 D, A;", 32, 16, [](U a, U, U) { return U(int16_t(a)); });
  run("cvt.u8.u32 D, A;", 32, 32, [](U a, U, U) { return a & 0xff; });
  run("cvt.s8.s32 D, A;", 32, 32, [](U a, U, U) { return U(int8_t(a)); });
  run("cvt.sat.u8.s32 D, A;", 32, 32, [](U a, U, U) { return U(std::min(std::max(int32_t(a), 0), 255)); });
  run("cvt.sat.s16.u64 D, A;", 16, 64, [](U a, U, U) { return std::min<U>(a, 32767); });
  run("cvt.rn.f32.s32 D, A;", 32, 32, [](U a, U, U) { return U(bits(float(int32_t(a)))); });
  run("cvt.rn.f32.u64 D, A;", 32, 64, [](U a, U, U) { return U(bits(float(a))); });
  run("cvt.rz.f32.s64 D, A;", 32, 64, [](U a, U, U) {
    volatile int64_t v = int64_t(a);
    return U(bits(rounded(FE_TOWARDZERO, [&] {
      volatile float r = float(v);
      return float(r);
    })));
  });
  run("cvt.rn.f64.u64 D, A;", 64, 64, [](U a, U, U) { return std::bit_cast<U>(double(a)); });
  run("cvt.rp.f64.s64 D, A;", 64, 64, [](U a, U, U) {
    volatile int64_t v = int64_t(a);
    return std::bit_cast<U>(rounded(FE_UPWARD, [&] {
      volatile double r = double(v);
      return double(r);
    }));
  });
}

TEST(Convert, floatsToIntegers) {
  auto saturated = [](double v, double least, double most, double nan) {
    return v != v ? nan : std::min(std::max(v, least), most);
  };
  struct {
    const char *name;
    double (*round)(double);
  } modes[] = {{"rni", [](double v) { return std::nearbyint(v); }},
               {"rzi", [](double v) { return std::trunc(v); }},
               {"rmi", [](double v) { return std::floor(v); }},
               {"rpi", [](double v) { return std::ceil(v); }}};
  for (const auto &m : modes) {
    std::string name = m.name;
    check("cvt." + name + ".s32.f32 D, A;", 32, {32},
          [&](U a, U, U) { return U(int64_t(saturated(m.round(f(a)), -2147483648.0, 2147483647.0, 0))); });
    check("cvt." + name + ".u32.f32 D, A;", 32, {32},
          [&](U a, U, U) { return U(saturated(m.round(f(a)), 0, 4294967295.0, 0)); });
    check("cvt." + name + ".ftz.s8.f32 D, A;", 32, {32},
          [&](U a, U, U) { return U(int64_t(saturated(m.round(ftz(f(a))), -128, 127, 0))); });
    check("cvt." + name + ".f32.f32 D, A;", 32, {32}, [&](U a, U, U) { return out(float(m.round(f(a)))); });
  }
}

TEST(Convert, betweenFloats) {
  check("cvt.f64.f32 D, A;", 64, {32}, [](U a, U, U) { return outDouble(f(a)); });
  check("cvt.rn.f32.f64 D, A;", 32, {64}, [](U a, U, U) { return out(float(d(a))); });
  check("cvt.rn.f16.f32 D, A;", 16, {32}, [](U a, U, U) { return U(f32ToF16(f(a), Rounding::NearestEven)); });
  check("cvt.rz.bf16.f32 D, A;", 16, {32}, [](U a, U, U) { return U(f32ToBf16(f(a), Rounding::Zero)); });
  check("cvt.f32.f16 D, A;", 32, {16}, [](U a, U, U) { return out(f16ToF32(uint16_t(a))); });
  check("cvt.f32.bf16 D, A;", 32, {16}, [](U a, U, U) { return out(bf16ToF32(uint16_t(a))); });
  check("cvt.sat.f32.f32 D, A;", 32, {32}, [](U a, U, U) { return out(sat(f(a))); });
  check("cvt.rna.tf32.f32 D, A;", 32, {32}, [](U a, U, U) { return U(f32ToTf32(f(a), Rounding::NearestAway)); });
  // Packed: the first source is the upper half.
  check("cvt.rn.f16x2.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) {
    return U(f32ToF16(f(a), Rounding::NearestEven)) << 16 | f32ToF16(f(b), Rounding::NearestEven);
  });
  check("cvt.rn.relu.bf16x2.f32 D, A, B;", 32, {32, 32}, [](U a, U b, U) {
    return U(f32ToBf16(f(a), Rounding::NearestEven, false, true)) << 16 |
           f32ToBf16(f(b), Rounding::NearestEven, false, true);
  });
  check("cvt.rn.satfinite.e4m3x2.f32 D, A, B;", 16, {32, 32},
        [](U a, U b, U) { return U(f32ToE4m3(f(a))) << 8 | f32ToE4m3(f(b)); });
  check("cvt.rn.satfinite.e5m2x2.f32 D, A, B;", 16, {32, 32},
        [](U a, U b, U) { return U(f32ToE5m2(f(a))) << 8 | f32ToE5m2(f(b)); });
  check("cvt.rn.f16x2.e4m3x2 D, A;", 32, {16},
        [](U a, U, U) { return U(e4m3ToF16(uint8_t(a >> 8))) << 16 | e4m3ToF16(uint8_t(a)); });
  check("cvt.rn.satfinite.e4m3x2.f16x2 D, A;", 16, {32},
        [](U a, U, U) { return U(f16ToE4m3(uint16_t(a >> 16))) << 8 | f16ToE4m3(uint16_t(a)); });
}

} // namespace
