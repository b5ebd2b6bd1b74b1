//===- GemmWeights.h - Random weights of a model's size -----------*- C++ -*-===//
#ifndef QCC_BENCH_TIMING_GEMMWEIGHTS_H
#define QCC_BENCH_TIMING_GEMMWEIGHTS_H

#include "Problem.h"

namespace qcc::bench {

/// A weight W[n, k] as the oracle reads it, row-major, and as the kernel does.
struct GemmWeights {
  codegen::WeightFormat format = codegen::WeightFormat::BF16;
  int64_t n = 0, k = 0, group = 0; ///< as in GemmDesc
  Bytes stored;                    ///< [n, k]: bf16, or a code per byte
  std::vector<float> scales;       ///< [n, groups], of E4M3Block [blocks of n, groups]; empty without scales
  std::vector<int8_t> zeros;       ///< as scales
  NamedBytes arguments;            ///< what the kernel reads: weights, weight_scale, zeros, metadata

  /// The number that W[row, column] stands for.
  double at(int64_t row, int64_t column) const;

  /// The values depend on the arguments alone, not on the number of processors. The last weight made is kept: problems
  /// that differ only in their rows follow one another.
  static std::shared_ptr<const GemmWeights> random(const codegen::GemmDesc &desc);

private:
  int64_t groupColumns() const;
  int64_t groups() const { return (k + groupColumns() - 1) / groupColumns(); }
  size_t scaleAt(int64_t row, int64_t column) const;
  void draw();
  void drawScales();
  void pack();
};

/// Rows and columns of an E4M3Block scale.
inline constexpr int64_t kScaleBlock = 128;

} // namespace qcc::bench

#endif // QCC_BENCH_TIMING_GEMMWEIGHTS_H
