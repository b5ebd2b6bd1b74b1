//===- SparsitySteps.h - The steps of pruning by least squares ----*- C++ -*-===//
//
// Each row q of the pruned weight minimizes (w* - q) A (w* - q)ᵀ with A = H + λI over the columns that its mask keeps.
// Rows do not know of each other: they are cut into tiles, and every step works tile by tile.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_QUANT_SPARSITYSTEPS_H
#define QCC_LIB_QUANT_SPARSITYSTEPS_H

#include "GptqSteps.h"
#include "qcc/Quant/Sparsity.h"

namespace qcc::quant {

/// A = H + λI, 1 on the diagonal of inputs that were always zero.
struct Normal {
  std::span<const float> hessian;
  int64_t k;
  std::vector<double> shift; ///< what is added to the diagonal

  Normal(const Moments &moments, const Factor &factor);
  double at(int64_t i, int64_t j) const {
    return double(hessian[size_t(i * k + j)]) + (i == j ? shift[size_t(i)] : 0.0);
  }
  /// out[rows, end - begin] = (v A)[:, begin:end], v[rows, k]. One thread.
  void multiply(const double *v, int64_t rows, int64_t begin, int64_t end, double *out,
                std::vector<double> &scratch) const;
};

/// A weight and its mask, [rows, k].
struct Masked {
  std::vector<double> q; ///< zero where the mask is
  std::vector<uint8_t> mask;
};

/// SparseGPT: in each four, from the first columns on, drops the two of least t² / U_ii², t the running weights, and
/// moves their errors to later columns.
Masked sparseGpt(std::span<const float> w, int64_t rows, const Factor &factor, unsigned threads);

/// Least squares of the kept weights. Up to `exactCols` columns each row is solved by a Cholesky factorization of its
/// own kept columns, k³/24 flops; above by conjugate gradients from q, 2k² a step, until ten steps lower the row's cost
/// by less than 10⁻⁵ of it.
Status refit(std::span<const float> w, int64_t rows, const Normal &normal, int64_t exactCols, unsigned threads,
             Masked &masked);

/// One sweep over fours, each given the best of its masks with its own kept weights refit and all others fixed. The
/// cost of no row rises.
void searchMasks(std::span<const float> w, int64_t rows, const Normal &normal, unsigned threads, Masked &masked);

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_SPARSITYSTEPS_H
