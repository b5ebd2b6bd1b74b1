//===- normalize.cuh - RMSNorm, with optional residual sum and codes ------===//
//
// Formula    : s = bf16(x + residual)  (or s = x)
//              r = 1 / sqrt(mean(s^2) + eps), the sum in f32 in a fixed order
//              y = bf16(s * r * weight)
//              quantized: codes and scales of y as in common/quantize.cuh
// Arguments  : x, [residual, sum], weight, y, [y_scale | static_scale], rows
// Layouts    : x, residual, sum, y: bf16 [rows, GROUPS * COLUMNS], pitch rowPitch; `sum`
//              may be the same buffer as x or residual; y quantized: bytes, pitch rowPitch
//              weight: bf16 [COLUMNS] | static_scale: f32 [1]
//              y_scale: f32 [rows], per group [rows, ceil(COLUMNS / 128)], pitch rowPitch
// Grid       : ceil(rows * GROUPS / ROWS_PER_BLOCK) blocks
// Shared mem : one f32 per warp for each reduction
// Warp roles : WARPS_PER_ROW warps hold one row in registers (one read, one write); with one warp
//              per row a block takes ROWS_PER_BLOCK rows and needs no barrier.
// Requires   : COLUMNS <= 32 * 32 * WARPS_PER_ROW; COLUMNS % 8 == 0 if GROUPS > 1 (each group then
//              starts 16-byte aligned); no quantization of groups
// Tolerance  : one bf16 rounding; codes and scale equal lib/Quant bit for bit on the same y
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/quantize.cuh"

namespace qcc {

struct NormalizeArgs {
  const u16 *x, *residual;
  u16 *sum;
  const u16 *weight;
  void *y;
  QuantScales scales;
  int rows;
};

template <typename P> __device__ inline void normalize(const NormalizeArgs &args) {
  constexpr int lanesPerRow = P::WARPS_PER_ROW * kWarpSize;
  constexpr int vectors = ceilDiv(P::COLUMNS, kVector * lanesPerRow); // held by one thread
  constexpr i64 pitch = rowPitch<2>(i64(P::COLUMNS) * P::GROUPS);
  using Q = Quantizer<P::QUANTIZE>;
  static_assert(P::WARPS_PER_ROW == 1 || P::ROWS_PER_BLOCK == 1, "several warps per row use block barriers");
  static_assert(vectors <= 4, "a row must fit the registers of its warps");
  static_assert(P::GROUPS == 1 || (P::COLUMNS % kVector == 0 && !Q::quantizes), "groups must start aligned");

  __shared__ float squareScratch[P::WARPS_PER_ROW], magnitudeScratch[P::WARPS_PER_ROW];
  int lane = threadIdx.x % lanesPerRow;
  i64 index = i64(blockIdx.x) * P::ROWS_PER_BLOCK + threadIdx.x / lanesPerRow;
  if (index >= i64(args.rows) * P::GROUPS)
    return; // whole warps, and with several warps per row the whole block
  i64 row = index / P::GROUPS;
  i64 base = row * pitch + index % P::GROUPS * P::COLUMNS;

  // Read the row once; everything after stays in registers.
  BF16x8 held[vectors];
  float squares = 0;
#pragma unroll
  for (int i = 0; i < vectors; ++i) {
    int first = (i * lanesPerRow + lane) * kVector;
    held[i] = first < P::COLUMNS ? loadRow<P::COLUMNS>(args.x + base, first) : BF16x8{};
    if constexpr (P::ADD_RESIDUAL) {
      if (first < P::COLUMNS) {
        BF16x8 residual = loadRow<P::COLUMNS>(args.residual + base, first);
#pragma unroll
        for (int j = 0; j < 4; ++j)
          held[i].pair[j] = packBF16(bf16LowToFloat(held[i].pair[j]) + bf16LowToFloat(residual.pair[j]),
                                     bf16HighToFloat(held[i].pair[j]) + bf16HighToFloat(residual.pair[j]));
        storeRow<P::COLUMNS>(args.sum + base, first, held[i]);
      }
    }
    float values[kVector];
    unpack(held[i], values);
#pragma unroll
    for (int j = 0; j < kVector; ++j)
      squares += values[j] * values[j];
  }
  squares = reduceBlock<Sum, P::WARPS_PER_ROW>(squares, squareScratch);
  float factor = __fdiv_rn(1.0f, __fsqrt_rn(__fdiv_rn(squares, float(P::COLUMNS)) + P::EPS));

  float amax = 0;
#pragma unroll
  for (int i = 0; i < vectors; ++i) {
    int first = (i * lanesPerRow + lane) * kVector;
    if (first < P::COLUMNS) {
      float values[kVector], weights[kVector];
      unpack(held[i], values);
      unpack(loadRow<P::COLUMNS>(args.weight, first), weights);
#pragma unroll
      for (int j = 0; j < kVector; ++j)
        values[j] = values[j] * factor * weights[j];
      held[i] = pack(values);
      if constexpr (Q::perRow)
        amax = Q::magnitude(held[i], amax);
      else if constexpr (!Q::quantizes)
        storeRow<P::COLUMNS>(static_cast<u16 *>(args.y) + base, first, held[i]);
    }
  }

  if constexpr (Q::quantizes) {
    u8 *codes = static_cast<u8 *>(args.y) + row * rowPitch<1>(P::COLUMNS);
    float scale = 0;
    if constexpr (Q::perRow) {
      scale = Q::scale(reduceBlock<typename Q::Max, P::WARPS_PER_ROW>(amax, magnitudeScratch));
      if (lane == 0)
        args.scales.written[row] = scale;
    }
#pragma unroll
    for (int i = 0; i < vectors; ++i) {
      int first = (i * lanesPerRow + lane) * kVector;
      if constexpr (!Q::perRow)
        quantizeVector<P::QUANTIZE, P::COLUMNS>(held[i], first, row, codes, args.scales);
      else if (first < P::COLUMNS)
        storeCodes<P::COLUMNS>(codes, first, Q::codes(held[i], scale));
    }
  }
}

} // namespace qcc
