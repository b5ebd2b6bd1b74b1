//===- Formats.h - Number formats -------------------------------*- C++ -*-===//
//
// Conversions between f32 and the storage formats: bf16, IEEE binary16, OCP e4m3 (1-4-3, bias 7, no infinities, NaN
// 0x7F/0xFF, maximum 448) and e5m2 (OCP 8-bit Floating Point Specification 1.0). To-narrow conversions round to
// nearest, ties to even. e4m3 and e5m2 saturate finite values beyond the range, as `cvt.rn.satfinite` does; infinity
// saturates too, NaN stays NaN.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_FORMATS_H
#define QCC_QUANT_FORMATS_H

#include <bit>
#include <cstdint>

namespace qcc::quant {

inline float bf16ToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

inline uint16_t floatToBF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return uint16_t(bits >> 16) | 0x40; // quiet the NaN, keep its sign
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline float roundToBF16(float value) { return bf16ToFloat(floatToBF16(value)); }

float f16ToFloat(uint16_t bits);
uint16_t floatToF16(float value);

float e4m3ToFloat(uint8_t bits);
uint8_t floatToE4M3(float value);

float e5m2ToFloat(uint8_t bits);
uint8_t floatToE5M2(float value);

/// Largest finite magnitude of e4m3.
inline constexpr float kE4M3Max = 448.0f;

} // namespace qcc::quant

#endif // QCC_QUANT_FORMATS_H
