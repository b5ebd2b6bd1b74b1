//===- gather.cuh - Rows by index -----------------------------------------===//
//
// Formula    : y[r, c] = table[index[r], c]
// Arguments  : table, index, y
// Layouts    : table: bf16, pitch TABLE_PITCH | index: i32 [rows] | y: bf16 [rows, COLUMNS], pitch
//              rowPitch
// Grid       : (rows, ceil(COLUMNS / (8 * threads)))
// Shared mem : none
// Warp roles : all alike
// Requires   : the caller has checked the indices against the table's rows
// Tolerance  : exact
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/row.cuh"

namespace qcc {

template <typename P> __device__ inline void gather(const u16 *table, const int *index, u16 *y) {
  constexpr bool aligned = P::TABLE_PITCH % kVector == 0;
  int first = int(blockIdx.y * P::WARPS * kWarpSize + threadIdx.x) * kVector;
  if (first >= P::COLUMNS)
    return;
  i64 row = blockIdx.x;
  BF16x8 vector = loadRow<P::COLUMNS, aligned>(table + i64(index[row]) * P::TABLE_PITCH, first);
  storeRow<P::COLUMNS>(y + row * rowPitch<2>(P::COLUMNS), first, vector);
}

} // namespace qcc
