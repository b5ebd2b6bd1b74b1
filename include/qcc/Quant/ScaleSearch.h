//===- ScaleSearch.h - Scales and zero points of a weight ---------*- C++ -*-===//
//
// For each block of weights that shares a scale, candidates are tried and the one with the least weighted error
// Σ importance[c] (w - ŵ)² is kept. The rules, from cheap to good:
//
//   MinMax    amax / ((2^bits - 1) / 2), the convention of compressed-tensors (amax / 448 for e4m3); with a zero point
//             (max - min) / (2^bits - 1) with min ≤ 0 ≤ max, and the integer zero next to minCode - min / scale
//   Grid      MinMax's scale times `steps` factors in [from, to] (e4m3: to 2 · to, an octave that clips nothing); with
//   a
//             zero point also the zeros one below and above
//   Signed    Grid, with both signs of an integer scale and, for each candidate, a least-squares refit to its codes
//             (s = Σ i w q / Σ i q², ggml's make_qx_quants; with a zero point a regression on both), rounded to the
//             stored types; then codes and refits in turn while the error falls. e4m3 keeps a positive scale, and a
//             zero point makes the sign redundant
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
  int steps = 50;
  float from = 0.3f, to = 1.05f; ///< factors below 0.6 pay with 2 and 3 bits and for blocks with far outliers
};

/// Scales (and zero points) of the finite w[rows, cols]; codes are left empty. `importance` is per column (mean x², or
/// the diagonal of a Hessian) or empty (all 1). Deterministic for any number of threads.
CodedMatrix searchScales(std::span<const float> w, int64_t rows, int64_t cols, const CodeFormat &format,
                         std::span<const float> importance, const ScaleSearch &search, unsigned threads = 1);

/// searchScales, then the nearest codes.
CodedMatrix roundToNearest(std::span<const float> w, int64_t rows, int64_t cols, const CodeFormat &format,
                           std::span<const float> importance = {}, const ScaleSearch &search = {ScaleRule::MinMax},
                           unsigned threads = 1);

} // namespace qcc::quant

#endif // QCC_QUANT_SCALESEARCH_H
