//===- Formats.cpp - Narrow float formats in terms of f32 bits ------------===//

#include "qcc/Quant/Formats.h"

#include <array>
#include <cmath>

namespace qcc::quant {
namespace {

/// A binary format with an implicit leading one and subnormals.
struct NarrowFormat {
  int exponentBits, mantissaBits, bias;
};
constexpr NarrowFormat kF16{5, 10, 15}, kE4M3{4, 3, 7}, kE5M2{5, 2, 15};

/// Magnitude bits of |value| rounded to nearest even with an unbounded exponent range at the top; the caller handles
/// overflow.
uint32_t roundMagnitude(float value, NarrowFormat format) {
  uint32_t bits = std::bit_cast<uint32_t>(value) & 0x7fffffff;
  int exponent = int(bits >> 23) - 127;
  int minExponent = 1 - format.bias;
  // Significand with its leading one; f32 subnormals lie far below every narrow format and round to zero.
  if (bits < 0x00800000)
    return 0;
  uint64_t significand = (bits & 0x7fffff) | 0x800000;
  int drop = 23 - format.mantissaBits;
  if (exponent < minExponent)
    drop += minExponent - exponent;
  if (drop > 25)
    return 0;
  uint64_t half = uint64_t(1) << (drop - 1);
  uint64_t kept = significand >> drop;
  uint64_t rest = significand & ((uint64_t(1) << drop) - 1);
  if (rest > half || (rest == half && (kept & 1)))
    ++kept;
  if (exponent < minExponent) // subnormal; a carry into the leading one yields the smallest normal by itself
    return uint32_t(kept);
  return uint32_t(kept + (uint64_t(exponent + format.bias - 1) << format.mantissaBits));
}

float decode(uint32_t bits, NarrowFormat format) {
  uint32_t exponent = (bits >> format.mantissaBits) & ((1u << format.exponentBits) - 1);
  uint32_t mantissa = bits & ((1u << format.mantissaBits) - 1);
  bool negative = bits >> (format.mantissaBits + format.exponentBits) & 1;
  float magnitude = exponent == 0 ? std::ldexp(float(mantissa), 1 - format.bias - format.mantissaBits)
                                  : std::ldexp(float(mantissa | (1u << format.mantissaBits)),
                                               int(exponent) - format.bias - format.mantissaBits);
  return negative ? -magnitude : magnitude;
}

bool isNaN(float value) { return value != value; }
uint32_t signOf(float value) { return std::bit_cast<uint32_t>(value) >> 31; }

std::array<float, 256> makeE4M3Table() {
  std::array<float, 256> table;
  for (int code = 0; code < 256; ++code)
    table[code] = (code & 0x7f) == 0x7f ? std::nanf("") : decode(code, kE4M3);
  return table;
}

} // namespace

float f16ToFloat(uint16_t bits) {
  if ((bits & 0x7c00) == 0x7c00) {
    uint32_t wide = (uint32_t(bits & 0x8000) << 16) | 0x7f800000 | (uint32_t(bits & 0x3ff) << 13);
    return std::bit_cast<float>((bits & 0x3ff) ? wide | 0x400000 : wide);
  }
  return decode(bits, kF16);
}

uint16_t floatToF16(float value) {
  uint16_t sign = uint16_t(signOf(value) << 15);
  if (isNaN(value))
    return sign | 0x7e00;
  if (std::isinf(value))
    return sign | 0x7c00;
  uint32_t magnitude = roundMagnitude(value, kF16);
  return sign | uint16_t(magnitude >= 0x7c00 ? 0x7c00 : magnitude);
}

float e4m3ToFloat(uint8_t bits) {
  static const std::array<float, 256> table = makeE4M3Table();
  return table[bits];
}

uint8_t floatToE4M3(float value) {
  uint8_t sign = uint8_t(signOf(value) << 7);
  if (isNaN(value))
    return sign | 0x7f;
  if (std::fabs(value) >= kE4M3Max)
    return sign | 0x7e;
  uint32_t magnitude = roundMagnitude(value, kE4M3);
  return sign | uint8_t(magnitude > 0x7e ? 0x7e : magnitude);
}

float e5m2ToFloat(uint8_t bits) {
  // e5m2 is binary16 with the low mantissa byte cut off.
  return f16ToFloat(uint16_t(bits) << 8);
}

uint8_t floatToE5M2(float value) {
  uint8_t sign = uint8_t(signOf(value) << 7);
  if (isNaN(value))
    return sign | 0x7f;
  if (std::isinf(value))
    return sign | 0x7b;
  uint32_t magnitude = roundMagnitude(value, kE5M2);
  return sign | uint8_t(magnitude > 0x7b ? 0x7b : magnitude);
}

} // namespace qcc::quant
