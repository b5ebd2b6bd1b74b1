//===- Rounding.h - Rounding to code grids in loops -----------------------===//
//
// Forms of encode() that compilers vectorize without special instructions: adding and subtracting a power of two (and a
// half of it, for negative values) drops the bits below its last place, to nearest, ties to even.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_QUANT_ROUNDING_H
#define QCC_LIB_QUANT_ROUNDING_H

#include "qcc/Quant/Formats.h"

#include <bit>
#include <cstdint>

namespace qcc::quant {

/// rint(x) for |x| ≤ 2^22.
inline float roundToInteger(float x) {
  constexpr float magic = 0x1.8p23f;
  return (x + magic) - magic;
}

inline float clampTo(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

/// The nearest e4m3 number of a finite x, saturating. A number in [2^e, 2^(e+1)) has steps of 2^(e-3); below 2^-6 they
/// stay 2^-9.
inline float roundToE4M3(float x) {
  x = clampTo(x, -kE4M3Max, kE4M3Max);
  float power = std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0x7f800000u);
  power = power < 0x1p-6f ? 0x1p-6f : power;
  float magic = power * 0x1.8p20f;
  return (x + magic) - magic;
}

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_ROUNDING_H
