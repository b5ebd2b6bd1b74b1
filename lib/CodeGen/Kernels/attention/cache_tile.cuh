//===- cache_tile.cuh - Rows of K or V in shared memory, as fragments -----===//
//
// A tile is a run of cached rows (one head, one page) in shared memory, row-major, padded so that
// the row stride is an odd multiple of 16 bytes: the eight rows of an `ldmatrix` then lie in
// different banks. Rows past the context are zeros. In s8 the rows' f32 scales follow the rows.
//
// Per step of 16 head-dim elements ("block" i) and 16 keys, four registers feed two products of
// m16n8k16:
//   keys   (B of Q K^T; k = element, n = key):  b[0] b[1] for keys 0-7, b[2] b[3] for keys 8-15
//   values (B of P V;   k = key, n = element):  b[0] b[1] for the block's first n-tile, b[2] b[3]
//                                               for the second
// bf16: elements in their natural order. Bytes: one 16-bit unit of ldmatrix is two codes, which
// permutes the elements inside a block. The permutation is left in place: Q is loaded with the same
// one, and the output is stored through its inverse.
//   Q K^T: k = 2t, 2t+1, 2t+8, 2t+9 stand for elements 4t, 4t+1, 4t+2, 4t+3
//   P V:   columns 2t, 2t+1 of the first n-tile stand for 4t, 4t+2, of the second for 4t+1, 4t+3
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/cache.cuh"
#include "common/e4m3.cuh"
#include "common/s8.cuh"
#include "ptx/async_copy.cuh"
#include "ptx/mma_bf16.cuh"

namespace qcc {

template <CacheType KV, int HEAD_DIM> struct CacheTile {
  using Head = CacheHead<KV, HEAD_DIM>;
  static constexpr bool hasScales = Head::hasScales, isBytes = Head::elementBytes == 1;
  static constexpr int rowBytes = Head::rowBytes, chunksPerRow = rowBytes / 16;
  static constexpr int strideBytes = (chunksPerRow | 1) * 16;
  static constexpr int blocks = HEAD_DIM / 16;
  template <int ROWS> static constexpr int bytes = ROWS * (strideBytes + (hasScales ? 4 : 0));

  /// Starts copying ROWS rows of a head from `firstRow` on by `threads` threads; rows from `validRows` on become zeros.
  template <int ROWS>
  __device__ static void copyRows(u32 tile, const u8 *head, int firstRow, int validRows, int thread, int threads) {
    const u8 *rows = head + firstRow * rowBytes;
    for (int i = thread; i < ROWS * chunksPerRow; i += threads) {
      int row = i / chunksPerRow, chunk = i % chunksPerRow;
      bool valid = row < validRows;
      copyAsync16(tile + row * strideBytes + chunk * 16, rows + (valid ? row * rowBytes : 0) + chunk * 16, valid);
    }
    if constexpr (hasScales)
      for (int i = thread; i < ROWS / 4; i += threads)
        copyAsync16Part(tile + ROWS * strideBytes + i * 16, head + Head::scalesOffset + (firstRow + i * 4) * 4,
                        max(0, min(16, (validRows - i * 4) * 4)));
  }

  /// Scales of the keys 2t and 2t+1 of the eight from `key` on.
  template <int ROWS> __device__ static void scales(float (&pair)[2], u32 tile, int key) {
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
                 : "=f"(pair[0]), "=f"(pair[1])
                 : "r"(tile + ROWS * strideBytes + (key + threadIdx.x % 4 * 2) * 4)
                 : "memory");
  }

  /// Two of a word's four codes as a bf16 pair.
  template <int FIRST, int SECOND> __device__ static u32 decodePair(u32 codes) {
    if constexpr (KV == CacheType::E4M3)
      return decodeE4M3Pair<0x0404u | FIRST << 4 | SECOND << 12>(codes);
    else
      return decodeS8Pair<FIRST, SECOND>(codes);
  }

  __device__ static void keys(u32 (&b)[4], u32 tile, int firstKey, int block) {
    int lane = threadIdx.x % kWarpSize;
    if constexpr (isBytes) {
      u32 codes[2]; // keys 0-7 and 8-15, lane: elements 4t … 4t+3 of key g
      loadMatrices2(codes, tile + (firstKey + lane % 16) * strideBytes + block * 16);
      b[0] = decodePair<0, 1>(codes[0]);
      b[1] = decodePair<2, 3>(codes[0]);
      b[2] = decodePair<0, 1>(codes[1]);
      b[3] = decodePair<2, 3>(codes[1]);
    } else {
      int row = lane / 16 * 8 + lane % 8, half = lane / 8 % 2;
      loadMatrices4(b, tile + (firstKey + row) * strideBytes + block * 32 + half * 16);
    }
  }

  __device__ static void values(u32 (&b)[4], u32 tile, int firstKey, int block) {
    int lane = threadIdx.x % kWarpSize;
    if constexpr (isBytes) {
      u32 codes[2]; // keys 0-7 and 8-15, lane: elements 2g, 2g+1 of key 2t, then of key 2t+1
      loadMatrices2Transposed(codes, tile + (firstKey + lane % 16) * strideBytes + block * 16);
      b[0] = decodePair<0, 2>(codes[0]);
      b[1] = decodePair<0, 2>(codes[1]);
      b[2] = decodePair<1, 3>(codes[0]);
      b[3] = decodePair<1, 3>(codes[1]);
    } else {
      int row = lane % 16, half = lane / 16;
      loadMatrices4Transposed(b, tile + (firstKey + row) * strideBytes + block * 32 + half * 16);
    }
  }

  /// A fragment of Q for one block: rows g and g + 8 of the caller's 16; a null row reads as zeros.
  __device__ static void queries(u32 (&a)[4], const u16 *rowG, const u16 *rowG8, int block) {
    int t = threadIdx.x % 4;
    if constexpr (isBytes) {
      uint2 low = rowG ? *reinterpret_cast<const uint2 *>(rowG + block * 16 + 4 * t) : make_uint2(0, 0);
      uint2 high = rowG8 ? *reinterpret_cast<const uint2 *>(rowG8 + block * 16 + 4 * t) : make_uint2(0, 0);
      a[0] = low.x, a[1] = high.x, a[2] = low.y, a[3] = high.y;
    } else {
      auto pair = [&](const u16 *row, int offset) -> u32 {
        return row ? *reinterpret_cast<const u32 *>(row + block * 16 + 2 * t + offset) : 0u;
      };
      a[0] = pair(rowG, 0), a[1] = pair(rowG8, 0), a[2] = pair(rowG, 8), a[3] = pair(rowG8, 8);
    }
  }

  /// A lane's four output elements of one block and row, from the accumulators of the block's two n-tiles:
  /// store(first element, two values) is called twice.
  template <typename Store>
  __device__ static void output(float first0, float first1, float second0, float second1, int block, Store store) {
    int t = threadIdx.x % 4;
    if constexpr (isBytes) {
      store(block * 16 + 4 * t, first0, second0);
      store(block * 16 + 4 * t + 2, first1, second1);
    } else {
      store(block * 16 + 2 * t, first0, first1);
      store(block * 16 + 8 + 2 * t, second0, second1);
    }
  }
};

} // namespace qcc
