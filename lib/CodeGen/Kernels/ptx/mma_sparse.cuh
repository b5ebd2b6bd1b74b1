//===- mma_sparse.cuh - Tensor-core products with 2:4 sparse A ------------===//
//
// A holds two of each four columns; its fragment is that of the dense product of half the K over the stored values. B
// is dense, four registers: register i is rows 2t 2t+1 (+ 8i) of column g with elements of 16 bits, rows 4t ... 4t+3
// (+ 16i) with 8. C as in mma_bf16.cuh. Metadata, with g = lane / 4 and t = lane % 4 (PTX ISA 9.7.14.6.2):
//   bf16, m16n8k32: of rows g (low half) and g+8; t = 0, 1 columns 0 ... 15 and 16 ... 31, t = 2, 3 the same of
//                   another product: the selector chooses
//   8 bits, m16n8k64: of row g + 8 (t % 2), columns 32 (t / 2) ...
// `::ordered_metadata` promises that indices rise within four columns; without it sm_90 is slower.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

/// c += a * b; K = 32.
template <int SELECTOR>
__device__ inline void mmaSparseBF16(float (&c)[4], const u32 (&a)[4], const u32 (&b)[4], u32 metadata) {
  asm("mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9,%10,%11}, {%0,%1,%2,%3}, %12, %13;"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(metadata),
        "n"(SELECTOR));
}

/// c += a * b; K = 64; sm_89 and later.
__device__ inline void mmaSparseE4M3(float (&c)[4], const u32 (&a)[4], const u32 (&b)[4], u32 metadata) {
  asm("mma.sp::ordered_metadata.sync.aligned.m16n8k64.row.col.f32.e4m3.e4m3.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9,%10,%11}, {%0,%1,%2,%3}, %12, 0;"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(metadata));
}

/// c += a * b; K = 64.
__device__ inline void mmaSparseS8(int (&c)[4], const u32 (&a)[4], const u32 (&b)[4], u32 metadata) {
  asm("mma.sp::ordered_metadata.sync.aligned.m16n8k64.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
      "{%8,%9,%10,%11}, {%0,%1,%2,%3}, %12, 0;"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(metadata));
}

} // namespace qcc
