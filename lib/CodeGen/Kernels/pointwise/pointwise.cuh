//===- pointwise.cuh - A scalar program over rows, optionally to codes ----===//
//
// Formula    : y[t, c] = bf16(Problem::apply({in0[t, c], in1[t, c], ...})), all arithmetic in f32
//              quantized: codes and scales of y as in common/quantize.cuh
// Arguments  : input0, input1, ..., y, [y_scale | static_scale]
// Layouts    : input i: bf16, element [t, c] at t * pitch(i) + offset(i) + c
//              y: bf16 or codes [rows, COLUMNS], pitch rowPitch | static_scale: f32 [1]
//              y_scale: f32 [rows], per group [rows, ceil(COLUMNS / 128)], pitch rowPitch
// Grid       : (rows, ceil(COLUMNS / (8 * threads))); with a scale per row one block per row, which
//              holds it in registers, or computes it twice when it is too wide for that
// Shared mem : one f32 per warp (scale per row)
// Warp roles : all alike
// Requires   : nothing; inputs whose pitch or offset is no multiple of 8 are read element by
//              element
// Tolerance  : that of the program; codes and scale equal lib/Quant bit for bit on the same y
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/quantize.cuh"

namespace qcc {

template <int INPUTS> struct PointwiseArgs {
  const u16 *inputs[INPUTS];
  void *y;
  QuantScales scales;
};

/// Eight results from column `first` on; missing columns of a short last vector give +0 so that they never raise the
/// maximum.
template <typename P> __device__ inline BF16x8 applyProgram(const PointwiseArgs<P::INPUTS> &args, i64 row, int first) {
  float operands[kVector][P::INPUTS];
#pragma unroll
  for (int i = 0; i < P::INPUTS; ++i) {
    const u16 *source = args.inputs[i] + row * P::pitch(i) + P::offset(i);
    float values[kVector];
    // Both cases are compiled, one is left: the choice is by constants.
    if (P::pitch(i) % kVector == 0 && P::offset(i) % kVector == 0)
      unpack(loadRow<P::COLUMNS, true>(source, first), values);
    else
      unpack(loadRow<P::COLUMNS, false>(source, first), values);
#pragma unroll
    for (int j = 0; j < kVector; ++j)
      operands[j][i] = values[j];
  }
  float results[kVector];
#pragma unroll
  for (int j = 0; j < kVector; ++j)
    results[j] = first + j < P::COLUMNS ? P::apply(operands[j]) : 0.0f;
  return pack(results);
}

template <typename P> __device__ inline void pointwise(const PointwiseArgs<P::INPUTS> &args) {
  using Q = Quantizer<P::QUANTIZE>;
  constexpr int threads = P::WARPS * kWarpSize;
  i64 row = blockIdx.x;
  u8 *codes = static_cast<u8 *>(args.y) + row * rowPitch<1>(P::COLUMNS);

  if constexpr (!Q::perRow) {
    int first = int(blockIdx.y * threads + threadIdx.x) * kVector;
    if constexpr (Q::quantizes)
      quantizeVector<P::QUANTIZE, P::COLUMNS>(first < P::COLUMNS ? applyProgram<P>(args, row, first) : BF16x8{}, first,
                                              row, codes, args.scales);
    else if (first < P::COLUMNS)
      storeRow<P::COLUMNS>(static_cast<u16 *>(args.y) + row * rowPitch<2>(P::COLUMNS), first,
                           applyProgram<P>(args, row, first));
  } else {
    constexpr int vectors = ceilDiv(P::COLUMNS, kVector * threads); // held by one thread
    constexpr bool holds = vectors <= 4;
    __shared__ float scratch[P::WARPS];
    BF16x8 held[holds ? vectors : 1];
    float amax = 0;
#pragma unroll(holds ? vectors : 1)
    for (int i = 0; i < vectors; ++i) {
      int first = (i * threads + int(threadIdx.x)) * kVector;
      BF16x8 vector = first < P::COLUMNS ? applyProgram<P>(args, row, first) : BF16x8{};
      amax = Q::magnitude(vector, amax);
      held[holds ? i : 0] = vector;
    }
    float scale = Q::scale(reduceBlock<typename Q::Max, P::WARPS>(amax, scratch));
#pragma unroll(holds ? vectors : 1)
    for (int i = 0; i < vectors; ++i) {
      int first = (i * threads + int(threadIdx.x)) * kVector;
      if (first < P::COLUMNS)
        storeCodes<P::COLUMNS>(codes, first,
                               Q::codes(holds ? held[holds ? i : 0] : applyProgram<P>(args, row, first), scale));
    }
    if (threadIdx.x == 0)
      args.scales.written[row] = scale;
  }
}

} // namespace qcc
