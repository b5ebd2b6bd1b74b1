//===- mma_e4m3.cuh - The e4m3 tensor-core product ------------------------===//
//
// Fragments of `mma.m16n8k32` with 8-bit elements (PTX ISA, "Matrix fragments for mma.m16n8k32"), g = lane / 4, t =
// lane % 4:
//   A (16 x 32): a0 = row g, columns 4t ... 4t+3 | a1 = row g+8 | a2 = row g, columns 4t+16 ... | a3 = row g+8, the
//   same B (32 x 8):  b0 = rows 4t ... 4t+3, column g | b1 = rows 4t+16 ... C (16 x 8):  as in mma_bf16.cuh
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

/// The tensor cores of sm_89 cut the terms of an e4m3 sum, the accumulator included, 13 binary digits below the largest
/// (arXiv 2511.10909, section 4). A sum that grows over K in the accumulator would lose its smaller terms: each
/// product has to start at zero and be added in f32. On sm_90 25 digits are kept.
inline constexpr bool kShortE4M3Sums = __CUDA_ARCH__ == 890;

/// c += a * b; sm_89 and later.
__device__ inline void mmaE4M3(float (&c)[4], const u32 (&a)[4], u32 b0, u32 b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

} // namespace qcc
