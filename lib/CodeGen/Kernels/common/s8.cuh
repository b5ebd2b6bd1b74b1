//===- s8.cuh - Conversions from and to signed bytes ----------------------===//
//
// Activations and cached keys and values use the codes -127 ... 127: code = rint(x / scale), ties to even, clamped.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

inline constexpr float kS8Max = 127.0f;

/// amax / 127, or 1 where that is not a normal number; NaN where a value was not finite (lib/Quant, scaleInt8). `amax`:
/// largest magnitude by its bits, so that infinity beats every number and NaN beats infinity.
__device__ inline float scaleS8(float amax) {
  if (__float_as_uint(amax) >= 0x7f800000u)
    return __uint_as_float(0x7fc00000u);
  float scale = __fdiv_rn(amax, kS8Max);
  return scale >= 0x1p-126f ? scale : 1.0f;
}

/// Of a quotient; NaN gives 0.
__device__ inline u32 encodeS8(float value) { return u32(max(-127, min(127, __float2int_rn(value)))); }

/// Four codes, lowest index in the lowest byte.
__device__ inline u32 encodeS8x4(float v0, float v1, float v2, float v3) {
  u32 low = __byte_perm(encodeS8(v0), encodeS8(v1), 0x0040), high = __byte_perm(encodeS8(v2), encodeS8(v3), 0x0040);
  return __byte_perm(low, high, 0x5410);
}

/// The codes in bytes FIRST and SECOND of `codes` as a bf16 pair; exact.
template <int FIRST, int SECOND> __device__ inline u32 decodeS8Pair(u32 codes) {
  u32 spread = __byte_perm(codes, 0u, 0x4040u | FIRST | SECOND << 8);
  // With code = low - 128 sign: 0x4300 | low is 128 + low, and 0xc300 | sign << 7 is -128 or, with the sign, -256.
  u32 shifted = (spread & 0x007f007fu) | 0x43004300u, back = (spread & 0x00800080u) | 0xc300c300u;
  u32 pair;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(pair) : "r"(shifted), "r"(0x3f803f80u), "r"(back));
  return pair;
}

/// One code, byte INDEX of `codes`, as f32.
template <int INDEX> __device__ inline float decodeS8(u32 codes) { return float(int(codes << (24 - 8 * INDEX)) >> 24); }

} // namespace qcc
