//===- gemm.cuh - y = epilogue(X W^T), weights bf16, e4m3 or s4 -----------===//
//
// Formula    : y[t, n] = epilogue(acc[t, n], operands);  acc[t, n] = sum_k W[n, k] * X[t, k] in f32
//              E4M3: acc * weight_scale[n] * x_scale[t].  S4: W[n, k] = code * scale[k / GROUP][n]; the products
//              of a group's codes are summed first, then scaled in f32.
// Arguments  : weights, [weight_scale], x, [x_scale], operand0 ..., y, rows
// Layouts    : weights: fragment tiles of 512 bytes, [row tiles][column tiles], rows and columns zero padded to
//              multiples of 64 (lib/Quant/Layout.h)
//              weight_scale: E4M3 f32 [N padded]; S4 bf16 [ceil(K / GROUP)][N padded]
//              x: bf16 (E4M3: e4m3) [rows, K], pitch rowPitch | x_scale: f32 [rows]
//              operands: per column [N] or per element [rows, N], pitch rowPitch, bf16 or f32
//              y: bf16 or f32 [rows, N], pitch rowPitch
// Grid       : (ceil(rows / BLOCK_N), ceil(N / BLOCK_M)); token blocks are neighbours: they meet a weight in L2
// Shared mem : max(STAGES * stage, WARPS_K * BLOCK_N * (BLOCK_M + 4) * 4) bytes, dynamic (shape.cuh, epilogue.cuh)
// Warp roles : weights are the M side of the product (y^T = W X^T). WARPS_M warps share the rows of a block,
//              WARPS_K warps take its slices of K in turn, each with all tokens. A warp copies its own weights, the
//              WARPS_M warps of a K-warp their slice of X. With WARPS_M = 1 the loop has no block barrier.
// Requires   : K, N >= 1; BLOCK_K a multiple of 64; GROUP a multiple of 16, the last group may be short;
//              16-byte aligned pointers; E4M3: sm_89
// Tolerance  : f32 sums of exact products in the tensor core's order, then one rounding to y's type
//
//===----------------------------------------------------------------------===//
#pragma once

#include "gemm/activations.cuh"
#include "gemm/epilogue.cuh"
#include "gemm/weights.cuh"

