//===- Arithmetic.cpp - Integer arithmetic (PTX ISA 9.0, 9.7.1) -----------===//

#include "ops/Decode.h"
#include "ops/Lanes.h"

#include <bit>

using namespace qccsim;
using ptx::Type;

namespace {

template <class T> using Unsigned = std::make_unsigned_t<T>;
template <class T> using Signed = std::make_signed_t<T>;

// Arithmetic is done in unsigned types: PTX wraps around.
template <class T> struct Add {
  static T result(T a, T b) { return T(Unsigned<T>(a) + Unsigned<T>(b)); }
};
template <class T> struct Sub {
  static T result(T a, T b) { return T(Unsigned<T>(a) - Unsigned<T>(b)); }
};
template <class T> struct MulLo {
  static T result(T a, T b) { return T(uint64_t(a) * uint64_t(b)); }
};
template <class T> struct MulHi {
  static T result(T a, T b) {
    using Wide = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
    return T((Wide(a) * Wide(b)) >> (8 * sizeof(T)));
  }
};
template <class D, class T> struct MulWide {
  static D result(T a, T b) { return D(D(a) * D(b)); }
};
template <class T> struct MadLo {
  static T result(T a, T b, T c) { return T(uint64_t(a) * uint64_t(b) + uint64_t(c)); }
};
template <class T> struct MadHi {
  static T result(T a, T b, T c) { return Add<T>::result(MulHi<T>::result(a, b), c); }
};
template <class D, class T> struct MadWide {
  static D result(T a, T b, D c) { return D(Unsigned<D>(D(a) * D(b)) + Unsigned<D>(c)); }
};
struct Saturated {
  static int32_t clamp(int64_t v) { return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : int32_t(v); }
};
struct AddSat {
  static int32_t result(int32_t a, int32_t b) { return Saturated::clamp(int64_t(a) + b); }
};
struct SubSat {
  static int32_t result(int32_t a, int32_t b) { return Saturated::clamp(int64_t(a) - b); }
};
struct MadHiSat {
  static int32_t result(int32_t a, int32_t b, int32_t c) { return Saturated::clamp((int64_t(a) * b >> 32) + c); }
};
/// Division by zero gives all ones in practice; the ISA leaves it unspecified.
template <class T> struct Div {
  static T result(T a, T b) {
    if (b == 0)
      return T(-1);
    if (std::is_signed_v<T> && b == T(-1))
      return T(Unsigned<T>(0) - Unsigned<T>(a));
    return T(a / b);
  }
};
template <class T> struct Rem {
  static T result(T a, T b) {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == T(-1))
      return 0;
    return T(a % b);
  }
};
template <class T> struct Min {
  static T result(T a, T b) { return a < b ? a : b; }
};
template <class T> struct Max {
  static T result(T a, T b) { return a > b ? a : b; }
};
template <class T> struct Abs {
  static T result(T a) { return a < 0 ? T(Unsigned<T>(0) - Unsigned<T>(a)) : a; }
};
template <class T> struct Neg {
  static T result(T a) { return T(Unsigned<T>(0) - Unsigned<T>(a)); }
};
template <class T> struct Sad {
  static T result(T a, T b, T c) {
    using U = Unsigned<T>;
    return T(U(c) + (a < b ? U(b) - U(a) : U(a) - U(b)));
  }
};
template <bool isSigned, bool hi> struct Mul24 {
  using T = std::conditional_t<isSigned, int32_t, uint32_t>;
  static int64_t low24(T a) { return isSigned ? int64_t(int32_t(a << 8) >> 8) : a & 0xffffff; }
  static T result(T a, T b) {
    int64_t product = low24(a) * low24(b);
    return T(hi ? product >> 16 : product);
  }
};
template <bool isSigned, bool hi> struct Mad24 {
  using T = std::conditional_t<isSigned, int32_t, uint32_t>;
  static T result(T a, T b, T c) { return T(uint32_t(Mul24<isSigned, hi>::result(a, b)) + uint32_t(c)); }
};

