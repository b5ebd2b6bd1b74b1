//===- GemmPacking.h - Weights of GEMM cases in packed form -------*- C++ -*-===//
#ifndef QCC_BENCH_KERNELS_GEMMPACKING_H
#define QCC_BENCH_KERNELS_GEMMPACKING_H

#include "qcc/CodeGen/KernelDesc.h"

#include <cstdint>
#include <span>
#include <vector>

namespace qcc::bench {

/// Stored values of W [n, k]: bf16, e4m3 or one code per byte, in the order of the kernel.
std::vector<uint8_t> packWeights(codegen::WeightFormat format, std::span<const uint8_t> stored, int64_t n, int64_t k);
/// Metadata of 2:4 weights.
std::vector<uint8_t> packMetadata(codegen::WeightFormat format, std::span<const uint8_t> stored, int64_t n, int64_t k);

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_GEMMPACKING_H
