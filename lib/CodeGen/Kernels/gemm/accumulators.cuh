//===- accumulators.cuh - A warp's products of one slice ------------------===//
#pragma once

#include "gemm/activations.cuh"
#include "gemm/scales.cuh"
#include "gemm/weights.cuh"
#include "ptx/mma_bf16.cuh"
#include "ptx/mma_e4m3.cuh"
#include "ptx/mma_s8.cuh"
#include "ptx/mma_sparse.cuh"

namespace qcc {

/// A slice in shared memory, as one warp sees it.
struct StagedSlice {
  u32 activations, weights; ///< addresses of shared memory
  const u8 *metadata;
  const void *scales;
  const u16 *zeros;
  const float *tokenScales;
};

template <typename P> struct Accumulators {
  using Shape = GemmShape<P>;
  using Value = typename Shape::Accumulator;
  Value c[Shape::rowTiles][Shape::tokenTiles][4];

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < Shape::rowTiles; ++i)
#pragma unroll
      for (int j = 0; j < Shape::tokenTiles; ++j)
        c[i][j][0] = c[i][j][1] = c[i][j][2] = c[i][j][3] = Value(0);
  }

  /// Adds the products of one dense unit.
  __device__ void multiply(const u32 (&a)[Shape::rowTiles][4], u32 activations, int unit) {
#pragma unroll
    for (int pair = 0; pair < ceilDiv(Shape::tokenTiles, 2); ++pair) {
      u32 b[4];
      Activations<P>::fragments(b, activations, unit, pair);
#pragma unroll
      for (int i = 0; i < Shape::rowTiles; ++i) {
        product(c[i][2 * pair], a[i], b[0], b[1]);
        if constexpr (P::BLOCK_N > 8)
          product(c[i][2 * pair + 1], a[i], b[2], b[3]);
      }
    }
  }

  /// Adds the products of one 2:4 sparse unit. The metadata of bf16 covers two units: `SECOND` chooses.
  template <int SECOND>
  __device__ void multiplySparse(const u32 (&a)[Shape::rowTiles][4], const u32 (&metadata)[Shape::rowTiles],
                                 u32 activations, int unit) {
#pragma unroll
    for (int j = 0; j < Shape::tokenTiles; ++j) {
      u32 b[4];
      Activations<P>::sparseFragments(b, activations, unit, j);
#pragma unroll
      for (int i = 0; i < Shape::rowTiles; ++i)
        if constexpr (Shape::s8Products)
          mmaSparseS8(c[i][j], a[i], b, metadata[i]);
        else if constexpr (Shape::e4m3Products)
          addE4M3(c[i][j], [&](Value(&sum)[4]) { mmaSparseE4M3(sum, a[i], b, metadata[i]); });
        else
          mmaSparseBF16<SECOND>(c[i][j], a[i], b, metadata[i]);
    }
  }

  /// Adds `part` times the bf16 scales of its group (the warp's rows at `scales`) and clears it.
  __device__ void addScaled(Accumulators &part, const u16 *scales) {
    int g = threadIdx.x % kWarpSize / 4;
#pragma unroll
    for (int i = 0; i < Shape::rowTiles; ++i) {
      float low = bf16ToFloat(scales[i * kTileRows + g]), high = bf16ToFloat(scales[i * kTileRows + g + 8]);
#pragma unroll
      for (int j = 0; j < Shape::tokenTiles; ++j) {
        c[i][j][0] = fmaf(part.c[i][j][0], low, c[i][j][0]);
        c[i][j][1] = fmaf(part.c[i][j][1], low, c[i][j][1]);
        c[i][j][2] = fmaf(part.c[i][j][2], high, c[i][j][2]);
        c[i][j][3] = fmaf(part.c[i][j][3], high, c[i][j][3]);
      }
    }
    part.clear();
  }

  /// The same with a scale per row tile and one per token.
  __device__ void addScaled(Accumulators &part, const float *rowScales, const float *tokenScales) {
    int t = threadIdx.x % 4;
#pragma unroll
    for (int j = 0; j < Shape::tokenTiles; ++j) {
      float2 token = *reinterpret_cast<const float2 *>(tokenScales + j * 8 + 2 * t);
#pragma unroll
      for (int i = 0; i < Shape::rowTiles; ++i) {
        float even = rowScales[i] * token.x, odd = rowScales[i] * token.y;
        c[i][j][0] = fmaf(part.c[i][j][0], even, c[i][j][0]);
        c[i][j][1] = fmaf(part.c[i][j][1], odd, c[i][j][1]);
        c[i][j][2] = fmaf(part.c[i][j][2], even, c[i][j][2]);
        c[i][j][3] = fmaf(part.c[i][j][3], odd, c[i][j][3]);
      }
    }
    part.clear();
  }

  __device__ void multiplySlice(const StagedSlice &staged, int slice) {
    int lane = threadIdx.x % kWarpSize, g = lane / 4;
    Accumulators part;
    if constexpr (Shape::grouped)
      part.clear();
    u32 bias[Shape::rowTiles][2] = {};
#pragma unroll
    for (int tile = 0; tile < Shape::sliceTiles; ++tile) {
      Tile16 tiles[Shape::rowTiles];
#pragma unroll
      for (int i = 0; i < Shape::rowTiles; ++i)
        tiles[i] = loadTile(staged.weights + (i * Shape::sliceTiles + tile) * kTileBytes + lane * 16);
#pragma unroll
      for (int j = 0; j < Shape::unitsPerTile; ++j) {
        int unit = tile * Shape::unitsPerTile + j;
        // The group in the slice; known when compiling if groups and slices are multiples of each other.
        int position = Shape::groupsAligned ? unit : slice * Shape::sliceUnits + unit;
        int group = position / Shape::groupUnits - (Shape::groupsAligned ? 0 : GroupScales<P>::firstGroup(slice));
        if constexpr (Shape::zeros)
          if (unit == 0 || position % Shape::groupUnits == 0) {
#pragma unroll
            for (int i = 0; i < Shape::rowTiles; ++i) {
              const u16 *zeros = staged.zeros + (group * Shape::rowTiles + i) * kTileRows + g;
              bias[i][0] = biasOfZero(zeros[0]);
              bias[i][1] = biasOfZero(zeros[8]);
            }
          }
        u32 a[Shape::rowTiles][4];
#pragma unroll
        for (int i = 0; i < Shape::rowTiles; ++i)
          Weights<P>::fragment(a[i], tiles[i], j, bias[i]);
        if constexpr (Shape::sparse) {
          constexpr int unitsPerBlock = kMetadataCols / Shape::unitCols;
          u32 metadata[Shape::rowTiles];
#pragma unroll
          for (int i = 0; i < Shape::rowTiles; ++i)
            metadata[i] = Weights<P>::metadata(staged.metadata, i, unit / unitsPerBlock);
          if (unit % unitsPerBlock)
            multiplySparse<1>(a, metadata, staged.activations, unit);
          else
            multiplySparse<0>(a, metadata, staged.activations, unit);
        } else if constexpr (Shape::grouped) {
          part.multiply(a, staged.activations, unit);
          if ((position + 1) % Shape::groupUnits == 0 || unit + 1 == Shape::sliceUnits) {
            if constexpr (Shape::blockScaled)
              addScaled(part, static_cast<const float *>(staged.scales) + group * Shape::rowTiles,
                        staged.tokenScales + group * P::BLOCK_N);
            else
              addScaled(part, static_cast<const u16 *>(staged.scales) + group * Shape::rowTiles * kTileRows);
          }
        } else {
          multiply(a, staged.activations, unit);
        }
      }
    }
  }

private:
  __device__ static void product(Value (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    if constexpr (Shape::s8Products)
      mmaS8(c, a, b0, b1);
    else if constexpr (Shape::e4m3Products)
      addE4M3(c, [&](Value(&sum)[4]) { mmaE4M3(sum, a, b0, b1); });
    else
      mmaBF16(c, a, b0, b1);
  }

  /// Adds what `mma` adds to its argument; of sm_89 by way of a sum of its own. Four more registers do for all tiles.
  template <typename Mma> __device__ static void addE4M3(Value (&c)[4], Mma mma) {
    if constexpr (kShortE4M3Sums) {
      Value sum[4] = {};
      mma(sum);
#pragma unroll
      for (int r = 0; r < 4; ++r)
        c[r] += sum[r];
    } else {
      mma(c);
    }
  }
};

} // namespace qcc
