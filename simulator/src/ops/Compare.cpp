//===- Compare.cpp - setp, set, selp, slct (PTX ISA 9.0, 9.7.6) -----------===//

#include "ops/Decode.h"
#include "ops/FloatMath.h"
#include "ops/HalfMath.h"

using namespace qccsim;
using ptx::Type;

namespace {

enum class Cmp : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Equ, Neu, Ltu, Leu, Gtu, Geu, Num, Nan };

template <Cmp cmp, class T> inline bool compare(T a, T b) {
  switch (cmp) {
  case Cmp::Eq:
    return a == b;
  // Unlike C++'s, PTX's ne is false where an operand is NaN.
  case Cmp::Ne:
    return a < b || a > b;
  case Cmp::Lt:
    return a < b;
  case Cmp::Le:
    return a <= b;
  case Cmp::Gt:
    return a > b;
  case Cmp::Ge:
    return a >= b;
  case Cmp::Equ:
    return !(a < b || a > b);
  case Cmp::Neu:
    return a != b;
  case Cmp::Ltu:
    return !(a >= b);
  case Cmp::Leu:
    return !(a > b);
  case Cmp::Gtu:
    return !(a <= b);
  case Cmp::Geu:
    return !(a < b);
  case Cmp::Num:
    return a == a && b == b;
  case Cmp::Nan:
    return a != a || b != b;
  }
  return false;
}

enum : uint8_t { boolAnd = 1, boolOr = 2, boolXor = 3, boolMask = 3, ftzBit = 4, packedBit = 8 };

/// Writes p = bits op c and q = !bits op c for the instruction's BoolOp.
void writeResults(Warp &warp, const Inst &inst, uint32_t bits, uint32_t mask) {
  uint32_t c = warp.readPred(inst.pred[2]);
  uint32_t p = bits, q = ~bits;
  switch (inst.mode & boolMask) {
  case boolAnd:
    p &= c, q &= c;
    break;
  case boolOr:
    p |= c, q |= c;
    break;
  case boolXor:
    p ^= c, q ^= c;
    break;
  }
  warp.writePred(inst.pred[0], p, mask);
  warp.writePred(inst.pred[1], q, mask);
}

template <Cmp cmp, class T> uint32_t compareLanes(const T *a, const T *b) {
  uint32_t bits = 0;
  for (unsigned l = 0; l < 32; ++l)
    bits |= uint32_t(compare<cmp>(a[l], b[l])) << l;
  return bits;
}

template <Cmp cmp, class T> uint32_t compareRegisters(Warp &warp, const Inst &inst) {
  const auto *a = warp.reg<const Lane<T>>(inst.op[1]), *b = warp.reg<const Lane<T>>(inst.op[2]);
  uint32_t bits = 0;
  if constexpr (std::is_same_v<T, float>) {
    if (inst.mode & ftzBit) {
      for (unsigned l = 0; l < 32; ++l)
        bits |= uint32_t(compare<cmp>(flush<true>(fromLane<T>(a[l])), flush<true>(fromLane<T>(b[l])))) << l;
      return bits;
    }
  }
  for (unsigned l = 0; l < 32; ++l)
    bits |= uint32_t(compare<cmp>(fromLane<T>(a[l]), fromLane<T>(b[l]))) << l;
  return bits;
}

template <Cmp cmp, class T> void execSetp(Warp &warp, const Inst &inst, uint32_t mask) {
  writeResults(warp, inst, compareRegisters<cmp, T>(warp, inst), mask);
}

/// f16 and bf16; packed forms give the lower half's result in p, the upper's in q.
template <Cmp cmp, bool bf16> void execHalfSetp(Warp &warp, const Inst &inst, uint32_t mask) {
  uint32_t bits[2];
  for (unsigned part = 0; part < 2; ++part) {
    float a[32], b[32];
    widenHalves(warp.reg<const uint32_t>(inst.op[1]), bf16, part, a);
    widenHalves(warp.reg<const uint32_t>(inst.op[2]), bf16, part, b);
    bits[part] = compareLanes<cmp>(a, b);
    if (!(inst.mode & packedBit))
      return writeResults(warp, inst, bits[0], mask);
  }
  uint32_t c = warp.readPred(inst.pred[2]);
  for (unsigned part = 0; part < 2; ++part) {
    uint32_t p = bits[part];
    switch (inst.mode & boolMask) {
    case boolAnd:
      p &= c;
      break;
    case boolOr:
      p |= c;
      break;
    case boolXor:
      p ^= c;
      break;
    }
    warp.writePred(inst.pred[part], p, mask);
  }
}

