//===- Decode.h - What the families' decoders share -----------------------===//

#ifndef QCCSIM_OPS_DECODE_H
#define QCCSIM_OPS_DECODE_H

#include "ir/Builder.h"

#include <initializer_list>

namespace qccsim {

/// Refuses modifiers left over and a null handler (a type the instruction does not have), takes
/// d and the sources, and emits.
inline void emitOperands(InstBuilder &b, Type result, std::initializer_list<Type> sources, Handler handler) {
  b.finishModifiers();
  if (!handler)
    b.unsupported("type");
  b.expectOperands(1 + sources.size());
  unsigned i = 1;
  for (Type source : sources) {
    b.inst.op[i] = b.use(i, source);
    ++i;
  }
  b.inst.op[0] = b.def(0, result);
  b.emit(handler);
}

/// The same where result and sources have one type.
inline void emitElementwise(InstBuilder &b, Type type, unsigned sources, Handler handler) {
  if (sources == 1)
    emitOperands(b, type, {type}, handler);
  else if (sources == 2)
    emitOperands(b, type, {type, type}, handler);
  else
    emitOperands(b, type, {type, type, type}, handler);
}

// Forms of a root that other files than its own decode.
void decodeFloatAdd(InstBuilder &b);
void decodeFloatSub(InstBuilder &b);
void decodeFloatMul(InstBuilder &b);
void decodeFloatFma(InstBuilder &b);
void decodeFloatDiv(InstBuilder &b);
void decodeFloatMin(InstBuilder &b);
void decodeFloatMax(InstBuilder &b);
void decodeFloatAbs(InstBuilder &b);
void decodeFloatNeg(InstBuilder &b);
/// bar.warp.sync (WarpOps.cpp).
void decodeWarpBarrier(InstBuilder &b);
/// mov (Move.cpp).
void addMoveOps(OpcodeTable &table);
void decodeAddCarry(InstBuilder &b, bool subtract);
void decodeMadCarry(InstBuilder &b, int mode, bool carryIn);

enum class HalfOp { Add, Sub, Mul, Fma, Min, Max, Abs, Neg };
/// f16, f16x2, bf16, bf16x2 forms; a rounding modifier has been taken.
void decodeHalf(InstBuilder &b, HalfOp op);

} // namespace qccsim

#endif // QCCSIM_OPS_DECODE_H
