//===- Float.cpp - f32 and f64 arithmetic (PTX ISA 9.0, 9.7.3) ------------===//

#include "ops/Decode.h"
#include "ops/DirectedRounding.h"
#include "ops/FloatMath.h"
#include "ops/Lanes.h"

using namespace qccsim;
using ptx::Type;

namespace {

template <class T, bool ftz, bool sat> struct Finish {
  static T in(T v) { return flush<ftz>(v); }
  static T out(T v) { return saturate<sat>(flush<ftz>(canonical(v))); }
};

template <class T, bool ftz, bool sat> struct Add : Finish<T, ftz, sat> {
  using F = Finish<T, ftz, sat>;
  static T result(T a, T b) { return F::out(F::in(a) + F::in(b)); }
};
template <class T, bool ftz, bool sat> struct Sub : Finish<T, ftz, sat> {
  using F = Finish<T, ftz, sat>;
  static T result(T a, T b) { return F::out(F::in(a)-F::in(b)); }
};
template <class T, bool ftz, bool sat> struct Mul : Finish<T, ftz, sat> {
  using F = Finish<T, ftz, sat>;
  static T result(T a, T b) { return F::out(F::in(a)*F::in(b)); }
};
template <class T, bool ftz, bool sat> struct Fma : Finish<T, ftz, sat> {
  using F = Finish<T, ftz, sat>;
  static T result(T a, T b, T c) {
    if constexpr (sizeof(T) == 4)
      return F::out(__builtin_fmaf(F::in(a), F::in(b), F::in(c)));
    else
      return F::out(__builtin_fma(a, b, c));
  }
};

/// min and max order -0 below +0; a NaN loses against a number, except with .NaN.
template <class T, bool ftz, bool nan, bool isMax> struct MinMax {
  static T result(T a, T b) {
    a = flush<ftz>(a);
    b = flush<ftz>(b);
    using U = Lane<T>;
    U ua = std::bit_cast<U>(a), ub = std::bit_cast<U>(b);
    // For equal numbers (zeros), or-ing or and-ing the sign bits decides.
    T equal = std::bit_cast<T>(isMax ? U(ua & ub) : U(ua | ub));
    T r = a == b ? equal : (isMax ? a > b : a < b) ? a : b;
    T anyNan = nan ? a + b : (a != a ? b : a);
    r = (a != a || b != b) ? anyNan : r;
    return canonical(r);
  }
};

template <class T, bool ftz> struct Abs {
  static T result(T v) {
    using U = Lane<T>;
    return flush<ftz>(std::bit_cast<T>(U(std::bit_cast<U>(v) & (~U(0) >> 1))));
  }
};
template <class T, bool ftz> struct Neg {
  static T result(T v) {
    using U = Lane<T>;
    return flush<ftz>(std::bit_cast<T>(U(std::bit_cast<U>(v) ^ (U(1) << (8 * sizeof(T) - 1)))));
  }
};
template <class U> struct CopySign {
  static constexpr U sign = U(1) << (8 * sizeof(U) - 1);
  static U result(U a, U b) { return (b & ~sign) | (a & sign); }
};

template <template <class, bool, bool> class Op> Handler binaryFor(Type type, bool ftz, bool sat) {
  if (type == Type::F64)
    return execBinary<Op<double, false, false>, double, double>;
  if (ftz)
    return sat ? execBinary<Op<float, true, true>, float, float> : execBinary<Op<float, true, false>, float, float>;
  return sat ? execBinary<Op<float, false, true>, float, float> : execBinary<Op<float, false, false>, float, float>;
}

struct FloatModifiers {
  Type type;
  int rounding; ///< index into rn, rz, rm, rp; -1 if not given
  bool ftz, sat;
};

FloatModifiers takeFloatModifiers(InstBuilder &b) {
  FloatModifiers m;
  m.rounding = b.takeOneOf({"rn", "rz", "rm", "rp"});
  m.ftz = b.take("ftz");
  m.sat = b.take("sat");
  m.type = b.takeType();
  b.inst.cls = InstClass::Float;
  if (m.type == Type::F64 && (m.ftz || m.sat))
    b.fail("'.ftz' and '.sat' do not go with .f64");
  return m;
}

bool isHalf(InstBuilder &b) {
  for (std::string_view modifier : b.remaining()) {
    Type type = ptx::parseType(modifier);
    if (type != Type::None)
      return type == Type::F16 || type == Type::F16x2 || type == Type::BF16 || type == Type::BF16x2;
  }
  return false;
}

void decodeAddLike(InstBuilder &b, HalfOp half, DirectedOp directed, Handler (*nearest)(Type, bool, bool)) {
  if (isHalf(b)) {
    b.take("rn");
    return decodeHalf(b, half);
  }
  FloatModifiers m = takeFloatModifiers(b);
  if (m.type != Type::F32 && m.type != Type::F64)
    b.unsupported("type");
  if (m.rounding > 0)
    return emitDirected(b, directed, m.type, m.rounding, m.ftz, m.sat);
  emitElementwise(b, m.type, 2, nearest(m.type, m.ftz, m.sat));
}

void decodeMinMax(InstBuilder &b, bool isMax) {
  if (isHalf(b))
    return decodeHalf(b, isMax ? HalfOp::Max : HalfOp::Min);
  bool ftz = b.take("ftz"), nan = b.take("NaN");
  Type type = b.takeType();
  b.inst.cls = InstClass::Float;
  Handler handler = nullptr;
  if (type == Type::F64 && !nan && !ftz)
    handler = isMax ? execBinary<MinMax<double, false, false, true>, double, double>
                    : execBinary<MinMax<double, false, false, false>, double, double>;
  if (type == Type::F32) {
    static constexpr Handler table[2][2][2] = {{{execBinary<MinMax<float, false, false, false>, float, float>,
                                                 execBinary<MinMax<float, false, false, true>, float, float>},
                                                {execBinary<MinMax<float, false, true, false>, float, float>,
                                                 execBinary<MinMax<float, false, true, true>, float, float>}},
                                               {{execBinary<MinMax<float, true, false, false>, float, float>,
                                                 execBinary<MinMax<float, true, false, true>, float, float>},
                                                {execBinary<MinMax<float, true, true, false>, float, float>,
                                                 execBinary<MinMax<float, true, true, true>, float, float>}}};
    handler = table[ftz][nan][isMax];
  }
  emitElementwise(b, type, 2, handler);
}

template <template <class, bool> class Op> void decodeSignOp(InstBuilder &b, HalfOp half) {
  if (isHalf(b))
    return decodeHalf(b, half);
  bool ftz = b.take("ftz");
  Type type = b.takeType();
  b.inst.cls = InstClass::Float;
  Handler handler = nullptr;
  if (type == Type::F32)
    handler = ftz ? execUnary<Op<float, true>, float, float> : execUnary<Op<float, false>, float, float>;
  else if (type == Type::F64 && !ftz)
    handler = execUnary<Op<double, false>, double, double>;
  emitElementwise(b, type, 1, handler);
}

void decodeCopySign(InstBuilder &b) {
  Type type = b.takeType();
  b.inst.cls = InstClass::Float;
  Handler handler = nullptr;
  if (type == Type::F32)
    handler = execBinary<CopySign<uint32_t>, uint32_t, uint32_t>;
  else if (type == Type::F64)
    handler = execBinary<CopySign<uint64_t>, uint64_t, uint64_t>;
  emitElementwise(b, type, 2, handler);
}

/// testp: a property of a number into a predicate.
template <class T> void execTestp(Warp &warp, const Inst &inst, uint32_t mask) {
  const auto *a = warp.reg<const Lane<T>>(inst.op[1]);
  uint32_t bits = 0;
  for (unsigned l = 0; l < 32; ++l) {
    T v = fromLane<T>(a[l]);
    int kind = std::fpclassify(v);
    bool holds = false;
    switch (inst.mode) {
    case 0:
      holds = kind != FP_INFINITE && kind != FP_NAN;
      break; // finite
    case 1:
      holds = kind == FP_INFINITE;
      break;
    case 2:
      holds = kind != FP_NAN;
      break; // number
    case 3:
      holds = kind == FP_NAN;
      break; // notanumber
    case 4:
      holds = kind == FP_NORMAL;
      break;
    case 5:
      holds = kind == FP_SUBNORMAL;
      break;
    }
    bits |= uint32_t(holds) << l;
  }
  warp.writePred(inst.pred[0], bits, mask);
}

void decodeTestp(InstBuilder &b) {
  int property = b.takeOneOf({"finite", "infinite", "number", "notanumber", "normal", "subnormal"});
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(2);
  if (property < 0 || (type != Type::F32 && type != Type::F64))
    b.fail("missing property or bad type");
  b.inst.cls = InstClass::Float;
  b.inst.mode = property;
  b.inst.pred[0] = b.defPred(b.operand(0));
  b.inst.op[1] = b.use(1, type);
  b.emit(type == Type::F64 ? execTestp<double> : execTestp<float>);
}

} // namespace

