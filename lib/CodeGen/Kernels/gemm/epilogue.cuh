//===- epilogue.cuh - From accumulators to rows of y ----------------------===//
//
// A product's columns are tokens, so a lane's values are columns of y. They go through shared memory, f32 or s32
// [WARPS_K][BLOCK_N][BLOCK_M + 4], which also joins the parts of K in a fixed order: the same input gives the same
// bits. Sums of s8 products stay integers until they are complete.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "gemm/shape.cuh"

namespace qcc {

template <bool BF16> __device__ inline float loadOperand(const void *operand, i64 index) {
  if constexpr (BF16)
    return bf16ToFloat(static_cast<const u16 *>(operand)[index]);
  else
    return static_cast<const float *>(operand)[index];
}

template <typename P> struct GemmEpilogue {
  using Shape = GemmShape<P>;
  using Value = typename Shape::Accumulator;
  static constexpr int perStore = 4; ///< neighbouring columns of y that a thread makes
  /// 2 * pitch is 8 modulo 32 banks: the four token pairs and eight rows of a warp's store do not collide.
  static constexpr int pitch = P::BLOCK_M + 4;
  static constexpr int bytes = P::WARPS_K * P::BLOCK_N * pitch * 4;
  static constexpr i64 outputPitch = i64(ceilDiv(P::N * (P::OUTPUT_F32 ? 4 : 2), 16)) * (P::OUTPUT_F32 ? 4 : 8);

  /// A warp's accumulators: row tiles starting at row `firstRow` of the block.
  __device__ static void stage(Value *shared, const Value (&c)[Shape::rowTiles][Shape::tokenTiles][4], int firstRow,
                               int warpK) {
    int lane = threadIdx.x % kWarpSize, g = lane / 4, t = lane % 4;
    Value *part = shared + warpK * P::BLOCK_N * pitch;
#pragma unroll
    for (int i = 0; i < Shape::rowTiles; ++i)
#pragma unroll
      for (int j = 0; j < Shape::tokenTiles; ++j)
#pragma unroll
        for (int r = 0; r < 4; ++r)
          part[(j * 8 + 2 * t + r % 2) * pitch + firstRow + i * kTileRows + g + r / 2 * 8] = c[i][j][r];
  }

  template <typename Args> __device__ static void store(const Value *shared, const Args &args) {
    constexpr int perToken = P::BLOCK_M / perStore;
    for (int item = threadIdx.x; item < P::BLOCK_N * perToken; item += Shape::threads) {
      int token = item / perToken, row = item % perToken * perStore;
      i64 t = i64(blockIdx.x) * P::BLOCK_N + token;
      int n = int(blockIdx.y) * P::BLOCK_M + row;
      if (t >= args.rows || n >= P::N)
        continue;
      Value sums[perStore] = {};
#pragma unroll
      for (int k = 0; k < P::WARPS_K; ++k) {
        Four part = *reinterpret_cast<const Four *>(shared + (k * P::BLOCK_N + token) * pitch + row);
#pragma unroll
        for (int i = 0; i < perStore; ++i)
          sums[i] += part.value[i];
      }
      float xScale = Shape::tokenScaled ? args.xScale[P::TENSOR_SCALE ? 0 : t] : 1.0f;
      float values[perStore];
#pragma unroll
      for (int i = 0; i < perStore; ++i)
        if (P::N % perStore == 0 || n + i < P::N)
          values[i] = P::epilogue(scaled(float(sums[i]), args.weightScale, n + i, xScale), args.operands, t, n + i);
      write(args.y, t * outputPitch + n, n, values);
    }
  }

private:
  struct alignas(16) Four {
    Value value[perStore];
  };

  /// With the scales that cover the whole of K.
  __device__ static float scaled(float sum, const void *weightScale, int n, float xScale) {
    if constexpr (Shape::channelF32)
      sum *= static_cast<const float *>(weightScale)[n];
    if constexpr (Shape::channelBF16)
      sum *= bf16ToFloat(static_cast<const u16 *>(weightScale)[n]);
    return Shape::tokenScaled ? sum * xScale : sum;
  }

  __device__ static void write(void *y, i64 index, int n, const float (&values)[perStore]) {
    bool whole = P::N % perStore == 0 || n + perStore <= P::N;
    if constexpr (P::OUTPUT_F32) {
      float *to = static_cast<float *>(y) + index;
      if (whole) {
        *reinterpret_cast<float4 *>(to) = make_float4(values[0], values[1], values[2], values[3]);
        return;
      }
#pragma unroll
      for (int i = 0; i < perStore; ++i)
        if (n + i < P::N)
          to[i] = values[i];
    } else {
      u16 *to = static_cast<u16 *>(y) + index;
      if (whole) {
        *reinterpret_cast<uint2 *>(to) = make_uint2(packBF16(values[0], values[1]), packBF16(values[2], values[3]));
        return;
      }
#pragma unroll
      for (int i = 0; i < perStore; ++i)
        if (n + i < P::N)
          to[i] = floatToBF16(values[i]);
    }
  }
};

} // namespace qcc
