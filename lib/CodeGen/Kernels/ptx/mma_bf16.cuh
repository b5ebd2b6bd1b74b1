//===- mma_bf16.cuh - The bf16 tensor-core product and its loads ----------===//
//
// Fragments of `mma.m16n8k16` (PTX ISA, "Matrix fragments for mma.m16n8k16"), with g = lane / 4 and
// t = lane % 4:
//   A (16 x 16): a0 = row g, columns 2t 2t+1   | a1 = row g+8, the same
//                a2 = row g, columns 2t+8 2t+9 | a3 = row g+8, the same
//   B (16 x 8):  b0 = rows 2t 2t+1, column g | b1 = rows 2t+8 2t+9
//   C (16 x 8):  c0 c1 = row g, columns 2t 2t+1 | c2 c3 = row g+8
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

/// c += a * b
__device__ inline void mmaBF16(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline u32 sharedAddress(const void *pointer) { return u32(__cvta_generic_to_shared(pointer)); }

/// Four (two) 8x8 matrices of 16-bit elements; lane i gives the address of row i % 8 of matrix i / 8.
/// Element pair 2t, 2t+1 of row g comes to lane 4g+t; transposed: rows 2t, 2t+1 of column g.
__device__ inline void loadMatrices4(u32 (&d)[4], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(address)
               : "memory");
}
__device__ inline void loadMatrices4Transposed(u32 (&d)[4], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(address)
               : "memory");
}
__device__ inline void loadMatrices2(u32 (&d)[2], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
               : "=r"(d[0]), "=r"(d[1])
               : "r"(address)
               : "memory");
}
__device__ inline void loadMatrices2Transposed(u32 (&d)[2], u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(d[0]), "=r"(d[1])
               : "r"(address)
               : "memory");
}

} // namespace qcc
