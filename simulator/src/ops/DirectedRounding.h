//===- DirectedRounding.h - .rz, .rm, .rp, and division -------------------===//

#ifndef QCCSIM_OPS_DIRECTEDROUNDING_H
#define QCCSIM_OPS_DIRECTEDROUNDING_H

#include "ops/Decode.h"

namespace qccsim {

enum class DirectedOp : uint8_t { Add, Sub, Mul, Fma, Div, Rcp, Sqrt };

/// Emits f32 or f64 arithmetic in any rounding mode (index into rn, rz, rm, rp).
void emitDirected(InstBuilder &b, DirectedOp op, ptx::Type type, int rounding, bool ftz, bool sat);

/// div, rcp, sqrt, rsqrt, ex2, lg2, sin, cos, tanh (SpecialFunctions.cpp).
void addSpecialFunctions(OpcodeTable &table);

} // namespace qccsim

#endif // QCCSIM_OPS_DIRECTEDROUNDING_H