/// Handler of a template over the integer type.
template <template <class> class Op> Handler binaryFor(Type type) {
  switch (type) {
  case Type::U16:
    return execBinary<Op<uint16_t>, uint16_t, uint16_t>;
  case Type::S16:
    return execBinary<Op<int16_t>, int16_t, int16_t>;
  case Type::U32:
    return execBinary<Op<uint32_t>, uint32_t, uint32_t>;
  case Type::S32:
    return execBinary<Op<int32_t>, int32_t, int32_t>;
  case Type::U64:
    return execBinary<Op<uint64_t>, uint64_t, uint64_t>;
  case Type::S64:
    return execBinary<Op<int64_t>, int64_t, int64_t>;
  default:
    return nullptr;
  }
}
template <template <class> class Op> Handler ternaryFor(Type type) {
  switch (type) {
  case Type::U16:
    return execTernary<Op<uint16_t>, uint16_t, uint16_t>;
  case Type::S16:
    return execTernary<Op<int16_t>, int16_t, int16_t>;
  case Type::U32:
    return execTernary<Op<uint32_t>, uint32_t, uint32_t>;
  case Type::S32:
    return execTernary<Op<int32_t>, int32_t, int32_t>;
  case Type::U64:
    return execTernary<Op<uint64_t>, uint64_t, uint64_t>;
  case Type::S64:
    return execTernary<Op<int64_t>, int64_t, int64_t>;
  default:
    return nullptr;
  }
}
template <template <class> class Op> Handler signedUnaryFor(Type type) {
  switch (type) {
  case Type::S16:
    return execUnary<Op<int16_t>, int16_t, int16_t>;
  case Type::S32:
    return execUnary<Op<int32_t>, int32_t, int32_t>;
  case Type::S64:
    return execUnary<Op<int64_t>, int64_t, int64_t>;
  default:
    return nullptr;
  }
}

template <template <class> class Op> void decodeBinary(InstBuilder &b) {
  Type type = b.takeType();
  emitElementwise(b, type, 2, binaryFor<Op>(type));
}

/// Types that belong to Float.cpp or Half.cpp are sent there.
bool isFloating(InstBuilder &b) {
  for (std::string_view modifier : b.remaining()) {
    Type type = ptx::parseType(modifier);
    if (type != Type::None)
      return !ptx::isInteger(type);
  }
  return false;
}

void decodeAdd(InstBuilder &b) {
  if (isFloating(b))
    return decodeFloatAdd(b);
  if (b.take("cc"))
    return decodeAddCarry(b, false);
  bool sat = b.take("sat");
  Type type = b.takeType();
  if (sat && type != Type::S32)
    b.fail("'.sat' needs .s32");
  if (type == Type::U16 || type == Type::S16 || !sat)
    return emitElementwise(b, type, 2, binaryFor<Add>(type));
  emitElementwise(b, type, 2, execBinary<AddSat, int32_t, int32_t>);
}

void decodeSub(InstBuilder &b) {
  if (isFloating(b))
    return decodeFloatSub(b);
  if (b.take("cc"))
    return decodeAddCarry(b, true);
  bool sat = b.take("sat");
  Type type = b.takeType();
  if (sat && type != Type::S32)
    b.fail("'.sat' needs .s32");
  emitElementwise(b, type, 2, sat ? execBinary<SubSat, int32_t, int32_t> : binaryFor<Sub>(type));
}

template <class D, class T> constexpr Handler mulWide = execBinary<MulWide<D, T>, D, T>;
template <class D, class T> constexpr Handler madWide = execTernary<MadWide<D, T>, D, T, T, D>;

Handler wideHandler(Type type, bool mad) {
  switch (type) {
  case Type::U16:
    return mad ? madWide<uint32_t, uint16_t> : mulWide<uint32_t, uint16_t>;
  case Type::S16:
    return mad ? madWide<int32_t, int16_t> : mulWide<int32_t, int16_t>;
  case Type::U32:
    return mad ? madWide<uint64_t, uint32_t> : mulWide<uint64_t, uint32_t>;
  case Type::S32:
    return mad ? madWide<int64_t, int32_t> : mulWide<int64_t, int32_t>;
  default:
    return nullptr;
  }
}

Type wideType(Type type) { return ptx::bitsOf(type) == 16 ? Type::U32 : Type::U64; }

void decodeMul(InstBuilder &b) {
  if (isFloating(b))
    return decodeFloatMul(b);
  int mode = b.takeOneOf({"lo", "hi", "wide"});
  Type type = b.takeType();
  if (mode < 0)
    b.fail("missing '.lo', '.hi' or '.wide'");
  if (mode == 2)
    return emitOperands(b, wideType(type), {type, type}, wideHandler(type, false));
  emitElementwise(b, type, 2, mode ? binaryFor<MulHi>(type) : binaryFor<MulLo>(type));
}

