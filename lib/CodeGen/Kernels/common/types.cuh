//===- types.cuh - Scalar and vector types of the kernel library ----------===//
//
// The kernels include no CUDA or standard header: NVRTC then reads a few hundred lines instead of a
// hundred thousand.
//
// bf16 is kept as its bits: u16 for one, u32 for a pair with the lower index in the lower half.
//
//===----------------------------------------------------------------------===//
#pragma once

namespace qcc {

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using i64 = long long;

inline constexpr int kWarpSize = 32;
/// Tokens in one K/V page (KernelDesc.h).
inline constexpr int kPageSize = 64;

template <typename T> __device__ constexpr T ceilDiv(T a, T b) { return (a + b - 1) / b; }

__device__ inline float bf16ToFloat(u32 bits) { return __uint_as_float(bits << 16); }
__device__ inline float bf16LowToFloat(u32 pair) { return __uint_as_float(pair << 16); }
__device__ inline float bf16HighToFloat(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }

/// Round to nearest even; the first argument becomes the lower half.
__device__ inline u32 packBF16(float low, float high) {
  u32 pair;
  // The instruction's first source is the upper half.
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

__device__ inline u16 floatToBF16(float value) { return u16(packBF16(value, 0.0f)); }
__device__ inline float roundToBF16(float value) { return bf16LowToFloat(packBF16(value, 0.0f)); }

} // namespace qcc
