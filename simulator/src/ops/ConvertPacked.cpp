//===- ConvertPacked.cpp - cvt to and from pairs (PTX ISA 9.0, 9.7.9.22) --===//

#include "ops/ConvertSpec.h"
#include "ops/FloatMath.h"
#include "ops/Lanes.h"

using namespace qccsim;
using ptx::Type;

namespace {

bool isPair16(Type type) { return type == Type::F16x2 || type == Type::BF16x2; }
bool isPair8(Type type) { return type == Type::E4M3x2 || type == Type::E5M2x2; }

uint32_t narrowOne(float v, const ConvertSpec &spec) {
  switch (spec.to) {
  case Type::F16x2:
    return f32ToF16(v, spec.rounding, spec.satFinite, spec.relu);
  case Type::BF16x2:
    return f32ToBf16(v, spec.rounding, spec.satFinite, spec.relu);
  case Type::E4M3x2:
    return f32ToE4m3(v, spec.rounding, spec.relu);
  default:
    return f32ToE5m2(v, spec.rounding, spec.relu);
  }
}

/// d = {a, b}: the first source is the upper half.
void execFromF32(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
  const uint32_t *b = warp.reg<const uint32_t>(inst.op[2]);
  uint32_t values[32];
  if (inst.count) {
    // To nearest, without relu.
    auto convert = inst.mode == uint8_t(Type::F16x2)    ? warpF32ToF16x2
                   : inst.mode == uint8_t(Type::BF16x2) ? warpF32ToBf16x2
                                                        : warpF32ToE4m3x2;
    convert(a, b, values);
  } else {
    const ConvertSpec spec = ConvertSpec::unpack(inst);
    unsigned shift = isPair16(spec.to) ? 16 : 8;
    for (unsigned l = 0; l < 32; ++l)
      values[l] = narrowOne(floatOf(a[l]), spec) << shift | narrowOne(floatOf(b[l]), spec);
  }
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

void execFp8ToF16(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
  const ConvertSpec spec = ConvertSpec::unpack(inst);
  uint32_t values[32];
  if (inst.count) {
    warpE4m3x2ToF16x2(a, values);
  } else {
    auto widen = spec.from == Type::E4M3x2 ? e4m3ToF16 : e5m2ToF16;
    for (unsigned l = 0; l < 32; ++l)
      values[l] = pack16(widen(uint8_t(a[l] >> 8), spec.relu), widen(uint8_t(a[l]), spec.relu));
  }
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

void execF16ToFp8(Warp &warp, const Inst &inst, uint32_t mask) {
  const uint32_t *a = warp.reg<const uint32_t>(inst.op[1]);
  const ConvertSpec spec = ConvertSpec::unpack(inst);
  auto narrow = spec.to == Type::E4M3x2 ? f16ToE4m3 : f16ToE5m2;
  uint32_t values[32];
  for (unsigned l = 0; l < 32; ++l)
    values[l] = pack8(narrow(uint16_t(a[l] >> 16), spec.relu), narrow(uint16_t(a[l]), spec.relu));
  storeLanes(warp.reg<uint32_t>(inst.op[0]), values, mask);
}

} // namespace

bool qccsim::isPackedConversion(const ConvertSpec &spec) {
  return isPair16(spec.to) || isPair8(spec.to) || isPair16(spec.from) || isPair8(spec.from);
}

void qccsim::decodePackedConversion(InstBuilder &b, const ConvertSpec &spec, bool hasRounding) {
  if (!hasRounding || spec.ftz || spec.sat || spec.integerRounding >= 0)
    b.fail("modifiers that do not go with a packed conversion");
  bool nearest = spec.rounding == Rounding::NearestEven;
  bool to8 = isPair8(spec.to);
  if (to8 != spec.satFinite && !(isPair16(spec.to) && spec.from == Type::F32))
    b.fail(to8 ? "needs '.satfinite'" : "'.satfinite' does not belong here");
  if ((!nearest && (to8 || spec.from != Type::F32)) || (!nearest && spec.rounding != Rounding::Zero))
    b.fail("rounding modifier that does not go with these types");
  spec.pack(b.inst);
  Type to = spec.to, from = spec.from;
  if (from == Type::F32) {
    b.expectOperands(3);
    b.inst.op[1] = b.use(1, from);
    b.inst.op[2] = b.use(2, from);
    b.inst.op[0] = b.def(0, to);
    bool plainFinite = isPair16(to) ? !spec.satFinite : to == Type::E4M3x2;
    b.inst.count = nearest && !spec.relu && plainFinite;
    return b.emit(execFromF32);
  }
  b.expectOperands(2);
  b.inst.op[1] = b.use(1, from);
  b.inst.op[0] = b.def(0, to);
  if (isPair8(from) && to == Type::F16x2) {
    b.inst.count = from == Type::E4M3x2 && !spec.relu;
    return b.emit(execFp8ToF16);
  }
  if (from == Type::F16x2 && to8)
    return b.emit(execF16ToFp8);
  b.unsupported("types");
}