namespace qcc {

template <int OPERANDS> struct GemmArgs {
  const u8 *weights;
  const void *weightScale;
  const u8 *x;
  const float *xScale;
  const void *operands[OPERANDS > 0 ? OPERANDS : 1];
  void *y;
  int rows;
};

template <typename P> struct Accumulators {
  using Shape = GemmShape<P>;
  float c[Shape::rowTiles][Shape::tokenTiles][4];

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < Shape::rowTiles; ++i)
#pragma unroll
      for (int j = 0; j < Shape::tokenTiles; ++j)
        c[i][j][0] = c[i][j][1] = c[i][j][2] = c[i][j][3] = 0.0f;
  }

  /// Adds the products of one unit.
  __device__ void multiply(const Tile16 (&tiles)[Shape::rowTiles], int unitOfTile, u32 activations, int unit) {
    u32 a[Shape::rowTiles][4];
#pragma unroll
    for (int i = 0; i < Shape::rowTiles; ++i)
      Weights<P>::fragment(a[i], tiles[i], unitOfTile);
#pragma unroll
    for (int pair = 0; pair < ceilDiv(Shape::tokenTiles, 2); ++pair) {
      u32 b[4];
      Activations<P>::fragments(b, activations, unit, pair);
#pragma unroll
      for (int i = 0; i < Shape::rowTiles; ++i) {
        Weights<P>::multiply(c[i][2 * pair], a[i], b[0], b[1]);
        if constexpr (P::BLOCK_N > 8)
          Weights<P>::multiply(c[i][2 * pair + 1], a[i], b[2], b[3]);
      }
    }
  }

  /// Adds `part` times the scales of its group (bf16, the warp's rows at `scales`) and clears it.
  __device__ void addScaled(Accumulators &part, const u16 *scales) {
    int g = threadIdx.x % kWarpSize / 4;
#pragma unroll
    for (int i = 0; i < Shape::rowTiles; ++i) {
      float low = bf16ToFloat(scales[i * kTileRows + g]), high = bf16ToFloat(scales[i * kTileRows + g + 8]);
#pragma unroll
      for (int j = 0; j < Shape::tokenTiles; ++j) {
        c[i][j][0] = fmaf(part.c[i][j][0], low, c[i][j][0]);
        c[i][j][1] = fmaf(part.c[i][j][1], low, c[i][j][1]);
        c[i][j][2] = fmaf(part.c[i][j][2], high, c[i][j][2]);
        c[i][j][3] = fmaf(part.c[i][j][3], high, c[i][j][3]);
      }
    }
    part.clear();
  }

  __device__ void multiplySlice(u32 activations, u32 weights, const u16 *scales, int slice) {
    Accumulators part;
    if constexpr (Shape::s4)
      part.clear();
    int firstGroup = slice * Shape::sliceUnits / Shape::groupUnits;
#pragma unroll
    for (int tile = 0; tile < Shape::sliceTiles; ++tile) {
      Tile16 tiles[Shape::rowTiles];
#pragma unroll
      for (int i = 0; i < Shape::rowTiles; ++i)
        tiles[i] = loadTile(weights + (i * Shape::sliceTiles + tile) * kTileBytes + threadIdx.x % kWarpSize * 16);
#pragma unroll
      for (int j = 0; j < Shape::unitsPerTile; ++j) {
        int unit = tile * Shape::unitsPerTile + j;
        if constexpr (Shape::s4) {
          part.multiply(tiles, j, activations, unit);
          // Known when compiling if groups and slices are multiples of each other.
          int position = Shape::groupsAligned ? unit : slice * Shape::sliceUnits + unit;
          int first = Shape::groupsAligned ? 0 : firstGroup;
          if ((position + 1) % Shape::groupUnits == 0 || unit + 1 == Shape::sliceUnits)
            addScaled(part, scales + (position / Shape::groupUnits - first) * Shape::rowTiles * kTileRows);
        } else {
          multiply(tiles, j, activations, unit);
        }
      }
    }
  }
};

template <typename P, int OPERANDS> __device__ inline void gemm(const GemmArgs<OPERANDS> &args) {
  using Shape = GemmShape<P>;
  extern __shared__ __align__(16) u8 shared[];
  int warp = threadIdx.x / kWarpSize, warpM = warp % P::WARPS_M, warpK = warp / P::WARPS_M;
  int firstRow = warpM * Shape::rowTiles * kTileRows; // in the block
  int firstRowTile = int(blockIdx.y) * (P::BLOCK_M / kTileRows) + warpM * Shape::rowTiles;
  int firstToken = int(blockIdx.x) * P::BLOCK_N;

  constexpr int warpBytes = Shape::weightBytes + Shape::scaleBytes;
  constexpr int sliceBytes = Shape::activationBytes + P::WARPS_M * warpBytes;
  int activationsAt = warpK * sliceBytes, weightsAt = activationsAt + Shape::activationBytes + warpM * warpBytes;
  int scalesAt = weightsAt + Shape::weightBytes;
  u32 base = sharedAddress(shared);

  auto copyStep = [&](int step) {
    int slice = step * P::WARPS_K + warpK;
    if (slice < Shape::slices) {
      u32 stage = base + step % P::STAGES * Shape::stageBytes;
      Weights<P>::copy(stage + weightsAt, args.weights, firstRowTile, slice);
      if constexpr (Shape::s4)
        Weights<P>::copyScales(stage + scalesAt, static_cast<const u16 *>(args.weightScale), firstRowTile, slice);
      Activations<P>::copy(stage + activationsAt, args.x, firstToken, args.rows, slice,
                           warpM * kWarpSize + threadIdx.x % kWarpSize);
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
      total.multiplySlice(base + stage + activationsAt, base + stage + weightsAt,
                          reinterpret_cast<const u16 *>(shared + stage + scalesAt), slice);
    }
  }

  // The epilogue takes over the stages' memory.
  waitCopies<0>();
  __syncthreads();
  float *parts = reinterpret_cast<float *>(shared);
  GemmEpilogue<P>::stage(parts, total.c, firstRow, warpK);
  __syncthreads();
  GemmEpilogue<P>::store(parts, args);
}

} // namespace qcc
