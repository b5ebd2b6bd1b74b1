//===- Half.cpp - f16 and bf16 arithmetic (PTX ISA 9.0, 9.7.4) ------------===//

#include "ops/Decode.h"
#include "ops/HalfMath.h"

using namespace qccsim;
using ptx::Type;

namespace {

enum : uint8_t { isBf16 = 1, isPacked = 2, ftzBit = 4, satBit = 8, reluBit = 16, nanBit = 32 };

/// .ftz: f16 subnormals become zero of their sign. (bf16 has no .ftz here.)
void flushLanes(uint32_t *bits) { QCCSIM_LANES bits[l] = (bits[l] & 0x7c00u) ? bits[l] : bits[l] & 0x8000u; }

void flushLanes(float *values) {
  QCCSIM_LANES {
    float v = values[l];
    values[l] = (v < 0x1p-14f && v > -0x1p-14f) ? v * 0.0f : v;
  }
}

template <HalfOp op> void compute(const float *a, const float *b, const float *c, float *r) {
  QCCSIM_LANES {
    // f32 has more than twice the bits of f16 and bf16, so rounding twice does no harm to sums;
    // nor to products, unless they are subnormal as bf16.
    if constexpr (op == HalfOp::Add)
      r[l] = a[l] + b[l];
    else if constexpr (op == HalfOp::Sub)
      r[l] = a[l] - b[l];
    else if constexpr (op == HalfOp::Mul)
      r[l] = roundToOdd(static_cast<double>(a[l]) * static_cast<double>(b[l]), 0.0);
    else
      r[l] = halfFma(a[l], b[l], c[l]);
  }
}

template <HalfOp op> void execArithmetic(Warp &warp, const Inst &inst, uint32_t mask) {
  constexpr unsigned sources = op == HalfOp::Fma ? 3 : 2;
  const bool bf16 = inst.mode & isBf16;
  uint32_t parts[2][32] = {};
  for (unsigned part = 0; part < (inst.mode & isPacked ? 2u : 1u); ++part) {
    float in[3][32], out[32];
    for (unsigned i = 0; i < sources; ++i) {
      widenHalves(warp.reg<const uint32_t>(inst.op[i + 1]), bf16, part, in[i]);
      if (inst.mode & ftzBit)
        flushLanes(in[i]);
    }
    compute<op>(in[0], in[1], in[2], out);
    if (inst.mode & satBit)
      QCCSIM_LANES out[l] = out[l] > 0.0f ? (out[l] < 1.0f ? out[l] : 1.0f) : 0.0f;
    if (inst.mode & reluBit)
      QCCSIM_LANES out[l] = out[l] < 0.0f || out[l] == 0.0f ? 0.0f : out[l];
    narrowToHalf(out, bf16, parts[part]);
    if (inst.mode & ftzBit)
      flushLanes(parts[part]);
  }
  uint32_t values[32];
  QCCSIM_LANES values[l] = parts[0][l] | parts[1][l] << 16;
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

/// -0 < +0; a NaN loses against a number, except with .NaN; NaN results are canonical.
uint32_t minMaxBits(uint32_t a, uint32_t b, bool isMax, bool nan, uint32_t infinity) {
  bool aNan = (a & 0x7fff) > infinity, bNan = (b & 0x7fff) > infinity;
  if (aNan || bNan)
    return nan || (aNan && bNan) ? 0x7fff : aNan ? b : a;
  // Sign and magnitude to an order-preserving integer.
  auto key = [](uint32_t v) { return v & 0x8000 ? 0xffff - v : v | 0x8000; };
  return (key(a) < key(b)) == isMax ? b : a;
}

template <bool isMax> void execMinMax(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
  const uint32_t *b = warp.reg<const uint32_t>(inst.op[2]);
  const bool nan = inst.mode & nanBit;
  const uint32_t infinity = inst.mode & isBf16 ? 0x7f80 : 0x7c00;
  const uint32_t smallest = inst.mode & isBf16 ? 0x80 : 0x400;
  uint32_t values[32];
  for (unsigned l = 0; l < 32; ++l) {
    uint32_t halves[2] = {};
    for (unsigned part = 0; part < (inst.mode & isPacked ? 2u : 1u); ++part) {
      uint32_t x = a[l] >> (16 * part) & 0xffff, y = b[l] >> (16 * part) & 0xffff;
      if (inst.mode & ftzBit) {
        x = (x & 0x7fff) < smallest ? x & 0x8000 : x;
        y = (y & 0x7fff) < smallest ? y & 0x8000 : y;
      }
      halves[part] = minMaxBits(x, y, isMax, nan, infinity);
    }
    values[l] = halves[0] | halves[1] << 16;
  }
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

template <uint32_t clear, uint32_t flip> struct SignBits {
  static uint32_t result(uint32_t a) { return (a & ~clear) ^ flip; }
};

} // namespace

void qccsim::decodeHalf(InstBuilder &b, HalfOp op) {
  bool ftz = b.take("ftz");
  bool sat = b.take("sat"), relu = b.take("relu"), nan = b.take("NaN");
  Type type = b.takeType();
  bool bf16 = type == Type::BF16 || type == Type::BF16x2;
  bool packed = type == Type::F16x2 || type == Type::BF16x2;
  bool isMinMax = op == HalfOp::Min || op == HalfOp::Max;
  bool isSign = op == HalfOp::Abs || op == HalfOp::Neg;
  if ((sat && (bf16 || isMinMax || isSign)) || (relu && (op != HalfOp::Fma || sat)) || (nan && !isMinMax) ||
      (ftz && bf16))
    b.fail("modifiers that do not go together");
  if (isSign && ftz)
    b.unsupported("'.ftz' on half types");
  b.inst.cls = InstClass::Float;
  b.inst.mode = (bf16 ? isBf16 : 0) | (packed ? isPacked : 0) | (ftz ? ftzBit : 0) | (sat ? satBit : 0) |
                (relu ? reluBit : 0) | (nan ? nanBit : 0);
  constexpr uint32_t one = 0x8000, both = 0x80008000;
  switch (op) {
  case HalfOp::Add:
    return emitElementwise(b, type, 2, execArithmetic<HalfOp::Add>);
  case HalfOp::Sub:
    return emitElementwise(b, type, 2, execArithmetic<HalfOp::Sub>);
  case HalfOp::Mul:
    return emitElementwise(b, type, 2, execArithmetic<HalfOp::Mul>);
  case HalfOp::Fma:
    return emitElementwise(b, type, 3, execArithmetic<HalfOp::Fma>);
  case HalfOp::Min:
    return emitElementwise(b, type, 2, execMinMax<false>);
  case HalfOp::Max:
    return emitElementwise(b, type, 2, execMinMax<true>);
  case HalfOp::Abs:
    return emitElementwise(b, type, 1,
                           packed ? execUnary<SignBits<both, 0>, uint32_t, uint32_t>
                                  : execUnary<SignBits<one, 0>, uint32_t, uint32_t>);
  case HalfOp::Neg:
    return emitElementwise(b, type, 1,
                           packed ? execUnary<SignBits<0, both>, uint32_t, uint32_t>
                                  : execUnary<SignBits<0, one>, uint32_t, uint32_t>);
  }
}
