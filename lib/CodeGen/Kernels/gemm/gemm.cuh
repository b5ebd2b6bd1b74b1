//===- gemm.cuh - y = epilogue(X W^T), weights in many formats ------------===//
//
// Formula    : y[t, n] = epilogue(acc[t, n], operands)
//              BF16, BF16Sparse        acc = sum_k W[n, k] * X[t, k]
//              E4M3, S8A8, E4M3Sparse, S8Sparse
//                                      acc = (sum_k W[n, k] * X[t, k]) * weight_scale[n] * x_scale[t]
//              S4, S8                  acc = sum_groups (sum_k code[n, k] * X[t, k]) * weight_scale[group][n]
//              S4Zero                  the same with code - zero[group][n]
//              S4E4M3                  acc = (as S4) * x_scale[t]
//              E4M3Block               acc = sum over blocks of 128 columns of
//                                      (sum_k W[n, k] * X[t, k]) * weight_scale[n / 128][k / 128] * x_scale[t][k / 128]
//              Sums in f32; S8A8 and S8Sparse: exact s32, then f32. GROUP = 0: one group, the whole of K. TENSOR_SCALE:
//              one x_scale for all tokens.
// Arguments  : weights, [metadata], [weight_scale], [zeros], x, [x_scale], operand0 ..., y, rows
// Layouts    : weights, metadata: fragment tiles of 512 bytes and blocks of 128 bytes, rows and columns padded to
//              multiples of 64 (lib/Quant/Layout.h)
//              weight_scale: per row f32 [N padded]; of groups bf16 [ceil(K / GROUP)][N padded], may be negative; of
//              blocks f32 [ceil(N / 128)][ceil(K / 128)] | zeros: bf16, as the groups' scales
//              x: bf16, e4m3 or s8 [rows, K], pitch rowPitch | x_scale: f32 [rows], [1], or of blocks
//              [rows, ceil(K / 128)] with rowPitch
//              operands: per column [N] or per element [rows, N], pitch rowPitch, bf16 or f32
//              y: bf16 or f32 [rows, N], pitch rowPitch
// Grid       : (ceil(rows / BLOCK_N), ceil(N / BLOCK_M)); token blocks are neighbours: they meet a weight in L2
// Shared mem : max(STAGES * stage, WARPS_K * BLOCK_N * (BLOCK_M + 4) * 4) bytes, dynamic (shape.cuh, epilogue.cuh)
// Warp roles : weights are the M side of the product (y^T = W X^T), as mma.sp needs them. WARPS_M warps share the rows
//              of a block, WARPS_K warps take its slices of K in turn, each with all tokens. A warp copies its own
//              weights, the WARPS_M warps of a K-warp their slice of X. With WARPS_M = 1 the loop has no block barrier.
// Requires   : K, N >= 1; s8 products: K <= 131072; BLOCK_K 64, 128 or 256; WARPS_M a power of two; GROUP a multiple of
//              16 (S4E4M3: 32), the last group may be short; 16-byte aligned pointers; e4m3 products: sm_89
// Tolerance  : f32 sums of exact products in the tensor core's order, then one rounding to y's type. e4m3 products on
//              sm_89 lose digits inside one mma, never in the sum over K (ptx/mma_e4m3.cuh)
//
//===----------------------------------------------------------------------===//
#pragma once

#include "gemm/accumulators.cuh"
#include "gemm/epilogue.cuh"

namespace qcc {

template <int OPERANDS> struct GemmArgs {
  const u8 *weights;
  const u8 *metadata;
  const void *weightScale;
  const u16 *zeros;
  const u8 *x;
  const float *xScale;
  const void *operands[OPERANDS > 0 ? OPERANDS : 1];
  void *y;
  int rows;
};

template <typename P, int OPERANDS> __device__ inline void gemm(const GemmArgs<OPERANDS> &args) {
  using Shape = GemmShape<P>;
  extern __shared__ __align__(16) u8 shared[];
  int warp = threadIdx.x / kWarpSize, warpM = warp % P::WARPS_M, warpK = warp / P::WARPS_M;
  int firstRow = warpM * Shape::rowTiles * kTileRows; // in the block
  int firstRowTile = int(blockIdx.y) * (P::BLOCK_M / kTileRows) + warpM * Shape::rowTiles;
  int firstToken = int(blockIdx.x) * P::BLOCK_N;

  // Offsets in a stage.
  int activationsAt = warpK * Shape::sliceBytes, tokenScalesAt = activationsAt + Shape::activationBytes;
  int weightsAt = tokenScalesAt + Shape::xScaleBytes + warpM * Shape::warpBytes;
  int metadataAt = weightsAt + Shape::weightBytes, scalesAt = metadataAt + Shape::metadataBytes;
  int zerosAt = scalesAt + Shape::scaleBytes;
  u32 base = sharedAddress(shared);

  auto copyStep = [&](int step) {
    int slice = step * P::WARPS_K + warpK;
    if (slice < Shape::slices) {
      u32 stage = base + step % P::STAGES * Shape::stageBytes;
      Weights<P>::copy(stage + weightsAt, args.weights, firstRowTile, slice);
      int thread = warpM * kWarpSize + threadIdx.x % kWarpSize;
      if constexpr (Shape::sparse)
        Weights<P>::copyMetadata(stage + metadataAt, args.metadata, firstRowTile, slice);
      if constexpr (Shape::blockScaled) {
        GroupScales<P>::copyBlocks(stage + scalesAt, static_cast<const float *>(args.weightScale), firstRowTile, slice);
        GroupScales<P>::copyTokenScales(stage + tokenScalesAt, args.xScale, firstToken, args.rows, slice, thread);
      } else if constexpr (Shape::grouped) {
        GroupScales<P>::copyValues(stage + scalesAt, static_cast<const u16 *>(args.weightScale), firstRowTile, slice);
      }
      if constexpr (Shape::zeros)
        GroupScales<P>::copyValues(stage + zerosAt, args.zeros, firstRowTile, slice);
      Activations<P>::copy(stage + activationsAt, args.x, firstToken, args.rows, slice, thread);
    }
    commitCopies(); // an empty group too: waiting counts groups
  };
  // What a K-warp's warps share is complete, and the oldest stage is free again.
  auto synchronize = [] {
    if constexpr (P::WARPS_M == 1)
      __syncwarp();
    else
      __syncthreads();
  };

  Accumulators<P> total;
  total.clear();
#pragma unroll
  for (int step = 0; step < P::STAGES - 1; ++step)
    copyStep(step);
#pragma unroll 1
  for (int step = 0; step < Shape::steps; ++step) {
    waitCopies<P::STAGES - 2>();
    synchronize();
    copyStep(step + P::STAGES - 1);
    int slice = step * P::WARPS_K + warpK;
    if (slice < Shape::slices) {
      int stage = step % P::STAGES * Shape::stageBytes;
      const u8 *from = shared + stage;
      total.multiplySlice({base + stage + activationsAt, base + stage + weightsAt, from + metadataAt, from + scalesAt,
                           reinterpret_cast<const u16 *>(from + zerosAt),
                           reinterpret_cast<const float *>(from + tokenScalesAt)},
                          slice);
    }
  }

  // The epilogue takes over the stages' memory.
  waitCopies<0>();
  __syncthreads();
  auto *parts = reinterpret_cast<typename Shape::Accumulator *>(shared);
  GemmEpilogue<P>::stage(parts, total.c, firstRow, warpK);
  __syncthreads();
  GemmEpilogue<P>::store(parts, args);
}

} // namespace qcc
