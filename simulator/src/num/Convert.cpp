//===- Convert.cpp - bit-exact narrow floating point conversions ----------===//
//
// One routine rounds any f64 to any narrow format in integer arithmetic; f32 and f16 sources widen
// exactly first, so every conversion rounds once.
//
//===----------------------------------------------------------------------===//

#include "Convert.h"

namespace qccsim {
namespace {

struct Format {
  int exponentBits;
  int mantissaBits;
  int bias;
  uint32_t maxFinite; ///< Bits of the largest finite magnitude.
  uint32_t infinity;  ///< Bits of infinity; only reached without satFinite.
  uint32_t canonicalNan;
};

constexpr Format f16Format{5, 10, 15, 0x7BFF, 0x7C00, 0x7FFF};
constexpr Format bf16Format{8, 7, 127, 0x7F7F, 0x7F80, 0x7FFF};
constexpr Format f32Format{8, 23, 127, 0x7F7FFFFF, 0x7F800000, 0x7FFFFFFF};
constexpr Format tf32Format{8, 10, 127, 0x3FBFF, 0x3FC00, 0x3FFFF}; // before the shift by 13
constexpr Format e4m3Format{4, 3, 7, 0x7E, 0x7E, 0x7F};
constexpr Format e5m2Format{5, 2, 15, 0x7B, 0x7C, 0x7F};

/// Whether the magnitude is incremented when `discarded` (of weight 2^-shift) was cut off.
bool roundsUp(uint64_t kept, uint64_t discarded, int shift, bool negative, Rounding mode) {
  if (discarded == 0)
    return false;
  uint64_t half = uint64_t(1) << (shift - 1);
  switch (mode) {
  case Rounding::NearestEven:
    return discarded > half || (discarded == half && (kept & 1));
  case Rounding::NearestAway:
    return discarded >= half;
  case Rounding::Zero:
    return false;
  case Rounding::Down:
    return negative;
  case Rounding::Up:
    return !negative;
  }
  __builtin_unreachable();
}

uint32_t overflow(const Format &format, bool negative, Rounding mode, bool satFinite) {
  bool toFinite = satFinite || mode == Rounding::Zero || (mode == Rounding::Down && !negative) ||
                  (mode == Rounding::Up && negative);
  return toFinite ? format.maxFinite : format.infinity;
}

uint32_t narrow(double value, const Format &format, Rounding mode, bool satFinite, bool relu) {
  uint64_t bits;
  std::memcpy(&bits, &value, 8);
  bool negative = bits >> 63;
  int exponent = int(bits >> 52 & 0x7FF);
  uint64_t mantissa = bits & ((uint64_t(1) << 52) - 1);
  uint32_t sign = uint32_t(negative) << (format.exponentBits + format.mantissaBits);
  if (exponent == 0x7FF && mantissa != 0)
    return format.canonicalNan;
  if (relu && negative)
    return 0;
  if (exponent == 0x7FF)
    return sign | (satFinite ? format.maxFinite : format.infinity);
  if (exponent == 0 && mantissa == 0)
    return sign;

  // value = significand * 2^(unbiased - 52); f64 subnormals keep their fixed exponent.
  uint64_t significand = exponent == 0 ? mantissa : mantissa | uint64_t(1) << 52;
  int unbiased = exponent == 0 ? -1022 : exponent - 1023;
  int minNormal = 1 - format.bias;
  int shift = 52 - format.mantissaBits;
  bool subnormal = unbiased < minNormal;
  if (subnormal)
    shift += minNormal - unbiased;
  // Beyond 60 everything is discarded and below half: keep that relation with a smaller shift.
  if (shift > 60) {
    shift = 60;
    significand = 1;
  }
  uint64_t kept = significand >> shift;
  uint64_t discarded = significand & ((uint64_t(1) << shift) - 1);
  if (roundsUp(kept, discarded, shift, negative, mode))
    ++kept;
  // A carry out of the mantissa increments the exponent field by itself, from subnormal too.
  int64_t field = subnormal ? 0 : int64_t(unbiased + format.bias - 1);
  if (!subnormal && field > int64_t(1) << format.exponentBits)
    return sign | overflow(format, negative, mode, satFinite);
  uint64_t magnitude = (uint64_t(field) << format.mantissaBits) + kept;
  if (magnitude > format.maxFinite)
    return sign | overflow(format, negative, mode, satFinite);
  return sign | uint32_t(magnitude);
}

float widen(uint32_t bits, int exponentBits, int mantissaBits) {
  int bias = (1 << (exponentBits - 1)) - 1;
  uint32_t sign = bits >> (exponentBits + mantissaBits) << 31;
  uint32_t magnitude = bits & ((1u << (exponentBits + mantissaBits)) - 1);
  // Placing the fields in f32's and scaling by the difference of the biases is exact, for
  // subnormals too.
  float scale = floatOf(uint32_t(127 + 127 - bias) << 23);
  return floatOf(sign | bitsOf(floatOf(magnitude << (23 - mantissaBits)) * scale));
}

constexpr uint32_t f32Nan = 0x7FFFFFFF;

} // namespace

float f16ToF32(uint16_t bits) {
  if ((bits & 0x7C00) == 0x7C00)
    return floatOf(bits & 0x3FF ? f32Nan : uint32_t(bits & 0x8000) << 16 | 0x7F800000);
  return widen(bits, 5, 10);
}

float bf16ToF32(uint16_t bits) {
  if ((bits & 0x7FFF) > 0x7F80)
    return floatOf(f32Nan);
  return floatOf(uint32_t(bits) << 16);
}

float e4m3ToF32(uint8_t bits) {
  if ((bits & 0x7F) == 0x7F)
    return floatOf(f32Nan);
  return widen(bits, 4, 3);
}

float e5m2ToF32(uint8_t bits) { return f16ToF32(uint16_t(bits << 8)); }

uint16_t f32ToF16(float value, Rounding mode, bool satFinite, bool relu) {
  return uint16_t(narrow(value, f16Format, mode, satFinite, relu));
}

uint16_t f32ToBf16(float value, Rounding mode, bool satFinite, bool relu) {
  return uint16_t(narrow(value, bf16Format, mode, satFinite, relu));
}

uint8_t f32ToE4m3(float value, Rounding mode, bool relu) {
  return uint8_t(narrow(value, e4m3Format, mode, true, relu));
}

uint8_t f32ToE5m2(float value, Rounding mode, bool relu) {
  return uint8_t(narrow(value, e5m2Format, mode, true, relu));
}

uint32_t f32ToTf32(float value, Rounding mode, bool satFinite, bool relu) {
  uint32_t bits = narrow(value, tf32Format, mode, satFinite, relu);
  return bits == tf32Format.canonicalNan ? f32Nan : bits << 13;
}

uint16_t f64ToF16(double value, Rounding mode, bool satFinite) {
  return uint16_t(narrow(value, f16Format, mode, satFinite, false));
}

uint16_t f64ToBf16(double value, Rounding mode, bool satFinite) {
  return uint16_t(narrow(value, bf16Format, mode, satFinite, false));
}

float f64ToF32(double value, Rounding mode) { return floatOf(narrow(value, f32Format, mode, false, false)); }

uint8_t f16ToE4m3(uint16_t bits, bool relu) { return f32ToE4m3(f16ToF32(bits), Rounding::NearestEven, relu); }

uint8_t f16ToE5m2(uint16_t bits, bool relu) { return f32ToE5m2(f16ToF32(bits), Rounding::NearestEven, relu); }

uint16_t e4m3ToF16(uint8_t bits, bool relu) { return f32ToF16(e4m3ToF32(bits), Rounding::NearestEven, false, relu); }

uint16_t e5m2ToF16(uint8_t bits, bool relu) { return f32ToF16(e5m2ToF32(bits), Rounding::NearestEven, false, relu); }

} // namespace qccsim
