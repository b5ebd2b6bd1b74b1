//===- gather.cuh - Rows by index -----------------------------------------===//
//
// Formula    : y[r, c] = table[index[r], c]; of codes bf16(f32(code) * scale[index[r]])
// Arguments  : table, [table_scale], index, y
// Layouts    : table: bf16, e4m3 or s8, pitch TABLE_PITCH | table_scale: f32, one per row of the table
//              index: i32 [rows] | y: bf16 [rows, COLUMNS], pitch rowPitch
// Grid       : (rows, ceil(COLUMNS / (8 * threads)))
// Shared mem : none
// Warp roles : all alike
// Requires   : the caller has checked the indices against the table's rows
// Tolerance  : exact
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/row.cuh"
#include "common/s8.cuh"

namespace qcc {

enum class GatherTable { BF16, E4M3, S8 };

struct GatherArgs {
  const void *table;
  const float *scale;
  const int *index;
  u16 *y;
};

/// Four codes times their scale, rounded to bf16.
template <GatherTable TABLE> __device__ inline uint2 scaleCodes(u32 codes, float scale) {
  float v[4];
  if constexpr (TABLE == GatherTable::E4M3) {
    u32 low = decodeE4M3Pair<0x1404>(codes), high = decodeE4M3Pair<0x3424>(codes);
    v[0] = bf16LowToFloat(low), v[1] = bf16HighToFloat(low);
    v[2] = bf16LowToFloat(high), v[3] = bf16HighToFloat(high);
  } else {
    v[0] = decodeS8<0>(codes), v[1] = decodeS8<1>(codes), v[2] = decodeS8<2>(codes), v[3] = decodeS8<3>(codes);
  }
  return make_uint2(packBF16(v[0] * scale, v[1] * scale), packBF16(v[2] * scale, v[3] * scale));
}

template <typename P> __device__ inline void gather(const GatherArgs &args) {
  int first = int(blockIdx.y * P::WARPS * kWarpSize + threadIdx.x) * kVector;
  if (first >= P::COLUMNS)
    return;
  i64 row = blockIdx.x, source = args.index[row];
  BF16x8 vector;
  if constexpr (P::TABLE == GatherTable::BF16) {
    constexpr bool aligned = P::TABLE_PITCH % kVector == 0;
    vector = loadRow<P::COLUMNS, aligned>(static_cast<const u16 *>(args.table) + source * P::TABLE_PITCH, first);
  } else {
    uint2 codes = loadCodes<P::COLUMNS, P::TABLE_PITCH % kVector == 0>(
        static_cast<const u8 *>(args.table) + source * P::TABLE_PITCH, first);
    float scale = args.scale[source];
    uint2 low = scaleCodes<P::TABLE>(codes.x, scale), high = scaleCodes<P::TABLE>(codes.y, scale);
    vector = BF16x8{{low.x, low.y, high.x, high.y}};
  }
  storeRow<P::COLUMNS>(args.y + row * rowPitch<2>(P::COLUMNS), first, vector);
}

} // namespace qcc
