//===- Logic.cpp - Logic, shifts, bit fields, mov (9.7.1, 9.7.8, 9.7.9) ---===//

#include "ops/Decode.h"
#include "ops/Lanes.h"

using namespace qccsim;
using ptx::Type;

namespace {

template <class L> struct And {
  static L result(L a, L b) { return a & b; }
};
template <class L> struct Or {
  static L result(L a, L b) { return a | b; }
};
template <class L> struct Xor {
  static L result(L a, L b) { return a ^ b; }
};
template <class L> struct Not {
  static L result(L a) { return L(~a); }
};
template <class L> struct Cnot {
  static L result(L a) { return a == 0; }
};

enum : uint8_t { predAnd, predOr, predXor, predNot, predMov };

void execPred(Warp &warp, const Inst &inst, uint32_t mask) {
  uint32_t a = warp.readPred(inst.pred[1]), b = warp.readPred(inst.pred[2]);
  uint32_t value = inst.mode == predAnd   ? a & b
                   : inst.mode == predOr  ? a | b
                   : inst.mode == predXor ? a ^ b
                   : inst.mode == predNot ? ~a
                                          : a;
  warp.writePred(inst.pred[0], value, mask);
}

void emitPred(InstBuilder &b, uint8_t op, unsigned sources) {
  b.finishModifiers();
  b.expectOperands(1 + sources);
  b.inst.mode = op;
  b.inst.pred[0] = b.defPred(b.operand(0));
  b.inst.pred[1] = b.usePred(1);
  if (sources == 2)
    b.inst.pred[2] = b.usePred(2);
  b.emit(execPred);
}

template <template <class> class Op, uint8_t predOp> void decodeLogic(InstBuilder &b) {
  Type type = b.takeType();
  if (type == Type::Pred)
    return emitPred(b, predOp, 2);
  Handler handler = nullptr;
  if (type == Type::B16)
    handler = execBinary<Op<uint16_t>, uint16_t, uint16_t>;
  else if (type == Type::B32)
    handler = execBinary<Op<uint32_t>, uint32_t, uint32_t>;
  else if (type == Type::B64)
    handler = execBinary<Op<uint64_t>, uint64_t, uint64_t>;
  emitElementwise(b, type, 2, handler);
}

template <template <class> class Op> void decodeNot(InstBuilder &b) {
  Type type = b.takeType();
  if (type == Type::Pred && b.st.parts[0] == "not")
    return emitPred(b, predNot, 1);
  Handler handler = nullptr;
  if (type == Type::B16)
    handler = execUnary<Op<uint16_t>, uint16_t, uint16_t>;
  else if (type == Type::B32)
    handler = execUnary<Op<uint32_t>, uint32_t, uint32_t>;
  else if (type == Type::B64)
    handler = execUnary<Op<uint64_t>, uint64_t, uint64_t>;
  emitElementwise(b, type, 1, handler);
}

/// Shift amounts above the width are clamped to it; they are always 32-bit.
template <class T> struct Shl {
  static T result(T a, uint32_t b) { return b >= 8 * sizeof(T) ? T(0) : T(a << b); }
};
template <class T> struct Shr {
  static T result(T a, uint32_t b) {
    constexpr uint32_t width = 8 * sizeof(T);
    if constexpr (std::is_signed_v<T>)
      return T(a >> (b >= width ? width - 1 : b));
    else
      return b >= width ? T(0) : T(a >> b);
  }
};

template <class T> constexpr Handler shl = execBinary<Shl<T>, T, T, uint32_t>;
template <class T> constexpr Handler shr = execBinary<Shr<T>, T, T, uint32_t>;

void decodeShl(InstBuilder &b) {
  Type type = b.takeType();
  Handler handler = type == Type::B16   ? shl<uint16_t>
                    : type == Type::B32 ? shl<uint32_t>
                    : type == Type::B64 ? shl<uint64_t>
                                        : nullptr;
  emitOperands(b, type, {type, Type::U32}, handler);
}

void decodeShr(InstBuilder &b) {
  Type type = b.takeType();
  Handler handler = nullptr;
  switch (type) {
  case Type::B16:
  case Type::U16:
    handler = shr<uint16_t>;
    break;
  case Type::B32:
  case Type::U32:
    handler = shr<uint32_t>;
    break;
  case Type::B64:
  case Type::U64:
    handler = shr<uint64_t>;
    break;
  case Type::S16:
    handler = shr<int16_t>;
    break;
  case Type::S32:
    handler = shr<int32_t>;
    break;
  case Type::S64:
    handler = shr<int64_t>;
    break;
  default:
    break;
  }
  emitOperands(b, type, {type, Type::U32}, handler);
}

/// Funnel shift of b:a; .l gives the upper, .r the lower word.
template <bool left, bool clamp> struct Shf {
  static uint32_t result(uint32_t a, uint32_t b, uint32_t c) {
    uint32_t n = clamp ? (c > 32 ? 32 : c) : c & 31;
    uint64_t value = uint64_t(b) << 32 | a;
    return left ? uint32_t((value << n) >> 32) : uint32_t(value >> n);
  }
};

void decodeShf(InstBuilder &b) {
  int direction = b.takeOneOf({"l", "r"}), mode = b.takeOneOf({"clamp", "wrap"});
  Type type = b.takeType();
  if (direction < 0 || mode < 0 || type != Type::B32)
    b.fail("needs '.l' or '.r', '.clamp' or '.wrap', and .b32");
  static constexpr Handler table[2][2] = {
      {execTernary<Shf<true, true>, uint32_t, uint32_t>, execTernary<Shf<true, false>, uint32_t, uint32_t>},
      {execTernary<Shf<false, true>, uint32_t, uint32_t>, execTernary<Shf<false, false>, uint32_t, uint32_t>}};
  emitElementwise(b, type, 3, table[direction][mode]);
}

/// Bit i of the table is the result where the bits of a, b, c are the digits of i.
void execLop3(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
  const uint32_t *b = warp.reg<const uint32_t>(inst.op[2]);
  const uint32_t *c = warp.reg<const uint32_t>(inst.op[3]);
  uint32_t m[8];
  for (unsigned i = 0; i < 8; ++i)
    m[i] = inst.imm >> i & 1 ? ~0u : 0;
  auto choose = [](uint32_t s, uint32_t one, uint32_t zero) { return zero ^ (s & (one ^ zero)); };
  uint32_t values[32];
  QCCSIM_LANES {
    uint32_t z = c[l], y = b[l];
    uint32_t low = choose(y, choose(z, m[3], m[2]), choose(z, m[1], m[0]));
    uint32_t high = choose(y, choose(z, m[7], m[6]), choose(z, m[5], m[4]));
    values[l] = choose(a[l], high, low);
  }
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

void decodeLop3(InstBuilder &b) {
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(5);
  if (type != Type::B32)
    b.fail("needs .b32");
  b.inst.imm = b.immediate(4);
  if (b.inst.imm & ~0xff)
    b.fail("the table must be 0 to 255");
  for (unsigned i = 1; i < 4; ++i)
    b.inst.op[i] = b.use(i, type);
  b.inst.op[0] = b.def(0, type);
  b.emit(execLop3);
}

uint32_t selectByte(uint64_t bytes, uint32_t selector) {
  uint32_t byte = bytes >> (8 * (selector & 7)) & 0xff;
  return selector & 8 ? (byte & 0x80 ? 0xff : 0) : byte;
}

/// Selectors of the modes other than the general one, for c = 0 to 3.
constexpr uint16_t prmtSelectors[6][4] = {
    {0x3210, 0x4321, 0x5432, 0x6543}, // f4e
    {0x5670, 0x6701, 0x7012, 0x0123}, // b4e
    {0x0000, 0x1111, 0x2222, 0x3333}, // rc8
    {0x3210, 0x3211, 0x3222, 0x3333}, // ecl
    {0x0000, 0x1110, 0x2210, 0x3210}, // ecr
    {0x1010, 0x3232, 0x1010, 0x3232}, // rc16
};

void execPrmt(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
  const uint32_t *b = warp.reg<const uint32_t>(inst.op[2]);
  const uint32_t *c = warp.reg<const uint32_t>(inst.op[3]);
  uint32_t values[32];
  for (unsigned l = 0; l < 32; ++l) {
    uint64_t bytes = uint64_t(b[l]) << 32 | a[l];
    uint32_t selector = inst.mode ? prmtSelectors[inst.mode - 1][c[l] & 3] : c[l];
    values[l] = selectByte(bytes, selector) | selectByte(bytes, selector >> 4) << 8 |
                selectByte(bytes, selector >> 8) << 16 | selectByte(bytes, selector >> 12) << 24;
  }
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

void decodePrmt(InstBuilder &b) {
  b.inst.mode = 1 + b.takeOneOf({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
  Type type = b.takeType();
  emitElementwise(b, type, 3, type == Type::B32 ? execPrmt : nullptr);
}

template <class T> struct Popc {
  static uint32_t result(T a) { return __builtin_popcountll(a); }
};
template <class T> struct Clz {
  static uint32_t result(T a) { return std::countl_zero(a); }
};
template <class T> struct Brev {
  static T result(T a) {
    T r = 0;
    for (unsigned i = 0; i < 8 * sizeof(T); ++i)
      r |= (a >> i & 1) << (8 * sizeof(T) - 1 - i);
    return r;
  }
};

template <template <class> class Op, bool sameType> void decodeCount(InstBuilder &b) {
  Type type = b.takeType();
  Handler handler = nullptr;
  if (type == Type::B32)
    handler = execUnary<Op<uint32_t>, uint32_t, uint32_t>;
  else if (type == Type::B64)
    handler = execUnary<Op<uint64_t>, std::conditional_t<sameType, uint64_t, uint32_t>, uint64_t>;
  emitOperands(b, sameType ? type : Type::U32, {type}, handler);
}

/// Position of the most significant bit that is not a sign; all ones if there is none.
template <class T, bool shiftAmount> struct Bfind {
  static uint32_t result(T a) {
    using U = std::make_unsigned_t<T>;
    U bits = std::is_signed_v<T> && a < 0 ? U(~a) : U(a);
    if (!bits)
      return ~0u;
    uint32_t zeros = std::countl_zero(bits);
    return shiftAmount ? zeros : 8 * sizeof(T) - 1 - zeros;
  }
};

void decodeBfind(InstBuilder &b) {
  bool shift = b.take("shiftamt");
  Type type = b.takeType();
  Handler handler = nullptr;
  switch (type) {
  case Type::U32:
    handler = shift ? execUnary<Bfind<uint32_t, true>, uint32_t, uint32_t>
                    : execUnary<Bfind<uint32_t, false>, uint32_t, uint32_t>;
    break;
  case Type::S32:
    handler = shift ? execUnary<Bfind<int32_t, true>, uint32_t, int32_t>
                    : execUnary<Bfind<int32_t, false>, uint32_t, int32_t>;
    break;
  case Type::U64:
    handler = shift ? execUnary<Bfind<uint64_t, true>, uint32_t, uint64_t>
                    : execUnary<Bfind<uint64_t, false>, uint32_t, uint64_t>;
    break;
  case Type::S64:
    handler = shift ? execUnary<Bfind<int64_t, true>, uint32_t, int64_t>
                    : execUnary<Bfind<int64_t, false>, uint32_t, int64_t>;
    break;
  default:
    break;
  }
  emitOperands(b, Type::U32, {type}, handler);
}

/// Bits [pos, pos+len) of a, sign-extended from the last bit that exists for signed types.
template <class T> struct Bfe {
  static T result(T a, uint32_t b, uint32_t c) {
    constexpr uint32_t width = 8 * sizeof(T);
    using U = std::make_unsigned_t<T>;
    uint32_t pos = b & 0xff, len = c & 0xff;
    U value = pos < width ? U(a) >> pos : 0;
    U fieldMask = len >= width ? ~U(0) : (U(1) << len) - 1;
    bool sign = false;
    if (std::is_signed_v<T> && len)
      sign = U(a) >> (pos + len - 1 < width ? pos + len - 1 : width - 1) & 1;
    // Positions beyond the width read as the sign.
    U have = pos < width ? ~U(0) >> pos : 0;
    U bits = value & fieldMask;
    return T(sign ? bits | ~(fieldMask & have) : bits);
  }
};

/// a inserted into b at [pos, pos+len).
template <class T> struct Bfi {
  static T insert(T a, T b, uint32_t c, uint32_t d) {
    constexpr uint32_t width = 8 * sizeof(T);
    uint32_t pos = c & 0xff, len = d & 0xff;
    if (pos >= width)
      return b;
    T field = (len >= width ? ~T(0) : (T(1) << len) - 1) << pos;
    return (b & ~field) | ((a << pos) & field);
  }
};

template <class T> void execBfi(Warp &warp, const Inst &inst, uint32_t mask) {
  const T *a = warp.reg<const T>(inst.op[1]), *b = warp.reg<const T>(inst.op[2]);
  const uint32_t *c = warp.reg<const uint32_t>(inst.op[3]);
  const uint32_t *d = warp.reg<const uint32_t>(inst.op[4]);
  T values[32];
  for (unsigned l = 0; l < 32; ++l)
    values[l] = Bfi<T>::insert(a[l], b[l], c[l], d[l]);
  storeLanes(warp.reg<T>(inst.op[0]), values, mask);
}

void decodeBfe(InstBuilder &b) {
  Type type = b.takeType();
  Handler handler = nullptr;
  switch (type) {
  case Type::U32:
    handler = execTernary<Bfe<uint32_t>, uint32_t, uint32_t>;
    break;
  case Type::S32:
    handler = execTernary<Bfe<int32_t>, int32_t, int32_t, uint32_t, uint32_t>;
    break;
  case Type::U64:
    handler = execTernary<Bfe<uint64_t>, uint64_t, uint64_t, uint32_t, uint32_t>;
    break;
  case Type::S64:
    handler = execTernary<Bfe<int64_t>, int64_t, int64_t, uint32_t, uint32_t>;
    break;
  default:
    break;
  }
  emitOperands(b, type, {type, Type::U32, Type::U32}, handler);
}

void decodeBfi(InstBuilder &b) {
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(5);
  if (type != Type::B32 && type != Type::B64)
    b.fail("needs .b32 or .b64");
  b.inst.op[1] = b.use(1, type);
  b.inst.op[2] = b.use(2, type);
  b.inst.op[3] = b.use(3, Type::U32);
  b.inst.op[4] = b.use(4, Type::U32);
  b.inst.op[0] = b.def(0, type);
  b.emit(type == Type::B64 ? execBfi<uint64_t> : execBfi<uint32_t>);
}

/// Dot product of four bytes, or of two halves with two bytes, plus c.
template <class A, class B> struct Dp4a {
  static uint32_t result(uint32_t a, uint32_t b, uint32_t c) {
    for (unsigned i = 0; i < 32; i += 8)
      c += uint32_t(int32_t(A(a >> i)) * int32_t(B(b >> i)));
    return c;
  }
};
template <class A, class B, unsigned shift> struct Dp2a {
  static uint32_t result(uint32_t a, uint32_t b, uint32_t c) {
    for (unsigned i = 0; i < 2; ++i)
      c += uint32_t(int32_t(A(a >> 16 * i)) * int32_t(B(b >> (shift + 8 * i))));
    return c;
  }
};

template <class A, class B> constexpr Handler dp4a = execTernary<Dp4a<A, B>, uint32_t, uint32_t>;
template <class A, class B, unsigned s> constexpr Handler dp2a = execTernary<Dp2a<A, B, s>, uint32_t, uint32_t>;

void decodeDp4a(InstBuilder &b) {
  Type a = b.takeType(), c = b.takeType();
  if ((a != Type::U32 && a != Type::S32) || (c != Type::U32 && c != Type::S32))
    b.fail("needs .u32 or .s32 types");
  static constexpr Handler table[2][2] = {{dp4a<uint8_t, uint8_t>, dp4a<uint8_t, int8_t>},
                                          {dp4a<int8_t, uint8_t>, dp4a<int8_t, int8_t>}};
  emitOperands(b, Type::U32, {Type::U32, Type::U32, Type::U32}, table[a == Type::S32][c == Type::S32]);
}

void decodeDp2a(InstBuilder &b) {
  int half = b.takeOneOf({"lo", "hi"});
  Type a = b.takeType(), c = b.takeType();
  if (half < 0 || (a != Type::U32 && a != Type::S32) || (c != Type::U32 && c != Type::S32))
    b.fail("needs '.lo' or '.hi' and .u32 or .s32 types");
  static constexpr Handler table[2][2][2] = {
      {{dp2a<uint16_t, uint8_t, 0>, dp2a<uint16_t, int8_t, 0>}, {dp2a<int16_t, uint8_t, 0>, dp2a<int16_t, int8_t, 0>}},
      {{dp2a<uint16_t, uint8_t, 16>, dp2a<uint16_t, int8_t, 16>},
       {dp2a<int16_t, uint8_t, 16>, dp2a<int16_t, int8_t, 16>}}};
  emitOperands(b, Type::U32, {Type::U32, Type::U32, Type::U32}, table[half][a == Type::S32][c == Type::S32]);
}

} // namespace

void qccsim::addLogicOps(OpcodeTable &table) {
  table["and"] = decodeLogic<And, predAnd>;
  table["or"] = decodeLogic<Or, predOr>;
  table["xor"] = decodeLogic<Xor, predXor>;
  table["not"] = decodeNot<Not>;
  table["cnot"] = decodeNot<Cnot>;
  table["shl"] = decodeShl;
  table["shr"] = decodeShr;
  table["shf"] = decodeShf;
  table["lop3"] = decodeLop3;
  table["prmt"] = decodePrmt;
  table["popc"] = decodeCount<Popc, false>;
  table["clz"] = decodeCount<Clz, false>;
  table["brev"] = decodeCount<Brev, true>;
  table["bfind"] = decodeBfind;
  table["bfe"] = decodeBfe;
  table["bfi"] = decodeBfi;
  table["dp4a"] = decodeDp4a;
  table["dp2a"] = decodeDp2a;
  addMoveOps(table);
}
