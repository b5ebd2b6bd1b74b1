//===- e4m3.cuh - Conversions from and to e4m3 on every target ------------===//
//
// OCP e4m3 (1-4-3, bias 7, no infinities, NaN 0x7f). Encoding rounds to nearest even and saturates
// to +-448, as `cvt.rn.satfinite.e4m3x2.f32` (sm_89) does; below sm_89 the same bits come from
// integer and f32 arithmetic. The sign of an encoded NaN is not specified. Decoding to bf16 is
// exact.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

inline constexpr float kE4M3Max = 448.0f;

/// Two codes, the first argument in the lower byte.
__device__ inline u32 encodeE4M3x2(float low, float high) {
#if __CUDA_ARCH__ >= 890
  u16 codes;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(codes) : "f"(high), "f"(low));
  return codes;
#else
  auto encode = [](float value) -> u32 {
    u32 bits = __float_as_uint(value), magnitude = bits & 0x7fffffffu, sign = (bits >> 24) & 0x80u;
    if (magnitude > 0x7f800000u)
      return 0x7fu;
    if (magnitude >= 0x43e00000u) // 448
      return sign | 0x7eu;
    if (magnitude < 0x3c800000u) { // 2^-6: subnormal, a multiple of 2^-9
      // The sum's unit in the last place is 2^-9, so the addition rounds; a carry gives the smallest normal code.
      float sum = __fadd_rn(__uint_as_float(magnitude), 16384.0f);
      return sign | (__float_as_uint(sum) - __float_as_uint(16384.0f));
    }
    u32 rounded = magnitude + 0x7ffffu + ((magnitude >> 20) & 1u);
    return sign | ((rounded >> 20) - ((127u - 7u) << 3));
  };
  return encode(low) | (encode(high) << 8);
#endif
}

/// Four codes, lowest index in the lowest byte.
__device__ inline u32 encodeE4M3x4(float v0, float v1, float v2, float v3) {
  return encodeE4M3x2(v0, v1) | (encodeE4M3x2(v2, v3) << 16);
}

/// The codes in the bytes of `codes` chosen by a `prmt` selector (bytes 1 and 3 of the permuted word are the codes, 0
/// and 2 are ignored) as a bf16 pair.
template <u32 SELECTOR> __device__ inline u32 decodeE4M3Pair(u32 codes) {
  u32 spread = __byte_perm(codes, 0u, SELECTOR);
  // Exponent and mantissa fall onto the low exponent bits and the high mantissa bits of bf16, 2^120 too small;
  // subnormal codes become bf16 subnormals, which the multiplication (exact, no flush for bf16) makes normal.
  u32 bits = (spread & 0x80008000u) | ((spread >> 4) & 0x07f007f0u);
  u32 pair;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(pair) : "r"(bits), "r"(0x7b807b80u), "r"(0x80008000u));
  // A NaN code (all seven bits set) would read as 480; rare, so one test for both.
  u32 nan = ((spread & 0x7f007f00u) + 0x01000100u) & 0x80008000u;
  if (nan != 0u)
    pair |= (nan >> 15) * 0x7fc0u;
  return pair;
}

/// amax / 448, or 1 where that is not a normal number (lib/Quant, scaleE4M3).
__device__ inline float scaleE4M3(float amax) {
  float scale = __fdiv_rn(amax, kE4M3Max);
  return scale >= 0x1p-126f ? scale : 1.0f;
}

} // namespace qcc
