//===- argmax.cuh - Greedy choice -----------------------------------------===//
//
// Formula    : y[r] = the smallest c whose x[r, c] is largest; NaN counts as larger than every
//              number, -0 equals +0
// Arguments  : x, y
// Layouts    : x: f32 [rows, COLUMNS], pitch rowPitch | y: i32 [rows]
// Grid       : one block per row
// Shared mem : one u64 per warp
// Warp roles : all alike
// Requires   : 1 <= COLUMNS
// Tolerance  : exact
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/row.cuh"

namespace qcc {

/// Orders (value, column) pairs so that the largest key is the answer: the value's order in the upper half, the
/// complement of the column in the lower, so that the smallest column wins among equals.
__device__ inline u64 argmaxKey(float value, int column) {
  u32 bits = __float_as_uint(value), order;
  if (value != value)
    order = 0xffffffffu;
  else if (value == 0.0f)
    order = 0x80000000u;
  else
    order = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return (u64(order) << 32) | ~u32(column);
}

__device__ inline u64 largerKey(u64 a, u64 b) { return a > b ? a : b; }

template <typename P> __device__ inline void argmax(const float *x, int *y) {
  constexpr int threads = P::WARPS * kWarpSize;
  __shared__ u64 scratch[P::WARPS];
  const float *row = x + blockIdx.x * rowPitch<4>(P::COLUMNS);

  u64 best = 0; // below the key of every value
  constexpr int whole = P::COLUMNS / 4 * 4;
#pragma unroll 4
  for (int first = threadIdx.x * 4; first < whole; first += threads * 4) {
    float4 values = *reinterpret_cast<const float4 *>(row + first);
    best = largerKey(best, argmaxKey(values.x, first));
    best = largerKey(best, argmaxKey(values.y, first + 1));
    best = largerKey(best, argmaxKey(values.z, first + 2));
    best = largerKey(best, argmaxKey(values.w, first + 3));
  }
  int column = whole + threadIdx.x;
  if (column < P::COLUMNS)
    best = largerKey(best, argmaxKey(row[column], column));

#pragma unroll
  for (int distance = kWarpSize / 2; distance > 0; distance /= 2)
    best = largerKey(best, __shfl_xor_sync(0xffffffffu, best, distance));
  if (threadIdx.x % kWarpSize == 0)
    scratch[threadIdx.x / kWarpSize] = best;
  __syncthreads();
  if (threadIdx.x == 0) {
#pragma unroll
    for (int warp = 0; warp < P::WARPS; ++warp)
      best = largerKey(best, scratch[warp]);
    y[blockIdx.x] = int(~u32(best));
  }
}

} // namespace qcc
