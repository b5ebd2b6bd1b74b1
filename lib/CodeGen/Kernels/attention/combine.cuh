//===- combine.cuh - Joins the splits of decode attention -----------------===//
//
// Formula    : M = max_s m[s];  y = bf16(sum_s 2^(m[s] - M) o[s] / sum_s 2^(m[s] - M) l[s]), splits
//              in order
// Arguments  : workspace, seq_starts, context_lens, y
// Layouts    : workspace as in decode.cuh | y: bf16 [T, HEADS * D], pitch OUT_PITCH
// Grid       : (ceil(HEADS / WARPS), B)
// Shared mem : none
// Warp roles : one warp per (sequence, head); a lane has four neighbouring elements (two such quads
//              if D > 128)
// Requires   : the same MAX_SPLITS and WINDOW as the first stage
// Tolerance  : one bf16 rounding
//
//===----------------------------------------------------------------------===//
#pragma once

#include "attention/decode.cuh"

namespace qcc {

template <typename P>
__device__ inline void attentionCombine(const float *workspace, const int *seqStarts, const int *contextLens, u16 *y) {
  int sequence = blockIdx.y, head = int(blockIdx.x) * P::WARPS + threadIdx.x / kWarpSize,
      lane = threadIdx.x % kWarpSize;
  int start = seqStarts[sequence];
  if (head >= P::HEADS || seqStarts[sequence + 1] == start)
    return;
  SplitPlan<P> plan(contextLens[sequence]);
  const float *records = workspace + recordOffset<P>(sequence, head, 0);
  constexpr int stride = P::HEAD_DIM + 4;

  float best = minusInfinity();
  for (int split = 0; split < plan.splits; ++split)
    best = fmaxf(best, records[split * stride + P::HEAD_DIM]);

  constexpr int quads = P::HEAD_DIM / 4, quadsPerLane = ceilDiv(quads, kWarpSize);
  float total[quadsPerLane][4] = {}, sum = 0;
  for (int split = 0; split < plan.splits; ++split) {
    const float *record = records + split * stride;
    float weight = exp2Fast(record[P::HEAD_DIM] - best);
    sum += weight * record[P::HEAD_DIM + 1];
#pragma unroll
    for (int i = 0; i < quadsPerLane; ++i) {
      int quad = i * kWarpSize + lane;
      if (quad < quads) {
        float4 o = *reinterpret_cast<const float4 *>(record + quad * 4);
        total[i][0] += weight * o.x;
        total[i][1] += weight * o.y;
        total[i][2] += weight * o.z;
        total[i][3] += weight * o.w;
      }
    }
  }
  float scale = __fdiv_rn(1.0f, sum);
#pragma unroll
  for (int i = 0; i < quadsPerLane; ++i) {
    int quad = i * kWarpSize + lane;
    if (quad < quads)
      *reinterpret_cast<uint2 *>(y + i64(start) * P::OUT_PITCH + head * P::HEAD_DIM + quad * 4) = make_uint2(
          packBF16(total[i][0] * scale, total[i][1] * scale), packBF16(total[i][2] * scale, total[i][3] * scale));
  }
}

} // namespace qcc
