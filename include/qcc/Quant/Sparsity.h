//===- Sparsity.h - 2:4 masks and pruned weights ------------------*- C++ -*-===//
//
// In each aligned group of four columns of a row at most two weights are not zero: what `mma.sp` multiplies. A mask is
// one byte per weight, 1 = kept. A short last group of fewer than four columns keeps at most two as well.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_SPARSITY_H
#define QCC_QUANT_SPARSITY_H

#include "qcc/Quant/Moments.h"

#include <optional>

namespace qcc::quant {

enum class PruneMethod { Magnitude, Wanda, SparseGpt, Refit };

/// The two largest of score[rows, cols] in each four; ties keep the lower column.
std::vector<uint8_t> mask24(std::span<const float> score, int64_t rows, int64_t cols);
/// The first row and column of a group of four with more than two non-zero weights.
struct SparsityBreach {
  int64_t row, col;
};
std::optional<SparsityBreach> findBreach24(std::span<const float> w, int64_t rows, int64_t cols);

struct PruneOptions {
  double damping = 0.01;
  double correction = 1.0; ///< β of Refit, see Gptq.h
  int searchRounds = 1;    ///< of Refit: local searches over the six masks of each four, each followed by a refit
  /// Of Refit: rows of up to this many inputs are solved exactly, at a cost of k³; wider ones by conjugate gradients,
  /// to within about 1e-4 of their least error.
  int64_t exactCols = 1024;
  unsigned threads = 1;
};
struct PruneResult {
  std::vector<float> w;      ///< [rows, cols]; pruned weights are exactly zero
  std::vector<uint8_t> mask; ///< [rows, cols]
  double heldOutError = 0;   ///< relative, see Gptq.h; 0 without held-out rows
};
/// Magnitude: |w|, no update. Wanda (Sun et al. 2023): |w| · sqrt(E[x²]), no update. SparseGpt: masks and updates left
/// to right. Refit: SparseGPT's mask on the corrected weights W*, least-squares refit of the kept weights of each row
/// on H, then a local search over masks and refits. Magnitude needs no moments (k = 0 is allowed).
Expected<PruneResult> prune24(std::span<const float> w, int64_t rows, int64_t cols, const Moments &moments,
                              PruneMethod method, const PruneOptions &options);

} // namespace qcc::quant

#endif // QCC_QUANT_SPARSITY_H