void decodeMad(InstBuilder &b) {
  if (isFloating(b))
    return decodeFloatFma(b);
  int mode = b.takeOneOf({"lo", "hi", "wide"});
  if (b.take("cc"))
    return decodeMadCarry(b, mode, false);
  bool sat = b.take("sat");
  Type type = b.takeType();
  if (mode < 0)
    b.fail("missing '.lo', '.hi' or '.wide'");
  if (sat && (mode != 1 || type != Type::S32))
    b.fail("'.sat' needs .hi.s32");
  if (sat)
    return emitElementwise(b, type, 3, execTernary<MadHiSat, int32_t, int32_t>);
  if (mode == 2)
    return emitOperands(b, wideType(type), {type, type, wideType(type)}, wideHandler(type, true));
  emitElementwise(b, type, 3, mode ? ternaryFor<MadHi>(type) : ternaryFor<MadLo>(type));
}

void decodeMul24(InstBuilder &b) {
  int mode = b.takeOneOf({"lo", "hi"});
  Type type = b.takeType();
  if (mode < 0 || (type != Type::U32 && type != Type::S32))
    b.fail("needs '.lo' or '.hi' and .u32 or .s32");
  if (type == Type::S32)
    emitElementwise(b, type, 2,
                    mode ? execBinary<Mul24<true, true>, int32_t, int32_t>
                         : execBinary<Mul24<true, false>, int32_t, int32_t>);
  else
    emitElementwise(b, type, 2,
                    mode ? execBinary<Mul24<false, true>, uint32_t, uint32_t>
                         : execBinary<Mul24<false, false>, uint32_t, uint32_t>);
}

void decodeMad24(InstBuilder &b) {
  int mode = b.takeOneOf({"lo", "hi"});
  Type type = b.takeType();
  if (mode < 0 || (type != Type::U32 && type != Type::S32))
    b.fail("needs '.lo' or '.hi' and .u32 or .s32");
  if (type == Type::S32)
    emitElementwise(b, type, 3,
                    mode ? execTernary<Mad24<true, true>, int32_t, int32_t>
                         : execTernary<Mad24<true, false>, int32_t, int32_t>);
  else
    emitElementwise(b, type, 3,
                    mode ? execTernary<Mad24<false, true>, uint32_t, uint32_t>
                         : execTernary<Mad24<false, false>, uint32_t, uint32_t>);
}

void decodeDiv(InstBuilder &b) {
  if (isFloating(b))
    return decodeFloatDiv(b);
  decodeBinary<Div>(b);
}

template <template <class> class Op, void (*floating)(InstBuilder &)> void decodeSigned(InstBuilder &b) {
  if (isFloating(b))
    return floating(b);
  Type type = b.takeType();
  emitElementwise(b, type, 1, signedUnaryFor<Op>(type));
}

template <template <class> class Op, void (*floating)(InstBuilder &)> void decodeMinMax(InstBuilder &b) {
  if (isFloating(b))
    return floating(b);
  decodeBinary<Op>(b);
}

void decodeSad(InstBuilder &b) {
  Type type = b.takeType();
  emitElementwise(b, type, 3, ternaryFor<Sad>(type));
}

} // namespace

void qccsim::addArithmeticOps(OpcodeTable &table) {
  table["add"] = decodeAdd;
  table["sub"] = decodeSub;
  table["mul"] = decodeMul;
  table["mad"] = decodeMad;
  table["mul24"] = decodeMul24;
  table["mad24"] = decodeMad24;
  table["div"] = decodeDiv;
  table["rem"] = decodeBinary<Rem>;
  table["min"] = decodeMinMax<Min, decodeFloatMin>;
  table["max"] = decodeMinMax<Max, decodeFloatMax>;
  table["abs"] = decodeSigned<Abs, decodeFloatAbs>;
  table["neg"] = decodeSigned<Neg, decodeFloatNeg>;
  table["sad"] = decodeSad;
  table["addc"] = [](InstBuilder &b) { decodeAddCarry(b, false); };
  table["subc"] = [](InstBuilder &b) { decodeAddCarry(b, true); };
  table["madc"] = [](InstBuilder &b) {
    int mode = b.takeOneOf({"lo", "hi"});
    decodeMadCarry(b, mode, true);
  };
}
