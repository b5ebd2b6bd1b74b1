//===- DirectedRounding.cpp - Arithmetic in any rounding mode -------------===//
//
// Uses the host's rounding mode; this file is compiled with -frounding-math.
//
//===----------------------------------------------------------------------===//

#include "ops/DirectedRounding.h"

#include "ops/FloatMath.h"
#include "ops/Lanes.h"

#include <cfenv>

using namespace qccsim;
using ptx::Type;

namespace {

class RoundingScope {
public:
  explicit RoundingScope(int mode) {
    static constexpr int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
    std::fesetround(modes[mode]);
  }
  ~RoundingScope() { std::fesetround(FE_TONEAREST); }
};

template <class T> T compute(DirectedOp op, T a, T b, T c) {
  switch (op) {
  case DirectedOp::Add:
    return a + b;
  case DirectedOp::Sub:
    return a - b;
  case DirectedOp::Mul:
    return a * b;
  case DirectedOp::Fma:
    return std::fma(a, b, c);
  case DirectedOp::Div:
    return a / b;
  case DirectedOp::Rcp:
    return T(1) / a;
  case DirectedOp::Sqrt:
    return std::sqrt(a);
  }
  return a;
}

enum : uint8_t { ftzBit = 4, satBit = 8 };

/// mode: rounding and flags; mode2: the operation.
template <class T> void execDirected(Warp &warp, const Inst &inst, uint32_t mask) {
  RoundingScope scope(inst.mode & 3);
  auto op = static_cast<DirectedOp>(inst.mode2);
  const Lane<T> *sources[3];
  for (unsigned i = 0; i < 3; ++i)
    sources[i] = warp.reg<const Lane<T>>(inst.op[i + 1] == noRef ? inst.op[1] : inst.op[i + 1]);
  Lane<T> values[32];
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    T in[3];
    for (unsigned i = 0; i < 3; ++i) {
      in[i] = fromLane<T>(sources[i][l]);
      in[i] = inst.mode & ftzBit ? flush<true>(in[i]) : in[i];
    }
    volatile T result = compute(op, in[0], in[1], in[2]);
    T out = canonical(T(result));
    out = inst.mode & ftzBit ? flush<true>(out) : out;
    values[l] = toLane<T>(inst.mode & satBit ? saturate<true>(out) : out);
  }
  storeLanes(warp.reg<Lane<T>>(inst.op[0]), values, mask);
}

} // namespace

void qccsim::emitDirected(InstBuilder &b, DirectedOp op, Type type, int rounding, bool ftz, bool sat) {
  b.inst.mode = rounding | (ftz ? ftzBit : 0) | (sat ? satBit : 0);
  b.inst.mode2 = static_cast<uint8_t>(op);
  unsigned sources = op == DirectedOp::Fma ? 3 : op == DirectedOp::Rcp || op == DirectedOp::Sqrt ? 1 : 2;
  Handler handler = nullptr;
  if (type == Type::F32)
    handler = execDirected<float>;
  else if (type == Type::F64 && !ftz && !sat)
    handler = execDirected<double>;
  emitElementwise(b, type, sources, handler);
}
