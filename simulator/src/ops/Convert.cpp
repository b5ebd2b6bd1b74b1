//===- Convert.cpp - cvt between integers and floats (PTX ISA 9.0, 9.7.9.22)
//===----------------------------------------------------------------------===//

#include "ops/ConvertSpec.h"
#include "ops/Decode.h"
#include "ops/FloatMath.h"
#include "ops/HalfMath.h"

#include <cmath>

using namespace qccsim;
using ptx::Type;

namespace {

double roundToInteger(double v, int mode) {
  switch (mode) {
  case 0:
    return std::nearbyint(v); // .rni
  case 1:
    return std::trunc(v);
  case 2:
    return std::floor(v);
  default:
    return std::ceil(v);
  }
}

uint64_t extend(uint64_t bits, Type type) {
  unsigned shift = 64 - ptx::bitsOf(type);
  return ptx::isSigned(type) ? uint64_t(int64_t(bits << shift) >> shift) : bits << shift >> shift;
}

/// Float to integer saturates; for NaN see the ISA's table.
uint64_t floatToInt(double v, const ConvertSpec &spec) {
  unsigned bits = ptx::bitsOf(spec.to);
  if (v != v)
    return spec.from != Type::F64 && bits != 64 ? 0 : uint64_t(1) << (bits - 1);
  v = roundToInteger(v, spec.integerRounding);
  if (ptx::isSigned(spec.to)) {
    double limit = std::ldexp(1.0, bits - 1);
    if (v >= limit)
      return (uint64_t(1) << (bits - 1)) - 1;
    if (v < -limit)
      return uint64_t(-1) << (bits - 1);
    return uint64_t(int64_t(v));
  }
  if (v <= 0)
    return 0;
  double limit = std::ldexp(1.0, bits);
  if (v >= limit)
    return bits == 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
  return uint64_t(v);
}

uint64_t intToInt(uint64_t value, const ConvertSpec &spec) {
  if (!spec.sat)
    return extend(value, spec.to);
  unsigned bits = ptx::bitsOf(spec.to);
  bool fromSigned = ptx::isSigned(spec.from), toSigned = ptx::isSigned(spec.to);
  __int128 v = fromSigned ? __int128(int64_t(value)) : __int128(value);
  __int128 least = toSigned ? -(__int128(1) << (bits - 1)) : 0;
  __int128 most = (__int128(1) << (toSigned ? bits - 1 : bits)) - 1;
  return uint64_t(v < least ? least : v > most ? most : v);
}

uint32_t narrowFloat(float v, const ConvertSpec &spec) {
  switch (spec.to) {
  case Type::F16:
    return f32ToF16(v, spec.rounding, spec.satFinite, spec.relu);
  case Type::BF16:
    return f32ToBf16(v, spec.rounding, spec.satFinite, spec.relu);
  case Type::TF32:
    return f32ToTf32(v, spec.rounding, spec.satFinite, spec.relu);
  default:
    return bitsOf(v);
  }
}

/// An integer as f64 rounded to odd at 53 bits, so that a second rounding does no harm.
double integerToDouble(uint64_t value, bool isSigned) {
  bool negative = isSigned && int64_t(value) < 0;
  uint64_t magnitude = negative ? 0 - value : value;
  if (unsigned zeros = std::countl_zero(magnitude | 1); zeros < 11) {
    uint64_t lost = (uint64_t(1) << (11 - zeros)) - 1;
    if (magnitude & lost)
      magnitude = (magnitude & ~lost) | (lost + 1);
  }
  double result = static_cast<double>(magnitude);
  return negative ? -result : result;
}

double integerToF64(uint64_t value, bool isSigned, Rounding mode) {
  bool negative = isSigned && int64_t(value) < 0;
  uint64_t magnitude = negative ? 0 - value : value;
  double result = static_cast<double>(magnitude); // to nearest
  auto compare = static_cast<unsigned __int128>(result);
  bool above = compare > magnitude, below = compare < magnitude;
  bool up = mode == (negative ? Rounding::Down : Rounding::Up);
  if (mode != Rounding::NearestEven && above && !up)
    result = std::nextafter(result, 0.0);
  if (mode != Rounding::NearestEven && below && up)
    result = std::nextafter(result, INFINITY);
  return negative ? -result : result;
}

uint64_t fromDouble(double v, const ConvertSpec &spec) {
  switch (spec.to) {
  case Type::F64:
    return std::bit_cast<uint64_t>(v);
  case Type::F32:
    return bitsOf(f64ToF32(v, spec.rounding));
  case Type::F16:
    return f64ToF16(v, spec.rounding);
  default:
    return f64ToBf16(v, spec.rounding);
  }
}

uint64_t finishFloat(uint64_t bits, const ConvertSpec &spec) {
  if (spec.to == Type::F32) {
    float v = floatOf(uint32_t(bits));
    v = spec.ftz ? flush<true>(v) : v;
    return bitsOf(spec.sat ? saturate<true>(v) : v);
  }
  if (spec.sat && spec.to == Type::F16) {
    float v = saturate<true>(f16ToF32(uint16_t(bits)));
    return f32ToF16(v, Rounding::NearestEven);
  }
  return bits;
}

uint64_t fromInteger(uint64_t value, const ConvertSpec &spec) {
  bool isSigned = ptx::isSigned(spec.from);
  if (spec.to == Type::F64)
    return std::bit_cast<uint64_t>(integerToF64(value, isSigned, spec.rounding));
  return finishFloat(fromDouble(integerToDouble(value, isSigned), spec), spec);
}

uint64_t fromFloat(uint64_t bits, const ConvertSpec &spec) {
  float v = spec.from == Type::F16    ? f16ToF32(uint16_t(bits))
            : spec.from == Type::BF16 ? bf16ToF32(uint16_t(bits))
                                      : floatOf(uint32_t(bits));
  if (spec.ftz)
    v = flush<true>(v);
  if (ptx::isInteger(spec.to))
    return extend(floatToInt(v, spec), spec.to);
  if (spec.integerRounding >= 0)
    v = static_cast<float>(roundToInteger(v, spec.integerRounding));
  if (spec.to == Type::F64)
    return std::bit_cast<uint64_t>(canonical(static_cast<double>(v)));
  return finishFloat(narrowFloat(canonical(v), spec), spec);
}

uint64_t convert(uint64_t bits, const ConvertSpec &spec) {
  if (ptx::isInteger(spec.from)) {
    bits = extend(bits, spec.from);
    return ptx::isInteger(spec.to) ? intToInt(bits, spec) : fromInteger(bits, spec);
  }
  if (spec.from != Type::F64)
    return fromFloat(bits, spec);
  double v = std::bit_cast<double>(bits);
  if (ptx::isInteger(spec.to))
    return extend(floatToInt(v, spec), spec.to);
  if (spec.integerRounding >= 0)
    v = roundToInteger(v, spec.integerRounding);
  if (spec.to == Type::F64)
    return std::bit_cast<uint64_t>(spec.sat ? saturate<true>(canonical(v)) : canonical(v));
  return finishFloat(fromDouble(v, spec), spec);
}

/// Any conversion, one lane after the other.
void execGeneral(Warp &warp, const Inst &inst, uint32_t mask) {
  const ConvertSpec spec = ConvertSpec::unpack(inst);
  uint64_t values[32];
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    uint64_t source =
        inst.count == 64 ? warp.reg<const uint64_t>(inst.op[1])[l] : warp.reg<const uint32_t>(inst.op[1])[l];
    values[l] = convert(source, spec);
  }
  // A wider destination receives the extended value.
  uint64_t keep = inst.bytes == 64 ? ~uint64_t(0) : (uint64_t(1) << inst.bytes) - 1;
  for (unsigned l = 0; l < 32; ++l) {
    if (!(mask >> l & 1))
      continue;
    if (inst.bytes == 64)
      warp.reg<uint64_t>(inst.op[0])[l] = values[l];
    else
      warp.reg<uint32_t>(inst.op[0])[l] = uint32_t(values[l] & keep);
  }
}

