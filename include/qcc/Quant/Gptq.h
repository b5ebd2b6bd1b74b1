//===- Gptq.h - Codes by error feedback ---------------------------*- C++ -*-===//
//
// Minimizes E‖W x_f - Q x_q‖² over matrices Q of a format. With λ = damping · mean of diag H over the inputs that are
// not always zero:
//
//   1. upstream correction   W* = W + β W D (H + λI)⁻¹       (Moments.h; β = 0 or no cross: W* = W)
//   2. scales                searched on W*, weighted by diag H
//   3. GPTQ                  columns in an order; U = upper Cholesky factor of (H + λI)⁻¹;
//                            e = (w_i - q_i) / U_ii, later columns w_j -= e U_ij   (Frantar et al. 2022)
//   4. polish                coordinate descent over codes and least-squares refits of scales on
//                            tr((W* - Q) H (W* - Q)ᵀ), never increasing it
//
// Since E‖W x_f - Q x_q‖² = tr((W* - Q) H (W* - Q)ᵀ) + a constant (λ = 0, β = 1), 2 to 4 need no data but H. With a
// mask, W* is first replaced by its least-squares refit to the kept weights (Sparsity.h), which moves the cost of every
// Q within the mask by the same constant (with H + λI).
//
// Sums are f64 but those of f32 statistics alone (W D, gradients of the descent), and results are the same bits for any
// number of threads and differ between block sizes by f64 rounding alone. For k = 14336 and 4096 rows the peak is 3.4
// GB besides held-out rows when moments are handed over (Moments
// &&), 0.8 GB more when they are only lent.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_GPTQ_H
#define QCC_QUANT_GPTQ_H

#include "qcc/Quant/Moments.h"
#include "qcc/Quant/ScaleSearch.h"

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
  int64_t block = 256;   ///< columns updated lazily; changes nothing but speed
  unsigned threads = 1;
};

/// What was done, for the recipe and for reports.
struct GptqReport {
  double damping = 0;  ///< after escalation
  int escalations = 0; ///< times the damping was raised because H + λI was not positive definite
  double correction = 0;
  ColumnOrder order = ColumnOrder::Natural;
  int64_t deadColumns = 0; ///< inputs that were always zero; their weights are stored as zero
  double trainError = 0; ///< tr((W* - Q) H (W* - Q)ᵀ) / tr(W H Wᵀ): without cross moments E‖(W - Q) x‖² / E‖W x‖²
  double heldOutError = 0; ///< heldOutError of the result; 0 without held-out rows
};

struct GptqResult {
  CodedMatrix coded;
  GptqReport report;
};

/// W* of step 1, [rows, k]. Columns whose input was always zero become zero. Fails like gptq.
Expected<std::vector<float>> correctedWeights(std::span<const float> w, int64_t rows, const Moments &moments,
                                              double damping, double correction, unsigned threads = 1);

/// W[rows, k]. Fails when H cannot be made positive definite by multiplying the damping by ten up to 10 times (naming
/// the damping), when W is not finite (naming row and column) and when W and moments are of different shapes. `mask`
/// (rows·k bytes, 1 = keep) restricts Q to it, W being the dense weight; empty: dense.
Expected<GptqResult> gptq(std::span<const float> w, int64_t rows, const Moments &moments, const CodeFormat &format,
                          const GptqOptions &options, std::span<const uint8_t> mask = {});
/// The same; the cross moments are freed as soon as they are not needed.
Expected<GptqResult> gptq(std::span<const float> w, int64_t rows, Moments &&moments, const CodeFormat &format,
                          const GptqOptions &options, std::span<const uint8_t> mask = {});

/// Which (damping, correction, order) is best on held-out rows: tries the product of the lists and keeps the least
/// held-out error; each factorization serves all corrections. Without held-out rows the first of each list is used.
/// Layers of more than kJudgedRows rows are judged on about that many, evenly spread, and then solved whole (with one
/// scale for the whole matrix: judged whole).
struct GptqSearch {
  std::vector<double> dampings{0.05, 0.01};
  std::vector<double> corrections{0.75, 1.0, 0.5, 0.0};
  std::vector<ColumnOrder> orders{ColumnOrder::Activation};
};
inline constexpr int64_t kJudgedRows = 1024;
Expected<GptqResult> searchGptq(std::span<const float> w, int64_t rows, const Moments &moments,
                                const CodeFormat &format, const GptqOptions &options, const GptqSearch &search,
                                std::span<const uint8_t> mask = {});
Expected<GptqResult> searchGptq(std::span<const float> w, int64_t rows, Moments &&moments, const CodeFormat &format,
                                const GptqOptions &options, const GptqSearch &search,
                                std::span<const uint8_t> mask = {});

/// Relative held-out error of any stored weight: Σ‖W x_f - Q x_q‖² / Σ‖W x_f‖² over the held-out rows (x_f = x_q where
/// the float path was not followed); 0 without any.
double heldOutError(std::span<const float> w, std::span<const float> quantized, int64_t rows, const Moments &moments,
                    unsigned threads = 1);

/// Column scales c that minimize E‖W x_f - D diag(c) x_q‖² + λ‖W - D diag(c)‖², D the quantized weights of all
/// consumers of one input stacked by rows: (DᵀD ∘ (H + λI)) c = diag(Dᵀ W (E[x_f x_qᵀ] + λI)). All ones when the
/// held-out error does not fall; 1 where D's column or the input is zero. `w` and `d` are [rows, k].
Expected<std::vector<float>> columnScales(std::span<const float> w, std::span<const float> d, int64_t rows,
                                          const Moments &moments, double damping, unsigned threads = 1);

} // namespace qcc::quant

#endif // QCC_QUANT_GPTQ_H
