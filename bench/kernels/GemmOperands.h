//===- GemmOperands.h - Random operands of a GEMM case ------------*- C++ -*-===//
#ifndef QCC_BENCH_KERNELS_GEMMOPERANDS_H
#define QCC_BENCH_KERNELS_GEMMOPERANDS_H

#include "GemmCase.h"

#include <random>

namespace qcc::bench {

/// A case's operands, dequantized for the oracle and in stored form for the kernel.
struct GemmOperands {
  std::vector<double> w, x;          ///< dense [n, k], [rows, k], scales included
  std::vector<float> bias, residual; ///< dense
  HostData data;

  /// Weights, activations and what the epilogue reads; integer codes take every value, scales both signs.
  static GemmOperands random(const GemmCase &gemm);
};

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_GEMMOPERANDS_H
