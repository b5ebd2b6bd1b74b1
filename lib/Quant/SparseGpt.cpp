//===- SparseGpt.cpp - Masks and updates from left to right ---------------===//

#include "Blas.h"
#include "RowUpdate.h"
#include "SparsitySteps.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>

namespace qcc::quant {
namespace {

constexpr int64_t kRows = 64;
constexpr int64_t kBlock = 128; ///< columns updated lazily; whole fours

/// One tile of rows. Positions run against columns: position p is column k - 1 - p (GptqSteps.h, natural order).
class Tile {
public:
  Tile(std::span<const float> w, const Factor &factor, Masked &result, int64_t first, int64_t height)
      : factor(factor), result(result), first(first), height(height), k(factor.k), errors(size_t(height * k)) {
    for (int64_t row = 0; row < height; ++row)
      for (int64_t col = 0; col < k; ++col)
        errors[size_t(row * k + k - 1 - col)] = factor.dead[col] ? 0 : w[size_t((first + row) * k + col)];
  }

  void run() {
    std::vector<double> pushed(size_t(height * kBlock));
    for (int64_t end = k; end > 0;) {
      int64_t begin = std::max<int64_t>(0, end - kBlock), width = end - begin;
      std::fill(pushed.begin(), pushed.end(), 0.0);
      if (end < k) // Σ_{i ≥ end} d_i L_ij for the block's positions j
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, height, width, k - end, 1, errors.data() + end, k,
                    factor.lower.get() + end * k + begin, k, 0, pushed.data(), width);
      for (int64_t row = 0; row < height; ++row)
        for (int64_t top = end; top > begin; top -= std::min<int64_t>(4, top - begin))
          pruneFour(row, begin, std::max(begin, top - 4), top, pushed.data() + row * width);
      end = begin;
    }
  }

private:
  /// Positions [bottom, top) of a row, the columns of a four. `errors` holds w until a position is done, then w - q;
  /// `pushed` the sums Σ d_i L_ij of the block that starts at `begin`.
  void pruneFour(int64_t row, int64_t begin, int64_t bottom, int64_t top, double *pushed) {
    const double *lower = factor.lower.get();
    double *error = &errors[size_t(row * k)];
    // The running weights before any of the four is decided: each later one with the earlier at their best.
    double score[4], best[4];
    for (int64_t p = top - 1; p >= bottom; --p) {
      double sum = pushed[p - begin];
      for (int64_t i = p + 1; i < top; ++i)
        sum += best[i - bottom] * lower[i * k + p];
      best[p - bottom] = -sum / lower[p * k + p];
      double term = (error[p] - best[p - bottom]) * lower[p * k + p];
      score[p - bottom] = term * term;
    }
    for (int64_t p = top - 1; p >= bottom; --p) {
      int64_t better = 0; // ties keep the lower column, which is the higher position
      for (int64_t i = bottom; i < top; ++i)
        better += score[i - bottom] > score[p - bottom] || (score[i - bottom] == score[p - bottom] && i > p);
      int64_t col = k - 1 - p;
      size_t at = size_t((first + row) * k + col);
      double running = error[p] + pushed[p - begin] / lower[p * k + p];
      result.mask[at] = better < 2;
      result.q[at] = better < 2 && !factor.dead[col] ? running : 0.0;
      error[p] -= result.q[at];
      addScaled(pushed, error[p], lower + p * k + begin, p - begin);
    }
  }

  const Factor &factor;
  Masked &result;
  int64_t first, height, k;
  std::vector<double> errors;
};

} // namespace

Masked sparseGpt(std::span<const float> w, int64_t rows, const Factor &factor, unsigned threads) {
  SingleThreadedBlas blas;
  Masked result{std::vector<double>(size_t(rows * factor.k)), std::vector<uint8_t>(size_t(rows * factor.k))};
  parallelFor(0, rows, kRows, threads,
              [&](int64_t begin, int64_t end) { Tile(w, factor, result, begin, end - begin).run(); });
  return result;
}

} // namespace qcc::quant
