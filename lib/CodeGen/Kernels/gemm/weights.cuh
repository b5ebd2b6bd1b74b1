//===- weights.cuh - Weight tiles: from memory to A fragments -------------===//
//
// Every lane copies exactly the 16 bytes of a tile that it will use, so the copies of weights need no barrier. Tiles
// beyond the padded weight are zeros and their source is not read.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "gemm/shape.cuh"
#include "ptx/async_copy.cuh"
#include "ptx/mma_bf16.cuh"
#include "ptx/mma_e4m3.cuh"

namespace qcc {

struct Tile16 {
  u32 word[4]; ///< a lane's part of a tile
};

__device__ inline Tile16 loadTile(u32 address) {
  Tile16 tile;
  asm volatile("ld.shared.v4.b32 {%0,%1,%2,%3}, [%4];"
               : "=r"(tile.word[0]), "=r"(tile.word[1]), "=r"(tile.word[2]), "=r"(tile.word[3])
               : "r"(address)
               : "memory");
  return tile;
}

template <typename P> struct Weights {
  using Shape = GemmShape<P>;

  /// Starts copying a slice (one that exists) of the warp's row tiles to `stage`.
  __device__ static void copy(u32 stage, const u8 *weights, int firstRowTile, int slice) {
    constexpr bool wholeBlocks = Shape::rowsPadded % P::BLOCK_M == 0, wholeSlices = Shape::colsPadded % P::BLOCK_K == 0;
    int lane = threadIdx.x % kWarpSize, firstColTile = slice * Shape::sliceTiles;
    const u8 *from = weights + (i64(firstRowTile) * Shape::weightColTiles + firstColTile) * kTileBytes + lane * 16;
#pragma unroll
    for (int i = 0; i < Shape::rowTiles; ++i)
#pragma unroll
      for (int j = 0; j < Shape::sliceTiles; ++j) {
        bool valid = (wholeBlocks || firstRowTile + i < Shape::weightRowTiles) &&
                     (wholeSlices || firstColTile + j < Shape::weightColTiles);
        copyAsync16(stage + (i * Shape::sliceTiles + j) * kTileBytes + lane * 16,
                    from + (i64(i) * Shape::weightColTiles + j) * kTileBytes, valid);
      }
  }

  /// Starts copying the scales of the groups that the slice touches: bf16 [sliceGroups][rows of the warp].
  __device__ static void copyScales(u32 stage, const u16 *scales, int firstRowTile, int slice) {
    constexpr int chunks = Shape::rowTiles * 2; // of eight rows
    int firstGroup = slice * Shape::sliceUnits / Shape::groupUnits;
    for (int i = threadIdx.x % kWarpSize; i < Shape::sliceGroups * chunks; i += kWarpSize) {
      int group = firstGroup + i / chunks, row = firstRowTile * kTileRows + i % chunks * 8;
      copyAsync16(stage + i * 16, scales + i64(group) * Shape::rowsPadded + row,
                  group < Shape::groups && row < Shape::rowsPadded);
    }
  }

  /// A fragment of unit `unit` of a tile.
  __device__ static void fragment(u32 (&a)[4], const Tile16 &tile, int unit) {
    if constexpr (Shape::s4) {
#pragma unroll
      for (int r = 0; r < 4; ++r) {
        // 0x4300 is 128 in bf16, whose last mantissa bit is 1: with a code in the low bits it is exactly 128 + code.
        // The fma takes 128 and the offset 8 of the offset binary code away, exactly.
        u32 biased;
        asm("lop3.b32 %0, %1, 0x000f000f, 0x43004300, 0xea;" : "=r"(biased) : "r"(tile.word[unit] >> (4 * r)));
        asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(a[r]) : "r"(biased), "r"(0x3f803f80u), "r"(0xc308c308u));
      }
    } else {
#pragma unroll
      for (int r = 0; r < 4; ++r)
        a[r] = tile.word[r];
    }
  }

  __device__ static void multiply(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    if constexpr (Shape::e4m3)
      mmaE4M3(c, a, b0, b1);
    else
      mmaBF16(c, a, b0, b1);
  }
};

} // namespace qcc
