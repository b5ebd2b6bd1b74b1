//===- SpecialFunctions.cpp - Division, roots and approximations ----------===//
//
// The .approx functions are computed to within an ulp or better. The hardware's results differ
// in the last bits (bounds in PTX ISA 9.0, 9.7.3): nothing may depend on them.
//
//===----------------------------------------------------------------------===//

#include "num/Convert.h"
#include "ops/DirectedRounding.h"
#include "ops/FloatMath.h"
#include "ops/Lanes.h"

using namespace qccsim;
using ptx::Type;

namespace {

/// 2^x for |x| < 1100, relative error below 1e-11: 2^i times a polynomial in the fraction.
inline double exp2Double(double x) {
  // Adding 1.5 * 2^52 rounds to an integer, which is then in the low bits.
  constexpr double magic = 6755399441055744.0;
  double shifted = x + magic;
  int64_t i = std::bit_cast<int64_t>(shifted) - std::bit_cast<int64_t>(magic);
  double t = (x - (shifted - magic)) * 0.693147180559945309417; // |t| <= ln(2)/2
  double p = 1.0 / 362880;
  p = p * t + 1.0 / 40320;
  p = p * t + 1.0 / 5040;
  p = p * t + 1.0 / 720;
  p = p * t + 1.0 / 120;
  p = p * t + 1.0 / 24;
  p = p * t + 1.0 / 6;
  p = p * t + 0.5;
  p = p * t + 1.0;
  p = p * t + 1.0;
  return p * std::bit_cast<double>((i + 1023) << 52);
}

template <bool ftz> struct Ex2 {
  static float result(float a) {
    a = flush<ftz>(a);
    // Beyond these bounds the f32 result is infinity or zero anyhow.
    float bounded = a > 200.0f ? 200.0f : a < -200.0f ? -200.0f : a;
    bounded = bounded == bounded ? bounded : 0.0f;
    float r = static_cast<float>(exp2Double(bounded));
    return canonical(a == a ? flush<ftz>(r) : a);
  }
};
template <bool ftz> struct Rcp {
  static float result(float a) { return canonical(flush<ftz>(1.0f / flush<ftz>(a))); }
};
template <bool ftz> struct Sqrt {
  static float result(float a) { return canonical(flush<ftz>(std::sqrt(flush<ftz>(a)))); }
};
template <bool ftz> struct Rsqrt {
  static float result(float a) {
    return canonical(static_cast<float>(1.0 / std::sqrt(static_cast<double>(flush<ftz>(a)))));
  }
};
template <bool ftz> struct DivFull {
  static float result(float a, float b) { return canonical(flush<ftz>(flush<ftz>(a) / flush<ftz>(b))); }
};
/// a * (1 / b): the reciprocal of a divisor above 2^126 is subnormal and counts as zero.
template <bool ftz> struct DivApprox {
  static float result(float a, float b) {
    a = flush<ftz>(a);
    b = flush<ftz>(b);
    bool huge = std::fabs(b) > 0x1p126f && std::fabs(b) < INFINITY;
    float zero = a * std::copysign(0.0f, b);
    return canonical(huge ? zero : flush<ftz>(a / b));
  }
};
template <bool ftz> struct Lg2 {
  static float result(float a) {
    return canonical(flush<ftz>(static_cast<float>(std::log2(static_cast<double>(flush<ftz>(a))))));
  }
};
template <bool ftz> struct Sin {
  static float result(float a) {
    return canonical(flush<ftz>(static_cast<float>(std::sin(static_cast<double>(flush<ftz>(a))))));
  }
};
template <bool ftz> struct Cos {
  static float result(float a) {
    return canonical(flush<ftz>(static_cast<float>(std::cos(static_cast<double>(flush<ftz>(a))))));
  }
};
struct Tanh {
  static float result(float a) { return canonical(static_cast<float>(std::tanh(static_cast<double>(a)))); }
};
struct RsqrtDouble {
  static double result(double a) { return canonical(1.0 / std::sqrt(a)); }
};

/// f16 and bf16 forms of ex2 and tanh, one or two values to a register.
template <class Op, bool bf16, bool packed> struct HalfFunction {
  static uint32_t one(uint32_t bits) {
    float r = Op::result(bf16 ? bf16ToF32(uint16_t(bits)) : f16ToF32(uint16_t(bits)));
    return bf16 ? f32ToBf16(r, Rounding::NearestEven) : f32ToF16(r, Rounding::NearestEven);
  }
  static uint32_t result(uint32_t a) { return packed ? one(a >> 16) << 16 | one(a & 0xffff) : one(a & 0xffff); }
};

template <class Op> Handler halfHandler(Type type) {
  switch (type) {
  case Type::F16:
    return execUnary<HalfFunction<Op, false, false>, uint32_t, uint32_t>;
  case Type::F16x2:
    return execUnary<HalfFunction<Op, false, true>, uint32_t, uint32_t>;
  case Type::BF16:
    return execUnary<HalfFunction<Op, true, false>, uint32_t, uint32_t>;
  case Type::BF16x2:
    return execUnary<HalfFunction<Op, true, true>, uint32_t, uint32_t>;
  default:
    return nullptr;
  }
}

template <template <bool> class Op> Handler unary(bool ftz) {
  return ftz ? execUnary<Op<true>, float, float> : execUnary<Op<false>, float, float>;
}

void decodeDivision(InstBuilder &b) {
  b.inst.cls = InstClass::Special;
  int approx = b.takeOneOf({"approx", "full"});
  int rounding = b.takeOneOf({"rn", "rz", "rm", "rp"});
  bool ftz = b.take("ftz");
  Type type = b.takeType();
  if ((approx < 0) == (rounding < 0))
    b.fail("needs '.approx', '.full' or a rounding modifier");
  // The host's division is the correctly rounded one.
  if (approx < 0 && (rounding > 0 || type != Type::F32))
    return emitDirected(b, DirectedOp::Div, type, rounding, ftz, false);
  if (type != Type::F32)
    b.unsupported("type");
  Handler handler = approx == 0
                        ? (ftz ? execBinary<DivApprox<true>, float, float> : execBinary<DivApprox<false>, float, float>)
                        : (ftz ? execBinary<DivFull<true>, float, float> : execBinary<DivFull<false>, float, float>);
  emitElementwise(b, type, 2, handler);
}

/// rcp and sqrt. `nearest` is correctly rounded, which serves .approx too.
void decodeRoot(InstBuilder &b, DirectedOp op, Handler (*nearest)(bool)) {
  b.inst.cls = InstClass::Special;
  bool approx = b.take("approx");
  int rounding = b.takeOneOf({"rn", "rz", "rm", "rp"});
  bool ftz = b.take("ftz");
  Type type = b.takeType();
  if (approx == (rounding >= 0))
    b.fail("needs '.approx' or a rounding modifier");
  if (!approx && (rounding > 0 || type != Type::F32))
    return emitDirected(b, op, type, rounding, ftz, false);
  if (type != Type::F32)
    b.unsupported("type");
  emitElementwise(b, type, 1, nearest(ftz));
}

void decodeRsqrt(InstBuilder &b) {
  b.inst.cls = InstClass::Special;
  bool approx = b.take("approx"), ftz = b.take("ftz");
  Type type = b.takeType();
  if (!approx)
    b.fail("needs '.approx'");
  Handler handler = nullptr;
  if (type == Type::F32)
    handler = unary<Rsqrt>(ftz);
  else if (type == Type::F64 && !ftz)
    handler = execUnary<RsqrtDouble, double, double>;
  emitElementwise(b, type, 1, handler);
}

template <template <bool> class Op> void decodeApprox(InstBuilder &b) {
  b.inst.cls = InstClass::Special;
  bool approx = b.take("approx"), ftz = b.take("ftz");
  Type type = b.takeType();
  if (!approx)
    b.fail("needs '.approx'");
  emitElementwise(b, type, 1, type == Type::F32 ? unary<Op>(ftz) : nullptr);
}

void decodeEx2(InstBuilder &b) {
  b.inst.cls = InstClass::Special;
  bool approx = b.take("approx"), ftz = b.take("ftz");
  Type type = b.takeType();
  if (!approx)
    b.fail("needs '.approx'");
  bool bf16 = type == Type::BF16 || type == Type::BF16x2;
  if (bf16 != ftz && type != Type::F32)
    b.fail(bf16 ? "needs '.ftz'" : "'.ftz' does not go with f16");
  emitElementwise(b, type, 1,
                  type == Type::F32 ? unary<Ex2>(ftz)
                  : ftz             ? halfHandler<Ex2<true>>(type)
                                    : halfHandler<Ex2<false>>(type));
}

void decodeTanh(InstBuilder &b) {
  b.inst.cls = InstClass::Special;
  bool approx = b.take("approx");
  Type type = b.takeType();
  if (!approx)
    b.fail("needs '.approx'");
  emitElementwise(b, type, 1, type == Type::F32 ? execUnary<Tanh, float, float> : halfHandler<Tanh>(type));
}

} // namespace

void qccsim::decodeFloatDiv(InstBuilder &b) { decodeDivision(b); }

void qccsim::addSpecialFunctions(OpcodeTable &table) {
  table["rcp"] = [](InstBuilder &b) { decodeRoot(b, DirectedOp::Rcp, unary<Rcp>); };
  table["sqrt"] = [](InstBuilder &b) { decodeRoot(b, DirectedOp::Sqrt, unary<Sqrt>); };
  table["rsqrt"] = decodeRsqrt;
  table["ex2"] = decodeEx2;
  table["lg2"] = decodeApprox<Lg2>;
  table["sin"] = decodeApprox<Sin>;
  table["cos"] = decodeApprox<Cos>;
  table["tanh"] = decodeTanh;
}
