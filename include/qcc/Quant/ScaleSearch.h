//===- ScaleSearch.h - Scales and zero points of a weight ---------*- C++ -*-===//
//
// For each block of weights that shares a scale, candidates are tried and the one with the least weighted error
// Σ importance[c] (w - ŵ)² is kept. The rules, from cheap to good:
//
//   MinMax    amax / ((2^bits - 1) / 2), the convention of compressed-tensors (amax / 448 for e4m3); with a zero point (max - min) / (2^bits - 1)
//             with min ≤ 0 ≤ max
//   Grid      MinMax's scale times `steps` factors in [from, to]
//   Signed    Grid, with both signs of the scale and, for each candidate, a least-squares refit of the scale to the codes
//             (s = Σ i w q / Σ i q², ggml's make_qx_quants), rounded to the stored type
//
// Grid and Signed contain MinMax, so they are never worse than it in the weighted error.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_SCALESEARCH_H
#define QCC_QUANT_SCALESEARCH_H

#include "qcc/Quant/CodeFormat.h"

namespace qcc::quant {

enum class ScaleRule { MinMax, Grid, Signed };

struct ScaleSearch {
  ScaleRule rule = ScaleRule::Signed;
  int steps = 40;
  float from = 0.6f, to = 1.05f;
};

/// Scales (and zero points) of w[rows, cols]; codes are left empty. `importance` is per column (mean x², or the
/// diagonal of a Hessian) or empty (all 1). Deterministic for any number of threads.
CodedMatrix searchScales(std::span<const float> w, int64_t rows, int64_t cols, const CodeFormat &format,
                         std::span<const float> importance, const ScaleSearch &search, unsigned threads = 1);

/// searchScales, then the nearest codes.
CodedMatrix roundToNearest(std::span<const float> w, int64_t rows, int64_t cols, const CodeFormat &format,
                           std::span<const float> importance = {}, const ScaleSearch &search = {ScaleRule::MinMax},
                           unsigned threads = 1);

} // namespace qcc::quant

#endif // QCC_QUANT_SCALESEARCH_H
