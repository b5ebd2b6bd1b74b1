//===- activations.cuh - Slices of X: from memory to B fragments ----------===//
//
// A slice in shared memory is [BLOCK_N tokens][BLOCK_K columns] in chunks of 16 bytes. The chunk's index is XORed with
// the token's, so that the eight rows of an `ldmatrix` lie in different banks. Tokens beyond `rows` and columns beyond
// K are written as zeros: what lies behind a row's last column may be anything, even NaN.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "gemm/shape.cuh"
#include "ptx/async_copy.cuh"
#include "ptx/mma_bf16.cuh"

namespace qcc {

template <typename P> struct Activations {
  using Shape = GemmShape<P>;
  static constexpr int chunks = P::BLOCK_K * Shape::elementBytes / 16; ///< per token
  static_assert(chunks == 4 || chunks % 8 == 0, "XOR with the token would leave the row");

  __device__ static u32 offset(int token, int chunk) {
    // Rows of 64 bytes: two rows share the banks of one 128-byte line.
    int swizzle = chunks >= 8 ? token % 8 : token / 2 % 4;
    return u32(token * chunks + (chunk ^ swizzle)) * 16;
  }

  /// Starts copying a slice (one that exists) by the WARPS_M warps that share it; `thread` counts their threads.
  __device__ static void copy(u32 stage, const u8 *x, int firstToken, int rows, int slice, int thread) {
    constexpr int threads = P::WARPS_M * kWarpSize, tokens = threads / chunks; // copied at a time
    static_assert(threads % chunks == 0, "a thread must stay in its column");
    static_assert(tokens >= P::BLOCK_N || P::BLOCK_N % tokens == 0, "the last tokens copied must lie inside the slice");
    int chunk = thread % chunks, firstRow = thread / chunks;
    int column = slice * P::BLOCK_K + chunk * (16 / Shape::elementBytes);
    int columnBytes = P::K % P::BLOCK_K == 0 ? 16 : min(max((P::K - column) * Shape::elementBytes, 0), 16);
    const u8 *from = x + (i64(firstToken + firstRow) * Shape::pitch + column) * Shape::elementBytes;
#pragma unroll
    for (int first = 0; first < P::BLOCK_N; first += tokens) {
      int token = first + firstRow;
      if (tokens > P::BLOCK_N && token >= P::BLOCK_N)
        break;
      copyAsync16Part(stage + offset(token, chunk), from + i64(first) * Shape::pitch * Shape::elementBytes,
                      firstToken + token < rows ? columnBytes : 0);
    }
  }

  /// B fragment of one sparse unit for the tokens 8 * tile ... 8 * tile + 7.
  __device__ static void sparseFragments(u32 (&b)[4], u32 stage, int unit, int tile) {
    int lane = threadIdx.x % kWarpSize;
    loadMatrices4(b, stage + offset(tile * 8 + lane % 8, unit * 4 + lane / 8));
  }

  /// B fragments of one dense unit for the tokens 16 * pair ... 16 * pair + 15 (the first eight if BLOCK_N is 8).
  __device__ static void fragments(u32 (&b)[4], u32 stage, int unit, int pair) {
    int lane = threadIdx.x % kWarpSize;
    if constexpr (P::BLOCK_N == 8) {
      u32 two[2];
      loadMatrices2(two, stage + offset(lane % 8, unit * 2 + lane / 8 % 2));
      b[0] = two[0];
      b[1] = two[1];
    } else {
      loadMatrices4(b, stage + offset(pair * 16 + lane / 16 * 8 + lane % 8, unit * 2 + lane / 8 % 2));
    }
  }
};

} // namespace qcc