/// set: all ones or, with a float destination (mode2), 1.0 where the comparison holds.
template <Cmp cmp, class T> void execSet(Warp &warp, const Inst &inst, uint32_t mask) {
  uint32_t bits = compareRegisters<cmp, T>(warp, inst);
  uint32_t c = warp.readPred(inst.pred[2]);
  switch (inst.mode & boolMask) {
  case boolAnd:
    bits &= c;
    break;
  case boolOr:
    bits |= c;
    break;
  case boolXor:
    bits ^= c;
    break;
  }
  uint32_t values[32], yes = inst.mode2 ? 0x3f800000u : ~0u;
  QCCSIM_LANES values[l] = (bits >> l & 1) ? yes : 0;
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

struct Handlers {
  Handler setp, set;
};

template <Cmp cmp> Handlers handlersFor(Type type) {
  constexpr bool ordered = cmp <= Cmp::Ge;
  if constexpr (ordered) {
    switch (type) {
    case Type::U16:
      return {execSetp<cmp, uint16_t>, nullptr};
    case Type::S16:
      return {execSetp<cmp, int16_t>, nullptr};
    case Type::U32:
      return {execSetp<cmp, uint32_t>, execSet<cmp, uint32_t>};
    case Type::S32:
      return {execSetp<cmp, int32_t>, execSet<cmp, int32_t>};
    case Type::U64:
      return {execSetp<cmp, uint64_t>, nullptr};
    case Type::S64:
      return {execSetp<cmp, int64_t>, nullptr};
    default:
      break;
    }
    if constexpr (cmp == Cmp::Eq || cmp == Cmp::Ne) {
      switch (type) {
      case Type::B16:
        return {execSetp<cmp, uint16_t>, nullptr};
      case Type::B32:
        return {execSetp<cmp, uint32_t>, execSet<cmp, uint32_t>};
      case Type::B64:
        return {execSetp<cmp, uint64_t>, nullptr};
      default:
        break;
      }
    }
  }
  switch (type) {
  case Type::F32:
    return {execSetp<cmp, float>, execSet<cmp, float>};
  case Type::F64:
    return {execSetp<cmp, double>, nullptr};
  case Type::F16:
  case Type::F16x2:
    return {execHalfSetp<cmp, false>, nullptr};
  case Type::BF16:
  case Type::BF16x2:
    return {execHalfSetp<cmp, true>, nullptr};
  default:
    return {nullptr, nullptr};
  }
}

Handlers selectHandlers(int cmp, Type type) {
  switch (static_cast<Cmp>(cmp)) {
  case Cmp::Eq:
    return handlersFor<Cmp::Eq>(type);
  case Cmp::Ne:
    return handlersFor<Cmp::Ne>(type);
  case Cmp::Lt:
    return handlersFor<Cmp::Lt>(type);
  case Cmp::Le:
    return handlersFor<Cmp::Le>(type);
  case Cmp::Gt:
    return handlersFor<Cmp::Gt>(type);
  case Cmp::Ge:
    return handlersFor<Cmp::Ge>(type);
  case Cmp::Equ:
    return handlersFor<Cmp::Equ>(type);
  case Cmp::Neu:
    return handlersFor<Cmp::Neu>(type);
  case Cmp::Ltu:
    return handlersFor<Cmp::Ltu>(type);
  case Cmp::Leu:
    return handlersFor<Cmp::Leu>(type);
  case Cmp::Gtu:
    return handlersFor<Cmp::Gtu>(type);
  case Cmp::Geu:
    return handlersFor<Cmp::Geu>(type);
  case Cmp::Num:
    return handlersFor<Cmp::Num>(type);
  case Cmp::Nan:
    return handlersFor<Cmp::Nan>(type);
  }
  return {nullptr, nullptr};
}

int takeComparison(InstBuilder &b) {
  int cmp = b.takeOneOf({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"});
  if (cmp >= 0)
    return cmp;
  // Unsigned spellings of the orders.
  int unsignedCmp = b.takeOneOf({"lo", "ls", "hi", "hs"});
  if (unsignedCmp < 0)
    b.fail("missing comparison");
  return int(Cmp::Lt) + unsignedCmp;
}

void decodeSetp(InstBuilder &b) {
  int cmp = takeComparison(b);
  int boolOp = b.takeOneOf({"and", "or", "xor"});
  bool ftz = b.take("ftz");
  Type type = b.takeType();
  b.finishModifiers();
  bool packed = type == Type::F16x2 || type == Type::BF16x2;
  Handler handler = selectHandlers(cmp, type).setp;
  if (!handler || (ftz && type != Type::F32))
    b.unsupported("type or '.ftz'");
  b.expectOperands(boolOp < 0 ? 3 : 4);
  const ptx::Operand &result = b.operand(0);
  if (result.kind == ptx::Operand::Pair) {
    b.inst.pred[0] = b.defPred(result.elements[0]);
    b.inst.pred[1] = b.defPred(result.elements[1]);
  } else {
    if (packed)
      b.fail("needs two results p|q");
    b.inst.pred[0] = b.defPred(result);
    b.inst.pred[1] = predSink;
  }
  b.inst.op[1] = b.use(1, type);
  b.inst.op[2] = b.use(2, type);
  b.inst.pred[2] = boolOp < 0 ? predTrue : b.usePred(3);
  b.inst.mode = (boolOp + 1) | (ftz ? ftzBit : 0) | (packed ? packedBit : 0);
  b.emit(handler);
}

void decodeSet(InstBuilder &b) {
  int cmp = takeComparison(b);
  int boolOp = b.takeOneOf({"and", "or", "xor"});
  bool ftz = b.take("ftz");
  Type to = b.takeType(), from = b.takeType();
  b.finishModifiers();
  Handler handler = selectHandlers(cmp, from).set;
  if (!handler || (ftz && from != Type::F32) || (to != Type::U32 && to != Type::S32 && to != Type::F32))
    b.unsupported("type or '.ftz'");
  b.expectOperands(boolOp < 0 ? 3 : 4);
  b.inst.op[1] = b.use(1, from);
  b.inst.op[2] = b.use(2, from);
  b.inst.op[0] = b.def(0, to);
  b.inst.pred[2] = boolOp < 0 ? predTrue : b.usePred(3);
  b.inst.mode = (boolOp + 1) | (ftz ? ftzBit : 0);
  b.inst.mode2 = to == Type::F32;
  b.emit(handler);
}

template <class L> void execSelp(Warp &warp, const Inst &inst, uint32_t mask) {
  const L *a = warp.reg<const L>(inst.op[1]), *b = warp.reg<const L>(inst.op[2]);
  uint32_t choice = warp.readPred(inst.pred[0]);
  L values[32];
  QCCSIM_LANES values[l] = (choice >> l & 1) ? a[l] : b[l];
  storeLanes(warp.reg<L>(inst.op[0]), values, mask);
}

void decodeSelp(InstBuilder &b) {
  Type type = b.takeType();
  b.finishModifiers();
  b.expectOperands(4);
  unsigned bits = ptx::bitsOf(type);
  if (bits != 16 && bits != 32 && bits != 64)
    b.unsupported("type");
  b.inst.op[1] = b.use(1, type);
  b.inst.op[2] = b.use(2, type);
  b.inst.pred[0] = b.usePred(3);
  b.inst.op[0] = b.def(0, type);
  b.emit(bits == 64 ? execSelp<uint64_t> : execSelp<uint32_t>);
}

/// slct: a where c >= 0, else b; c is s32 or f32.
template <class L, class C> struct Slct {
  static L result(L a, L b, C c) { return c >= 0 ? a : b; }
};

void decodeSlct(InstBuilder &b) {
  Type type = b.takeType(), selector = b.takeType();
  bool wide = ptx::bitsOf(type) == 64;
  Handler handler = nullptr;
  if (selector == Type::S32)
    handler = wide ? execTernary<Slct<uint64_t, int32_t>, uint64_t, uint64_t, uint64_t, int32_t>
                   : execTernary<Slct<uint32_t, int32_t>, uint32_t, uint32_t, uint32_t, int32_t>;
  else if (selector == Type::F32)
    handler = wide ? execTernary<Slct<uint64_t, float>, uint64_t, uint64_t, uint64_t, float>
                   : execTernary<Slct<uint32_t, float>, uint32_t, uint32_t, uint32_t, float>;
  emitOperands(b, type, {type, type, selector}, handler);
}

} // namespace

void qccsim::addCompareOps(OpcodeTable &table) {
  table["setp"] = decodeSetp;
  table["set"] = decodeSet;
  table["selp"] = decodeSelp;
  table["slct"] = decodeSlct;
}
