//===- reduce.cuh - Sums and maxima over lanes and warps ------------------===//
//
// Fixed order: the same values give the same bits. Every lane of every warp must take part.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

struct Sum {
  __device__ static float identity() { return 0.0f; }
  __device__ static float apply(float a, float b) { return a + b; }
};

/// Over groups of LANES neighbouring lanes (a power of two); all of them get the result.
template <typename Op, int LANES = kWarpSize> __device__ inline float reduceLanes(float value) {
#pragma unroll
  for (int distance = LANES / 2; distance > 0; distance /= 2)
    value = Op::apply(value, __shfl_xor_sync(0xffffffffu, value, distance));
  return value;
}

/// Over a block of WARPS warps; all threads get the result. `scratch`: WARPS floats of shared memory, free again after
/// the next block barrier.
template <typename Op, int WARPS> __device__ inline float reduceBlock(float value, float *scratch) {
  value = reduceLanes<Op>(value);
  if constexpr (WARPS > 1) {
    if (threadIdx.x % kWarpSize == 0)
      scratch[threadIdx.x / kWarpSize] = value;
    __syncthreads();
    int lane = threadIdx.x % kWarpSize;
    value = reduceLanes<Op>(lane < WARPS ? scratch[lane] : Op::identity());
  }
  return value;
}

} // namespace qcc
