//===- shape.cuh - Sizes that follow from a problem's constants -----------===//
//
// A unit is 32 bytes of a row of X: the K of one tensor-core product (16 columns of bf16, 32 of e4m3). A slice is
// BLOCK_K columns, the part of K that one warp does between two waits. A weight tile is 512 bytes, 16 per lane
// (lib/Quant/Layout.h).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

enum class WeightFormat { BF16, E4M3, S4 };

inline constexpr int kTileRows = 16;
inline constexpr int kTileBytes = 512;
inline constexpr int kWeightPad = 64; ///< rows and columns of the packed weight are padded to multiples of it
inline constexpr int kUnitBytes = 32;

template <typename P> struct GemmShape {
  static constexpr bool e4m3 = P::FORMAT == WeightFormat::E4M3, s4 = P::FORMAT == WeightFormat::S4;

  static constexpr int elementBytes = e4m3 ? 1 : 2; ///< of X
  static constexpr i64 pitch = i64(ceilDiv(P::K * elementBytes, 16)) * (16 / elementBytes);

  static constexpr int rowsPadded = ceilDiv(P::N, kWeightPad) * kWeightPad;
  static constexpr int colsPadded = ceilDiv(P::K, kWeightPad) * kWeightPad;
  static constexpr int tileCols = s4 ? 64 : e4m3 ? 32 : 16;
  static constexpr int unitsPerTile = s4 ? 4 : 1;
  static constexpr int weightRowTiles = rowsPadded / kTileRows;
  static constexpr int weightColTiles = colsPadded / tileCols;

  static constexpr int rowTiles = P::BLOCK_M / P::WARPS_M / kTileRows; ///< of one warp
  static constexpr int tokenTiles = P::BLOCK_N / 8;
  static constexpr int sliceTiles = P::BLOCK_K / tileCols;
  static constexpr int slices = ceilDiv(colsPadded, P::BLOCK_K);
  static constexpr int steps = ceilDiv(slices, P::WARPS_K);
  static constexpr int threads = P::WARPS_M * P::WARPS_K * kWarpSize;

  // Group scales (S4). A slice of U units touches at most (U + G - 2) / G + 1 groups of G units.
  static constexpr int sliceUnits = P::BLOCK_K * elementBytes / kUnitBytes;
  static constexpr int groupUnits = s4 ? P::GROUP / 16 : 1;
  static constexpr bool groupsAligned = sliceUnits % groupUnits == 0 || groupUnits % sliceUnits == 0;
  static constexpr int sliceGroups =
      groupsAligned ? ceilDiv(sliceUnits, groupUnits) : (sliceUnits + groupUnits - 2) / groupUnits + 1;
  static constexpr int groups = s4 ? ceilDiv(P::K, P::GROUP) : 0;

  // One stage of the pipeline in shared memory: per K-warp its slice of X, then per warp its weights and scales.
  static constexpr int activationBytes = P::BLOCK_N * P::BLOCK_K * elementBytes;
  static constexpr int weightBytes = rowTiles * sliceTiles * kTileBytes;
  static constexpr int scaleBytes = s4 ? sliceGroups * rowTiles * kTileRows * 2 : 0;
  static constexpr int stageBytes = P::WARPS_K * (activationBytes + P::WARPS_M * (weightBytes + scaleBytes));

  static_assert(P::BLOCK_K % 64 == 0, "a slice must hold whole weight tiles of every format");
  static_assert(P::BLOCK_M % (P::WARPS_M * kTileRows) == 0, "a warp must own whole row tiles");
  static_assert(P::BLOCK_N == 8 || P::BLOCK_N % 16 == 0, "token tiles are loaded in pairs");
  static_assert(!s4 || P::GROUP % 16 == 0, "a group must hold whole products");
  static_assert(P::STAGES >= 2, "copies must run ahead of the products");
};

} // namespace qcc
