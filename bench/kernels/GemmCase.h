//===- GemmCase.h - One GEMM against double precision -------------*- C++ -*-===//
//
// Random operands in the stored formats; the oracle sums the exact products of the dequantized operands in double
// precision and knows nothing of tiles. Everything a kernel must not read as data (columns of a row beyond K or N) is
// NaN; everything it must not write (the same columns of y, and rows beyond `rows`) must keep its bits.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_GEMMCASE_H
#define QCC_BENCH_KERNELS_GEMMCASE_H

#include "CaseResult.h"
#include "Device.h"

namespace qcc::bench {

struct GemmCase {
  codegen::WeightFormat format = codegen::WeightFormat::BF16;
  int64_t n = 0, k = 0, rows = 0;
  int64_t group = 0; ///< of formats with groups; 0: one scale per row
  codegen::ElemType output = codegen::ElemType::BF16;
  /// Plain: acc. Bias: acc + bias[n] (f32). Residual: bf16(acc) + residual[t, n] (bf16). Silu: bf16 of s = acc + bias,
  /// then s / (1 + exp(-s)).
  enum class Epilogue { Plain, Bias, Residual, Silu } epilogue = Epilogue::Plain;
  codegen::KernelConfig config; ///< empty: what chooseVariants gives for `rows`
  const char *reason = "";      ///< why the case is there
  bool xTensorScale = false;    ///< one scale for all rows of X

  codegen::GemmDesc desc() const;
  /// The kernel for `target`, or why there is none.
  Expected<codegen::KernelInstance> instantiate(int target) const;
  std::string name() const;
};

/// Every format over a table of boundary shapes, each with its reason.
std::vector<GemmCase> gemmCases();

/// Compiles, runs and compares. |y - oracle| must be at most
///   2^-16 sum_k |w x| (f32 accumulation; a dropped product of typical size is far larger for K up to 2^12), or with s8
///   products, whose sum is exact, 2^-22 |sum| (three roundings to f32)
///   + one rounding of each bf16 the epilogue makes
///   + with e4m3 products on a device of capability 8.9, 2^-11 of the products' root sum of squares: terms are cut 13
///     digits below the largest of 17, and cuts of either sign add up as the products do. The largest of 77 thousand
///     results is off by 3.1 * 2^-13; by 5 to 16 if the sum over K = 192 is kept in the tensor core,
/// propagated through the epilogue (each has slope at most 1.1).
CaseResult checkGemm(Device &device, const GemmCase &gemm, int target);

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_GEMMCASE_H
