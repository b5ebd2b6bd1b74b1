//===- HalfMath.h - f16 and bf16 lanes ------------------------------------===//

#ifndef QCCSIM_OPS_HALFMATH_H
#define QCCSIM_OPS_HALFMATH_H

#include "num/Convert.h"
#include "ops/Lanes.h"

#include <cstring>

namespace qccsim {

/// The lower (or upper) halves of 32 registers as f32.
inline void widenHalves(const uint32_t *source, bool bf16, bool upper, float *result) {
  uint32_t bits[32];
  if (bf16) {
    QCCSIM_LANES bits[l] = upper ? source[l] & 0xffff0000u : source[l] << 16;
  } else {
    uint32_t low[32];
    QCCSIM_LANES low[l] = upper ? source[l] >> 16 : source[l] & 0xffffu;
    warpF16ToF32(low, bits);
  }
  std::memcpy(result, bits, sizeof bits);
}

/// f32 to the bits of f16 or bf16, to nearest even.
inline void narrowToHalf(const float *source, bool bf16, uint32_t *result) {
  uint32_t bits[32];
  std::memcpy(bits, source, sizeof bits);
  if (!bf16) {
    warpF32ToF16(bits, result);
    return;
  }
  QCCSIM_LANES {
    uint32_t rounded = (bits[l] + 0x7fffu + (bits[l] >> 16 & 1)) >> 16;
    result[l] = (bits[l] & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : rounded;
  }
}

/// sum + error, rounded to f32 toward the neighbour with an odd last bit where it is inexact; a
/// second rounding to fewer bits is then as if done once (Boldo and Melquiond 2008).
inline float roundToOdd(double sum, double error) {
  float nearest = static_cast<float>(sum);
  double rest = (sum - static_cast<double>(nearest)) + error;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  bool adjust = (rest > 0 || rest < 0) && !(bits & 1);
  bool isZero = (bits & 0x7fffffffu) == 0;
  bool outward = (rest > 0) == ((bits >> 31) == 0);
  uint32_t moved = isZero ? (rest < 0 ? 0x80000001u : 1u) : outward ? bits + 1 : bits - 1;
  return std::bit_cast<float>(adjust ? moved : bits);
}

/// a * b + c of f16 or bf16 values for a later rounding to that type.
inline float halfFma(float a, float b, float c) {
  double product = static_cast<double>(a) * static_cast<double>(b); // exact
  double addend = c;
  double sum = product + addend;
  double virtualAddend = sum - product;
  double error = (product - (sum - virtualAddend)) + (addend - virtualAddend);
  return roundToOdd(sum, error);
}

} // namespace qccsim

#endif // QCCSIM_OPS_HALFMATH_H