void qccsim::decodeFloatAdd(InstBuilder &b) { decodeAddLike(b, HalfOp::Add, DirectedOp::Add, binaryFor<Add>); }
void qccsim::decodeFloatSub(InstBuilder &b) { decodeAddLike(b, HalfOp::Sub, DirectedOp::Sub, binaryFor<Sub>); }
void qccsim::decodeFloatMul(InstBuilder &b) { decodeAddLike(b, HalfOp::Mul, DirectedOp::Mul, binaryFor<Mul>); }

void qccsim::decodeFloatFma(InstBuilder &b) {
  if (isHalf(b)) {
    if (!b.take("rn"))
      b.fail("missing '.rn'");
    return decodeHalf(b, HalfOp::Fma);
  }
  FloatModifiers m = takeFloatModifiers(b);
  if (m.type != Type::F32 && m.type != Type::F64)
    b.unsupported("type");
  if (m.rounding < 0)
    b.fail("missing rounding modifier");
  if (m.rounding > 0)
    return emitDirected(b, DirectedOp::Fma, m.type, m.rounding, m.ftz, m.sat);
  if (m.type == Type::F64)
    return emitElementwise(b, m.type, 3, execTernary<Fma<double, false, false>, double, double>);
  static constexpr Handler table[2][2] = {
      {execTernary<Fma<float, false, false>, float, float>, execTernary<Fma<float, false, true>, float, float>},
      {execTernary<Fma<float, true, false>, float, float>, execTernary<Fma<float, true, true>, float, float>}};
  emitElementwise(b, m.type, 3, table[m.ftz][m.sat]);
}

void qccsim::decodeFloatMin(InstBuilder &b) { decodeMinMax(b, false); }
void qccsim::decodeFloatMax(InstBuilder &b) { decodeMinMax(b, true); }
void qccsim::decodeFloatAbs(InstBuilder &b) { decodeSignOp<Abs>(b, HalfOp::Abs); }
void qccsim::decodeFloatNeg(InstBuilder &b) { decodeSignOp<Neg>(b, HalfOp::Neg); }

void qccsim::addFloatOps(OpcodeTable &table) {
  table["fma"] = decodeFloatFma;
  table["copysign"] = decodeCopySign;
  table["testp"] = decodeTestp;
  addSpecialFunctions(table);
}
