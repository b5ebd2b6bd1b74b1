//===- weights.cuh - Weight tiles: from memory to A fragments -------------===//
//
// Every lane copies exactly the 16 bytes of a tile that it will use, so the copies of weights need no barrier. Tiles
// beyond the padded weight are zeros and their source is not read. Metadata of 2:4 weights (four bytes per lane and
// block) is copied in chunks of 16 bytes by other lanes of the same warp.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "gemm/convert.cuh"
#include "gemm/shape.cuh"
#include "ptx/async_copy.cuh"

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
  static constexpr bool wholeBlocks = Shape::rowsPadded % P::BLOCK_M == 0;
  static constexpr bool wholeSlices = Shape::colsPadded % P::BLOCK_K == 0;

  /// Starts copying a slice (one that exists) of the warp's row tiles to `stage`.
  __device__ static void copy(u32 stage, const u8 *weights, int firstRowTile, int slice) {
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

  /// The same of the metadata: [row tile][block]. Zeros would name a column twice, which is undefined, so weights beyond
  /// the matrix (zeros) get the metadata of its first block.
  __device__ static void copyMetadata(u32 stage, const u8 *metadata, int firstRowTile, int slice) {
    constexpr int perTile = Shape::metadataBlocks * (kMetadataBytes / 16), blocks = Shape::colsPadded / kMetadataCols;
    for (int i = threadIdx.x % kWarpSize; i < Shape::rowTiles * perTile; i += kWarpSize) {
      int rowTile = firstRowTile + i / perTile, chunk = i % perTile;
      int block = slice * Shape::metadataBlocks + chunk / (kMetadataBytes / 16);
      bool valid = (wholeBlocks || rowTile < Shape::weightRowTiles) && (wholeSlices || block < blocks);
      i64 from = valid ? i64(rowTile) * blocks + block : 0;
      copyAsync16(stage + i * 16, metadata + from * kMetadataBytes + chunk % (kMetadataBytes / 16) * 16, true);
    }
  }

  /// A lane's metadata of block `block` of the slice.
  __device__ static u32 metadata(const u8 *stage, int rowTile, int block) {
    constexpr int blockWords = kMetadataBytes / 4;
    const u32 *words = reinterpret_cast<const u32 *>(stage) + (rowTile * Shape::metadataBlocks + block) * blockWords;
    return words[threadIdx.x % kWarpSize];
  }

  /// A fragment of unit `unit` of a tile. `bias`: of S4Zero, for rows g and g + 8 (convert.cuh).
  __device__ static void fragment(u32 (&a)[4], const Tile16 &tile, int unit, const u32 (&bias)[2]) {
    if constexpr (Shape::format == WeightFormat::S4 || Shape::zeros) {
      a[0] = convertS4<0>(tile.word[unit], Shape::zeros ? bias[0] : kMinus136BF16x2);
      a[1] = convertS4<1>(tile.word[unit], Shape::zeros ? bias[1] : kMinus136BF16x2);
      a[2] = convertS4<2>(tile.word[unit], Shape::zeros ? bias[0] : kMinus136BF16x2);
      a[3] = convertS4<3>(tile.word[unit], Shape::zeros ? bias[1] : kMinus136BF16x2);
    } else if constexpr (Shape::format == WeightFormat::S4E4M3) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        a[2 * half] = convertS4ToE4M3<0>(tile.word[unit * 2 + half]);
        a[2 * half + 1] = convertS4ToE4M3<1>(tile.word[unit * 2 + half]);
      }
    } else if constexpr (Shape::format == WeightFormat::S8) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        a[2 * half] = convertS8<0>(tile.word[unit * 2 + half]);
        a[2 * half + 1] = convertS8<1>(tile.word[unit * 2 + half]);
      }
    } else {
#pragma unroll
      for (int r = 0; r < 4; ++r)
        a[r] = tile.word[r];
    }
  }
};

} // namespace qcc