// The frequent conversions, vectorised. --------------------------------------

template <class D, class A> struct Cast {
  static D result(A a) { return static_cast<D>(a); }
};
struct FloatToS32 {
  static int32_t result(float a) {
    float bounded = a == a ? a : 0.0f;
    bounded = bounded < -2147483648.0f ? -2147483648.0f : bounded;
    // The largest f32 below 2^31; at and above it the result saturates.
    int32_t r = static_cast<int32_t>(bounded > 2147483520.0f ? 2147483520.0f : bounded);
    return a >= 2147483648.0f ? INT32_MAX : r;
  }
};
struct NearestS32 {
  static int32_t result(float a) { return FloatToS32::result(__builtin_nearbyintf(a)); }
};

void execF16ToF32(Warp &warp, const Inst &inst, uint32_t mask) {
  float values[32];
  widenHalves(warp.reg<const uint32_t>(inst.op[1]), inst.mode2 == uint8_t(Type::BF16), false, values);
  uint32_t bits[32];
  QCCSIM_LANES bits[l] = std::bit_cast<uint32_t>(canonical(values[l]));
  storeLanes(warp.reg<uint32_t>(inst.op[0]), bits, mask);
}

void execF32ToHalf(Warp &warp, const Inst &inst, uint32_t mask) {
  uint32_t bits[32];
  narrowToHalf(warp.reg<const float>(inst.op[1]), inst.mode == uint8_t(Type::BF16), bits);
  storeLanes(warp.reg<uint32_t>(inst.op[0]), bits, mask);
}

