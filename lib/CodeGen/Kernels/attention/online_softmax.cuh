//===- online_softmax.cuh - Attention of one warp's 16 rows ---------------===//
//
// Running maximum m, sum l and weighted sum of values o of FlashAttention-2 (Dao, 2023, Algorithm
// 1), for the rows g and g+8 of a warp's m16 tile. Scores are kept times log2(e), so that exp is
// `ex2`. Probabilities enter P V rounded to bf16; l sums them unrounded. A lane's l is its own part
// until finishSums.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "attention/cache_tile.cuh"
#include "common/reduce.cuh"

namespace qcc {

__device__ inline float exp2Fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ inline float minusInfinity() { return __uint_as_float(0xff800000u); }

template <typename Tile, int HEAD_DIM> struct RowState {
  static constexpr int blocks = HEAD_DIM / 16;
  float max[2], sum[2];
  float out[2 * blocks][4]; ///< accumulators of n-tiles of 8 elements

  __device__ RowState() {
    max[0] = max[1] = minusInfinity();
    sum[0] = sum[1] = 0;
#pragma unroll
    for (int i = 0; i < 2 * blocks; ++i)
      out[i][0] = out[i][1] = out[i][2] = out[i][3] = 0;
  }

  /// Scores of the tile's KEYS keys: scores[j] are keys 8j ... 8j+7.
  template <int KEYS>
  __device__ void products(float (&scores)[KEYS / 8][4], const u32 (&q)[blocks][4], u32 tile) {
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
      scores[j][0] = scores[j][1] = scores[j][2] = scores[j][3] = 0;
#pragma unroll
    for (int block = 0; block < blocks; ++block)
#pragma unroll
      for (int step = 0; step < KEYS / 16; ++step) {
        u32 b[4];
        Tile::keys(b, tile, step * 16, block);
        mmaBF16(scores[2 * step], q[block], b[0], b[1]);
        mmaBF16(scores[2 * step + 1], q[block], b[2], b[3]);
      }
  }

  /// Multiplies scores, or probabilities, by the scales of the tile's rows, if they have any.
  template <int KEYS> __device__ void scaleKeys(float (&scores)[KEYS / 8][4], u32 tile) {
    if constexpr (Tile::hasScales)
#pragma unroll
      for (int j = 0; j < KEYS / 8; ++j) {
        float scale[2];
        Tile::template scales<KEYS>(scale, tile, j * 8);
#pragma unroll
        for (int i = 0; i < 4; ++i)
          scores[j][i] *= scale[i % 2];
      }
  }

  /// Keeps the scores whose key (firstKey + column) lies in [begin[row], end[row]).
  template <int KEYS>
  __device__ void mask(float (&scores)[KEYS / 8][4], int firstKey, const int (&begin)[2], const int (&end)[2]) {
    int column = threadIdx.x % 4 * 2;
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        int key = firstKey + j * 8 + column + i % 2;
        if (key < begin[i / 2] || key >= end[i / 2])
          scores[j][i] = minusInfinity();
      }
  }

  /// Adds the masked scores' probabilities times the values of `tile`. `factor`: softmax scale times log2(e), positive.
  template <int KEYS> __device__ void accumulate(float (&scores)[KEYS / 8][4], float factor, u32 tile) {
    float shift[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      float best = minusInfinity();
#pragma unroll
      for (int j = 0; j < KEYS / 8; ++j)
        best = fmaxf(best, fmaxf(scores[j][2 * row], scores[j][2 * row + 1]));
      best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, 1));
      best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, 2));
      best = fmaxf(max[row], best * factor);
      // A row that has seen no key yet: shifting by 0 instead of -inf keeps exp2(-inf - shift) at 0.
      shift[row] = best == minusInfinity() ? 0.0f : best;
      float correction = exp2Fast(max[row] - shift[row]);
      max[row] = best;
      sum[row] *= correction;
#pragma unroll
      for (int i = 0; i < 2 * blocks; ++i) {
        out[i][2 * row] *= correction;
        out[i][2 * row + 1] *= correction;
      }
    }
#pragma unroll
    for (int j = 0; j < KEYS / 8; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        scores[j][i] = exp2Fast(fmaf(scores[j][i], factor, -shift[i / 2]));
        sum[i / 2] += scores[j][i];
      }
    scaleKeys<KEYS>(scores, tile);
#pragma unroll
    for (int step = 0; step < KEYS / 16; ++step) {
      // The accumulator layout of two score tiles is the A layout of 16 keys.
      const float(&left)[4] = scores[2 * step], (&right)[4] = scores[2 * step + 1];
      u32 p[4] = {packBF16(left[0], left[1]), packBF16(left[2], left[3]), packBF16(right[0], right[1]),
                  packBF16(right[2], right[3])};
#pragma unroll
      for (int block = 0; block < blocks; ++block) {
        u32 b[4];
        Tile::values(b, tile, step * 16, block);
        mmaBF16(out[2 * block], p, b[0], b[1]);
        mmaBF16(out[2 * block + 1], p, b[2], b[3]);
      }
    }
  }

  __device__ void finishSums() {
#pragma unroll
    for (int row = 0; row < 2; ++row)
      sum[row] = reduceLanes<Sum, 4>(sum[row]);
  }

  /// Calls store(row 0 or 1, element, value, next element's value) for a lane's outputs times scale[row].
  template <typename Store> __device__ void output(const float (&scale)[2], Store store) const {
#pragma unroll
    for (int row = 0; row < 2; ++row)
#pragma unroll
      for (int block = 0; block < blocks; ++block)
        Tile::output(out[2 * block][2 * row] * scale[row], out[2 * block][2 * row + 1] * scale[row],
                     out[2 * block + 1][2 * row] * scale[row], out[2 * block + 1][2 * row + 1] * scale[row], block,
                     [&](int element, float a, float b) { store(row, element, a, b); });
  }
};

} // namespace qcc
