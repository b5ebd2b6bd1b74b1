//===- Atomics.cpp - atom and red (PTX ISA 9.0, 9.7.13.5-6) ---------------===//

#include "mem/Access.h"
#include "ops/Decode.h"
#include "ops/FloatMath.h"
#include "ops/HalfMath.h"
#include "ops/MemoryOperands.h"

using namespace qccsim;
using ptx::Type;

namespace {

enum Op : uint8_t { opAdd, opMin, opMax, opAnd, opOr, opXor, opExch, opCas, opInc, opDec };

template <class T> T combineInteger(uint8_t op, T old, T b, T c) {
  using U = std::make_unsigned_t<T>;
  switch (op) {
  case opAdd:
    return T(U(old) + U(b));
  case opMin:
    return old < b ? old : b;
  case opMax:
    return old > b ? old : b;
  case opAnd:
    return old & b;
  case opOr:
    return old | b;
  case opXor:
    return old ^ b;
  case opExch:
    return b;
  case opCas:
    return old == b ? c : old;
  case opInc:
    return old >= b ? T(0) : T(old + 1);
  default:
    return old == 0 || old > b ? b : T(old - 1);
  }
}

template <class T> struct IntegerCell {
  using Bits = std::make_unsigned_t<T>;
  static Bits combine(uint8_t op, Bits old, Bits b, Bits c) { return Bits(combineInteger<T>(op, T(old), T(b), T(c))); }
};
template <class T, class B> struct FloatCell {
  using Bits = B;
  static Bits combine(uint8_t, Bits old, Bits b, Bits) {
    T sum = std::bit_cast<T>(old) + std::bit_cast<T>(b);
    return std::bit_cast<Bits>(canonical(sum));
  }
};

uint32_t addHalves(uint32_t a, uint32_t b, bool bf16) {
  if (bf16)
    return f32ToBf16(bf16ToF32(uint16_t(a)) + bf16ToF32(uint16_t(b)), Rounding::NearestEven);
  return f32ToF16(f16ToF32(uint16_t(a)) + f16ToF32(uint16_t(b)), Rounding::NearestEven);
}
template <bool bf16> struct HalfCell {
  using Bits = uint16_t;
  static Bits combine(uint8_t, Bits old, Bits b, Bits) { return Bits(addHalves(old, b, bf16)); }
};
template <bool bf16> struct HalfPairCell {
  using Bits = uint32_t;
  static Bits combine(uint8_t, Bits old, Bits b, Bits) {
    return addHalves(old >> 16, b >> 16, bf16) << 16 | addHalves(old & 0xffff, b & 0xffff, bf16);
  }
};

/// op[0] address, op[1] and op[2] values, op[3] result or noRef; count: the operation.
template <class Cell> void execAtomic(Warp &warp, const Inst &inst, uint32_t mask) {
  using Bits = typename Cell::Bits;
  using L = Lane<Bits>;
  uint64_t addresses[32];
  computeAddresses(warp, inst, inst.op[0], addresses);
  auto space = static_cast<Space>(inst.mode2);
  const L *b = warp.reg<const L>(inst.op[1]), *c = warp.reg<const L>(inst.op[2]);
  countAccess(warp, space, AccessKind::Atomic, mask, addresses, sizeof(Bits));
  L results[32];
  for (uint32_t rest = mask; rest;) {
    Span span;
    uint32_t here = resolve(warp, inst, space, AccessKind::Atomic, rest, addresses, sizeof(Bits), sizeof(Bits), span);
    rest &= ~here;
    for (uint32_t lanes = here; lanes; lanes &= lanes - 1) {
      unsigned l = std::countr_zero(lanes);
      auto *cell = reinterpret_cast<Bits *>(span.data + span.offset[l]);
      // Blocks run on several host threads.
      Bits old = __atomic_load_n(cell, __ATOMIC_SEQ_CST);
      while (!__atomic_compare_exchange_n(cell, &old, Cell::combine(inst.count, old, Bits(b[l]), Bits(c[l])), false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      }
      results[l] = old;
    }
  }
  if (inst.op[3] != noRef)
    storeLanes(warp.reg<L>(inst.op[3]), results, mask);
}

Handler integerHandler(Type type) {
  switch (type) {
  case Type::U32:
  case Type::B32:
    return execAtomic<IntegerCell<uint32_t>>;
  case Type::S32:
    return execAtomic<IntegerCell<int32_t>>;
  case Type::U64:
  case Type::B64:
    return execAtomic<IntegerCell<uint64_t>>;
  case Type::S64:
    return execAtomic<IntegerCell<int64_t>>;
  default:
    return nullptr;
  }
}

/// The types each operation has in the ISA's table.
Handler selectHandler(int op, Type type, bool noFtz) {
  bool bits = type == Type::B32 || type == Type::B64;
  switch (op) {
  case opAdd:
    switch (type) {
    case Type::F32:
      return execAtomic<FloatCell<float, uint32_t>>;
    case Type::F64:
      return execAtomic<FloatCell<double, uint64_t>>;
    case Type::F16:
      return noFtz ? execAtomic<HalfCell<false>> : nullptr;
    case Type::BF16:
      return noFtz ? execAtomic<HalfCell<true>> : nullptr;
    case Type::F16x2:
      return noFtz ? execAtomic<HalfPairCell<false>> : nullptr;
    case Type::BF16x2:
      return noFtz ? execAtomic<HalfPairCell<true>> : nullptr;
    default:
      return bits ? nullptr : integerHandler(type);
    }
  case opMin:
  case opMax:
    return bits ? nullptr : integerHandler(type);
  case opCas:
    if (type == Type::B16)
      return execAtomic<IntegerCell<uint16_t>>;
    [[fallthrough]];
  case opAnd:
  case opOr:
  case opXor:
  case opExch:
    return bits ? integerHandler(type) : nullptr;
  default: // inc, dec
    return type == Type::U32 ? integerHandler(type) : nullptr;
  }
}

void decodeAtomic(InstBuilder &b, bool hasResult) {
  b.inst.cls = InstClass::Atomic;
  b.takeOneOf({"relaxed", "acquire", "release", "acq_rel"});
  b.takeOneOf({"cta", "gpu", "sys"});
  Space space = takeSpace(b);
  int op = b.takeOneOf({"add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec"});
  bool noFtz = b.take("noftz");
  bool hint = b.take("L2::cache_hint");
  Type type = b.takeType();
  b.finishModifiers();
  Handler handler = op < 0 ? nullptr : selectHandler(op, type, noFtz);
  if (!handler || (!hasResult && (op == opExch || op == opCas)))
    b.unsupported("operation or type");
  if (space != Space::Global && space != Space::Shared && space != Space::Generic)
    b.unsupported("state space");
  unsigned first = hasResult ? 1 : 0;
  unsigned count = first + 2 + (op == opCas) + hint;
  b.expectOperands(count);
  b.inst.op[1] = b.use(first + 1, type);
  b.inst.op[2] = op == opCas ? b.use(first + 2, type) : b.inst.op[1];
  if (hint)
    b.use(count - 1, Type::B64);
  b.inst.op[3] = hasResult ? b.def(0, type) : noRef;
  takeAddress(b, first, space);
  b.inst.count = op;
  b.emit(handler);
}

} // namespace

void qccsim::addAtomicOps(OpcodeTable &table) {
  table["atom"] = [](InstBuilder &b) { decodeAtomic(b, true); };
  table["red"] = [](InstBuilder &b) { decodeAtomic(b, false); };
}
