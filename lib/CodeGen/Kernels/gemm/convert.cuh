//===- convert.cuh - Integer codes to operands of the tensor core ---------===//
//
// Exact conversions without tables in memory: a few bit operations for two or four codes. The words are those of
// lib/Quant/Layout.h.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

/// (a & b) | c
template <u32 B, u32 C> __device__ inline u32 andOr(u32 a) {
  u32 d;
  asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(d) : "r"(a), "n"(B), "n"(C));
  return d;
}
/// a * b + c on pairs of bf16
__device__ inline u32 fmaBF16x2(u32 a, u32 b, u32 c) {
  u32 d;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
template <u32 SELECTOR> __device__ inline u32 permute(u32 a, u32 b) {
  u32 d;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "n"(SELECTOR));
  return d;
}

inline constexpr u32 kOnesBF16x2 = 0x3f803f80, kMinusOnesBF16x2 = 0xbf80bf80;
/// -136 twice: what takes both 128 and the offset 8 of the offset binary code away.
inline constexpr u32 kMinus136BF16x2 = 0xc308c308;

/// The pair of s4 codes in nibbles R and R + 4, plus `bias` + 136. 0x4300 is 128 in bf16, whose last mantissa bit is 1:
/// with an offset binary code in the low bits it is exactly 136 + code.
template <int R> __device__ inline u32 convertS4(u32 word, u32 bias) {
  return fmaBF16x2(andOr<0x000f000f, 0x43004300>(word >> (4 * R)), kOnesBF16x2, bias);
}
/// The bias that also takes a zero point (a bf16 integer of -8 to 7) away: -136 - zero, exact.
__device__ inline u32 biasOfZero(u32 zero) {
  return fmaBF16x2(permute<0x1010>(zero, zero), kMinusOnesBF16x2, kMinus136BF16x2);
}

/// The pair of s8 codes in bytes ODD and ODD + 2: 128 + the low seven bits, less 128 or, for a negative code, 256.
template <int ODD> __device__ inline u32 convertS8(u32 word) {
  u32 pair = word >> (8 * ODD);
  u32 low = andOr<0x007f007f, 0x43004300>(pair), sign = andOr<0x00800080, 0x43004300>(pair);
  return fmaBF16x2(sign, kMinusOnesBF16x2, low);
}

/// The four s4 codes (two's complement) in the low (HIGH = 0) or high half of a word, as e4m3. The low three bits of a
/// code choose a byte among the values of 0 ... 7 and one among those of -8 ... -1; its sign, spread over a byte,
/// chooses between the two.
template <int HIGH> __device__ inline u32 convertS4ToE4M3(u32 word) {
  u32 index = (word & 0x77777777) >> (16 * HIGH);
  u32 positive, negative, d;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(positive) : "r"(0x44403800u), "r"(0x4e4c4a48u), "r"(index));
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(negative) : "r"(0xcaccced0u), "r"(0xb8c0c4c8u), "r"(index));
  // With bit 3 of its nibble set, prmt repeats a byte's sign: even codes have theirs there after a shift.
  u32 sign = permute<HIGH ? 0xbfae : 0x9d8c>(word, word << 4);
  asm("lop3.b32 %0, %1, %2, %3, 0xca;" : "=r"(d) : "r"(sign), "r"(negative), "r"(positive));
  return d;
}

} // namespace qcc