template <class D> Handler castTo(Type from) {
  switch (from) {
  case Type::U8:
    return execUnary<Cast<D, uint8_t>, D, uint8_t>;
  case Type::S8:
    return execUnary<Cast<D, int8_t>, D, int8_t>;
  case Type::U16:
    return execUnary<Cast<D, uint16_t>, D, uint16_t>;
  case Type::S16:
    return execUnary<Cast<D, int16_t>, D, int16_t>;
  case Type::U32:
    return execUnary<Cast<D, uint32_t>, D, uint32_t>;
  case Type::S32:
    return execUnary<Cast<D, int32_t>, D, int32_t>;
  case Type::U64:
    return execUnary<Cast<D, uint64_t>, D, uint64_t>;
  case Type::S64:
    return execUnary<Cast<D, int64_t>, D, int64_t>;
  default:
    return nullptr;
  }
}

/// A vectorised handler where registers have the types' own widths, or null.
Handler fastHandler(const ConvertSpec &spec, unsigned toBits, unsigned fromBits) {
  bool sameLanes = (ptx::bitsOf(spec.from) == 64) == (fromBits == 64) && toBits == std::max(16u, ptx::bitsOf(spec.to));
  if (!sameLanes || spec.sat || spec.ftz || spec.relu || spec.satFinite)
    return nullptr;
  if (ptx::isInteger(spec.from)) {
    switch (spec.to) {
    case Type::U8:
      return toBits == 16 ? castTo<uint8_t>(spec.from) : nullptr;
    case Type::U16:
      return castTo<uint16_t>(spec.from);
    case Type::S16:
      return castTo<int16_t>(spec.from);
    case Type::U32:
      return castTo<uint32_t>(spec.from);
    case Type::S32:
      return castTo<int32_t>(spec.from);
    case Type::U64:
      return castTo<uint64_t>(spec.from);
    case Type::S64:
      return castTo<int64_t>(spec.from);
    case Type::F32:
      if (spec.rounding == Rounding::NearestEven && ptx::bitsOf(spec.from) <= 32)
        return castTo<float>(spec.from);
      return nullptr;
    default:
      return nullptr;
    }
  }
  if (spec.from == Type::F32 && spec.to == Type::S32 && spec.integerRounding == 1)
    return execUnary<FloatToS32, int32_t, float>;
  if (spec.from == Type::F32 && spec.to == Type::S32 && spec.integerRounding == 0)
    return execUnary<NearestS32, int32_t, float>;
  bool half = spec.from == Type::F16 || spec.from == Type::BF16;
  if (half && spec.to == Type::F32 && spec.integerRounding < 0)
    return execF16ToF32;
  if (spec.from == Type::F32 && (spec.to == Type::F16 || spec.to == Type::BF16) &&
      spec.rounding == Rounding::NearestEven)
    return execF32ToHalf;
  return nullptr;
}

