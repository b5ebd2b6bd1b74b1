//===- scales.cuh - Scales of groups of columns, and zero points ----------===//
//
// Converted weights have bf16 scales [groups][rows], so that the eight rows of a chunk of 16 bytes are adjacent.
// Block-scaled weights have one f32 per 128 x 128 weights, X one per token and 128 columns. All of them travel with
// their slice. What lies beyond the weight or the tokens becomes zero and meets products that are zero.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "gemm/shape.cuh"
#include "ptx/async_copy.cuh"

namespace qcc {

template <typename P> struct GroupScales {
  using Shape = GemmShape<P>;

  /// First group that a slice touches.
  __device__ static int firstGroup(int slice) { return slice * Shape::sliceUnits / Shape::groupUnits; }

  /// Starts copying the bf16 values (scales or zero points) of the groups that the slice touches:
  /// [sliceGroups][rows of the warp].
  __device__ static void copyValues(u32 stage, const u16 *values, int firstRowTile, int slice) {
    constexpr int chunks = Shape::rowTiles * 2; // of eight rows
    for (int i = threadIdx.x % kWarpSize; i < Shape::sliceGroups * chunks; i += kWarpSize) {
      int group = firstGroup(slice) + i / chunks, row = firstRowTile * kTileRows + i % chunks * 8;
      copyAsync16(stage + i * 16, values + i64(group) * Shape::rowsPadded + row,
                  group < Shape::groups && row < Shape::rowsPadded);
    }
  }

  /// The same of block scales: f32 [sliceGroups][row tiles of the warp], up to whole 16 bytes, since the compiler may
  /// join loads.
  __device__ static void copyBlocks(u32 stage, const float *scales, int firstRowTile, int slice) {
    for (int i = threadIdx.x % kWarpSize; i < Shape::scaleBytes / 4; i += kWarpSize) {
      int group = firstGroup(slice) + i / Shape::rowTiles;
      int rowBlock = (firstRowTile + i % Shape::rowTiles) / (kScaleBlock / kTileRows);
      copyAsync4(stage + i * 4, scales + i64(rowBlock) * Shape::groups + group,
                 group < Shape::groups && rowBlock < ceilDiv(P::N, kScaleBlock));
    }
  }

  /// X's scales of the slice by the WARPS_M warps that share it: f32 [sliceGroups][BLOCK_N].
  __device__ static void copyTokenScales(u32 stage, const float *scales, int firstToken, int rows, int slice,
                                         int thread) {
    constexpr int pitch = ceilDiv(Shape::groups, 4) * 4;
    for (int i = thread; i < Shape::sliceGroups * P::BLOCK_N; i += P::WARPS_M * kWarpSize) {
      int group = firstGroup(slice) + i / P::BLOCK_N, token = firstToken + i % P::BLOCK_N;
      copyAsync4(stage + i * 4, scales + i64(token) * pitch + group, group < Shape::groups && token < rows);
    }
  }
};

} // namespace qcc
