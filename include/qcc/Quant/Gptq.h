//===- Gptq.h - Codes by error feedback ---------------------------*- C++ -*-===//
//
// Minimizes E‖W x_f - Q x_q‖² over matrices Q of a format. With λ = damping · mean(diag H):
//
//   1. upstream correction   W* = W + β W D (H + λI)⁻¹       (Moments.h; β = 0 or no cross: W* = W)
//   2. scales                searched on W*, weighted by diag H
//   3. GPTQ                  columns in an order; U = upper Cholesky factor of (H + λI)⁻¹;
//                            e = (w_i - q_i) / U_ii, later columns w_j -= e U_ij   (Frantar et al. 2022)
//   4. polish                coordinate descent over codes and least-squares refits of scales on tr((W*-Q) H (W*-Q)ᵀ),
//                            never increasing it
//
// With 2:4 pruning step 3 chooses, at each aligned group of four columns, the two to drop by w² / U_ii² on the current
// weights (SparseGPT, Frantar and Alistarh 2023), or the mask is given; kept weights are refit by least squares.
// Everything is f64 inside, independent of block size and of the number of threads.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_GPTQ_H
#define QCC_QUANT_GPTQ_H

#include "qcc/Quant/Moments.h"
#include "qcc/Quant/ScaleSearch.h"

#include <optional>
#include <string>

namespace qcc::quant {

enum class ColumnOrder {
  Natural,
  /// By falling diag H; groups keep their columns (static act-order), so kernels do not change.
  Activation,
};

struct GptqOptions {
  ScaleSearch scales;
  double damping = 0.05;
  double correction = 0.75; ///< β
  ColumnOrder order = ColumnOrder::Activation;
  int descentPasses = 4; ///< each: one sweep over codes, then a refit of scales
  int64_t block = 128;   ///< columns updated lazily; changes nothing but speed
  unsigned threads = 1;
};

/// What was done, for the recipe and for reports.
struct GptqReport {
  double damping = 0;  ///< after escalation
  int escalations = 0; ///< times the damping was raised because H + λI was not positive definite
  double correction = 0;
  ColumnOrder order = ColumnOrder::Natural;
  int64_t deadColumns = 0; ///< inputs that were always zero; their weights are stored as zero
  double trainError = 0; ///< relative: E‖W x_f - Q x_q‖² / E‖W x_f‖² from the moments (without cross: x_f = x_q)
  double heldOutError = 0; ///< the same on held-out rows; 0 without them
};

struct GptqResult {
  CodedMatrix coded;
  GptqReport report;
};

/// W* of step 1, [rows, k]. Columns whose input was always zero become zero. Fails like gptq.
Expected<std::vector<float>> correctedWeights(std::span<const float> w, int64_t rows, const Moments &moments,
                                              double damping, double correction, unsigned threads = 1);

/// W[rows, k]. Fails when H cannot be made positive definite within 10 escalations (naming the damping), or W is not
/// finite. `mask` (rows·k bytes, 1 = keep, at most two per aligned four) restricts Q to it; empty: dense.
Expected<GptqResult> gptq(std::span<const float> w, int64_t rows, const Moments &moments, const CodeFormat &format,
                          const GptqOptions &options, std::span<const uint8_t> mask = {});

/// Which (damping, correction, order) is best on held-out rows: tries the product of the lists and keeps the least
/// held-out error; factorizations are shared. Without held-out rows the first of each list is used.
struct GptqSearch {
  std::vector<double> dampings{0.05, 0.01};
  std::vector<double> corrections{0.75, 1.0, 0.5, 0.0};
  std::vector<ColumnOrder> orders{ColumnOrder::Activation};
};
Expected<GptqResult> searchGptq(std::span<const float> w, int64_t rows, const Moments &moments,
                                const CodeFormat &format, const GptqOptions &options, const GptqSearch &search,
                                std::span<const uint8_t> mask = {});

/// Relative held-out error of any stored weight: Σ‖W x_f - Q x_q‖² / Σ‖W x_f‖² over the held-out rows.
double heldOutError(std::span<const float> w, std::span<const float> quantized, int64_t rows, const Moments &moments);

/// Column scales c that minimize E‖W x_f - D diag(c) x_q‖², D the quantized weights of all consumers of one input
/// stacked by rows: (DᵀD ∘ (H + λI)) c = diag(Dᵀ W E[x_f x_qᵀ]). Ones when it fails to improve. `w` and `d` are [rows,
/// k].
Expected<std::vector<float>> columnScales(std::span<const float> w, std::span<const float> d, int64_t rows,
                                          const Moments &moments, double damping);

} // namespace qcc::quant

#endif // QCC_QUANT_GPTQ_H