bool isScalarFloat(Type type) {
  return type == Type::F16 || type == Type::BF16 || type == Type::F32 || type == Type::F64;
}

void checkRounding(InstBuilder &b, const ConvertSpec &spec, bool hasRounding) {
  bool fromFloat = isScalarFloat(spec.from), toFloat = isScalarFloat(spec.to) || spec.to == Type::TF32;
  bool narrows = (fromFloat && toFloat && ptx::bitsOf(spec.to) < ptx::bitsOf(spec.from)) || spec.to == Type::TF32 ||
                 (toFloat && ptx::isInteger(spec.from));
  if (narrows && !hasRounding)
    b.fail("missing rounding modifier");
  if (hasRounding && !narrows)
    b.fail("rounding modifier on an exact conversion");
  if (spec.rounding == Rounding::NearestAway && spec.to != Type::TF32)
    b.fail("'.rna' needs .tf32");
  if (fromFloat && ptx::isInteger(spec.to) && spec.integerRounding < 0)
    b.fail("missing integer rounding modifier");
  if (spec.integerRounding >= 0 && !(fromFloat && (ptx::isInteger(spec.to) || spec.to == spec.from)))
    b.fail("integer rounding modifier where none belongs");
}

void decodeCvt(InstBuilder &b) {
  b.inst.cls = InstClass::Convert;
  ConvertSpec spec;
  int rounding = b.takeOneOf({"rn", "rz", "rm", "rp", "rna"});
  spec.rounding = rounding > 0 ? static_cast<Rounding>(rounding) : Rounding::NearestEven;
  spec.integerRounding = b.takeOneOf({"rni", "rzi", "rmi", "rpi"});
  spec.ftz = b.take("ftz");
  spec.sat = b.take("sat");
  spec.relu = b.take("relu");
  spec.satFinite = b.take("satfinite");
  spec.to = b.takeType();
  spec.from = b.takeType();
  b.finishModifiers();
  if (isPackedConversion(spec))
    return decodePackedConversion(b, spec, rounding >= 0);
  bool toKnown = ptx::isInteger(spec.to) || isScalarFloat(spec.to) || spec.to == Type::TF32;
  bool fromKnown = ptx::isInteger(spec.from) || isScalarFloat(spec.from);
  bool fromF32 = spec.from == Type::F32;
  if (!toKnown || !fromKnown || (spec.to == Type::TF32 && !fromF32))
    b.unsupported("types");
  bool narrowHalf = (spec.to == Type::F16 || spec.to == Type::BF16) && fromF32;
  if ((spec.relu || spec.satFinite) && !narrowHalf && spec.to != Type::TF32)
    b.unsupported("'.relu' or '.satfinite' on these types");
  if (spec.ftz && !fromF32 && spec.to != Type::F32)
    b.fail("'.ftz' needs an .f32");
  if (spec.sat && (spec.to == Type::BF16 || spec.to == Type::TF32))
    b.unsupported("'.sat' on this type");
  checkRounding(b, spec, rounding >= 0);
  b.expectOperands(2);
  // TF32 lives in .b32 registers, 8-bit values in 16-bit ones and wider.
  unsigned toBits = 0, fromBits = 0;
  b.inst.op[1] = b.useWide(b.operand(1), spec.from, fromBits);
  b.inst.op[0] = b.defWide(b.operand(0), spec.to, toBits);
  if (!ptx::isInteger(spec.to) && toBits != ptx::bitsOf(spec.to))
    b.fail("destination register of " + std::to_string(toBits) + " bits");
  spec.pack(b.inst);
  b.inst.bytes = toBits;
  b.inst.count = fromBits;
  Handler fast = fastHandler(spec, toBits, fromBits);
  b.emit(fast ? fast : execGeneral);
}

} // namespace

void qccsim::addConvertOps(OpcodeTable &table) { table["cvt"] = decodeCvt; }
