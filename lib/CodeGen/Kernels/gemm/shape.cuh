//===- shape.cuh - Sizes that follow from a problem's constants -----------===//
//
// A unit is the K of one tensor-core product: 32 bytes of a row of X (16 columns of bf16, 32 of e4m3 or s8), 64 bytes
// with 2:4 sparse weights. A slice is BLOCK_K columns, the part of K that one warp does between two waits. A weight
// tile is 512 bytes, 16 per lane (lib/Quant/Layout.h).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

/// Storage of weights and, where not bf16, of X (KernelDesc.h).
enum class WeightFormat { BF16, E4M3, S4, E4M3Block, S8, S4Zero, S4E4M3, S8A8, BF16Sparse, E4M3Sparse, S8Sparse };

inline constexpr int kTileRows = 16;
inline constexpr int kTileBytes = 512;
inline constexpr int kWeightPad = 64; ///< rows and columns of the packed weight are padded to multiples of it
inline constexpr int kScaleBlock = 128; ///< rows and columns of W that share a scale (E4M3Block)
inline constexpr int kMetadataCols = 64, kMetadataBytes = 128; ///< one block of metadata: 16 rows

template <bool INTEGER> struct AccumulatorOf {
  using type = float;
};
template <> struct AccumulatorOf<true> {
  using type = int;
};

template <typename P> struct GemmShape {
  using Format = WeightFormat;
  static constexpr Format format = P::FORMAT;
  static constexpr bool sparse =
      format == Format::BF16Sparse || format == Format::E4M3Sparse || format == Format::S8Sparse;
  static constexpr bool blockScaled = format == Format::E4M3Block;
  static constexpr bool zeros = format == Format::S4Zero;
  /// What the tensor core multiplies; else bf16.
  static constexpr bool s8Products = format == Format::S8A8 || format == Format::S8Sparse;
  static constexpr bool e4m3Products =
      format == Format::E4M3 || blockScaled || format == Format::S4E4M3 || format == Format::E4M3Sparse;
  /// Weights are integer codes that become X's type in registers.
  static constexpr bool s4 = format == Format::S4 || zeros || format == Format::S4E4M3;
  static constexpr bool converted = s4 || format == Format::S8;
  /// One scale per row of W: f32 with codes of X's own type, bf16 with converted ones that have no groups.
  static constexpr bool channelF32 = format == Format::E4M3 || s8Products || format == Format::E4M3Sparse;
  static constexpr bool channelBF16 = converted && P::GROUP == 0;
  /// One scale per row of X, or one for all of it.
  static constexpr bool tokenScaled = channelF32 || format == Format::S4E4M3;
  using Accumulator = typename AccumulatorOf<s8Products>::type;

  static constexpr int elementBytes = e4m3Products || s8Products ? 1 : 2; ///< of X
  static constexpr i64 pitch = i64(ceilDiv(P::K * elementBytes, 16)) * (16 / elementBytes);

  static constexpr int unitBytes = sparse ? 64 : 32;
  static constexpr int unitCols = unitBytes / elementBytes;
  static constexpr int rowsPadded = ceilDiv(P::N, kWeightPad) * kWeightPad;
  static constexpr int colsPadded = ceilDiv(P::K, kWeightPad) * kWeightPad;
  static constexpr int tileCols = s4 ? 64 : format == Format::S8 ? 32 : unitCols;
  static constexpr int unitsPerTile = tileCols / unitCols;
  static constexpr int weightRowTiles = rowsPadded / kTileRows;
  static constexpr int weightColTiles = colsPadded / tileCols;

  static constexpr int rowTiles = P::BLOCK_M / P::WARPS_M / kTileRows; ///< of one warp
  static constexpr int tokenTiles = P::BLOCK_N / 8;
  static constexpr int sliceTiles = P::BLOCK_K / tileCols;
  static constexpr int slices = ceilDiv(colsPadded, P::BLOCK_K);
  static constexpr int steps = ceilDiv(slices, P::WARPS_K);
  static constexpr int threads = P::WARPS_M * P::WARPS_K * kWarpSize;

  // Scales of groups of columns: the products of a group are summed apart. A slice of U units touches at most
  // (U + G - 2) / G + 1 groups of G units. Zero points of a whole row are one group too.
  static constexpr bool grouped = P::GROUP != 0;
  static constexpr int sliceUnits = P::BLOCK_K / unitCols;
  static constexpr int groupUnits = grouped ? P::GROUP / unitCols : slices * sliceUnits;
  static constexpr bool groupsAligned = sliceUnits % groupUnits == 0 || groupUnits % sliceUnits == 0;
  static constexpr int sliceGroups =
      groupsAligned ? ceilDiv(sliceUnits, groupUnits) : (sliceUnits + groupUnits - 2) / groupUnits + 1;
  static constexpr int groups = grouped ? ceilDiv(P::K, P::GROUP) : 1;

  // One stage of the pipeline in shared memory: per K-warp its slice of X and, with block scales, X's scales; then per
  // warp its weights, metadata, scales and zero points.
  static constexpr int activationBytes = P::BLOCK_N * P::BLOCK_K * elementBytes;
  static constexpr int xScaleBytes = blockScaled ? sliceGroups * P::BLOCK_N * 4 : 0;
  static constexpr int weightBytes = rowTiles * sliceTiles * kTileBytes;
  static constexpr int metadataBlocks = sparse ? P::BLOCK_K / kMetadataCols : 0; ///< of a row tile in a slice
  static constexpr int metadataBytes = rowTiles * metadataBlocks * kMetadataBytes;
  static constexpr int groupValueBytes = sliceGroups * rowTiles * kTileRows * 2; ///< bf16 [sliceGroups][warp's rows]
  static constexpr int scaleBytes = !grouped      ? 0
                                    : blockScaled ? ceilDiv(sliceGroups * rowTiles, 4) * 16
                                                  : groupValueBytes;
  static constexpr int zeroBytes = zeros ? groupValueBytes : 0;
  static constexpr int warpBytes = weightBytes + metadataBytes + scaleBytes + zeroBytes;
  static constexpr int sliceBytes = activationBytes + xScaleBytes + P::WARPS_M * warpBytes;
  static constexpr int stageBytes = P::WARPS_K * sliceBytes;

  static_assert(P::BLOCK_K == 64 || P::BLOCK_K == 128 || P::BLOCK_K == 256,
                "a slice must hold whole weight tiles of every format, and a power of two of X's chunks");
  static_assert((P::WARPS_M & (P::WARPS_M - 1)) == 0, "the row warps must share the copying of X evenly");
  static_assert(P::BLOCK_M % (P::WARPS_M * kTileRows) == 0, "a warp must own whole row tiles");
  static_assert(P::BLOCK_N == 8 || P::BLOCK_N % 16 == 0, "token tiles are loaded in pairs");
  static_assert(!grouped || P::GROUP % unitCols == 0, "a group must hold whole products");
  static_assert(blockScaled ? P::GROUP == kScaleBlock : converted || !grouped, "the format has no scales of groups");
  static_assert(P::STAGES >= 2, "copies must run ahead of the products");
};

} // namespace qcc
