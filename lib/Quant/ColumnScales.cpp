//===- ColumnScales.cpp - One factor per input channel, in closed form -------------===//

#include "Blas.h"
#include "GptqSteps.h"
#include "RowUpdate.h"
#include "qcc/Quant/Cholesky.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>

namespace qcc::quant {
namespace {

constexpr int kEscalations = 10;
constexpr int64_t kRows = 128, kCols = 128, kTile = 512;

/// (DᵀD ∘ H) of one tile of the lower triangle, summed over pieces of kTile rows of d.
void gramTile(std::span<const float> d, int64_t rows, const Moments &moments, int64_t row, int64_t col,
              std::vector<double> &matrix) {
  int64_t k = moments.k, height = std::min(kTile, k - row), width = std::min(kTile, k - col);
  std::vector<double> left(kTile * height), right(kTile * width), gram(height * width);
  for (int64_t first = 0; first < rows; first += kTile) {
    int64_t count = std::min(kTile, rows - first);
    for (int64_t r = 0; r < count; ++r) {
      std::copy_n(d.data() + (first + r) * k + row, height, left.data() + r * height);
      std::copy_n(d.data() + (first + r) * k + col, width, right.data() + r * width);
    }
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, height, width, count, 1, left.data(), height, right.data(),
                width, first == 0 ? 0 : 1, gram.data(), width);
  }
  for (int64_t i = 0; i < height; ++i)
    for (int64_t j = 0; j < width && col + j <= row + i; ++j)
      matrix[(row + i) * k + col + j] = gram[i * width + j] * moments.hessian[(row + i) * k + col + j];
}

/// DᵀD ∘ H, the lower triangle.
void fill(std::span<const float> d, int64_t rows, const Moments &moments, unsigned threads,
          std::vector<double> &matrix) {
  std::vector<std::pair<int64_t, int64_t>> tiles;
  for (int64_t row = 0; row < moments.k; row += kTile)
    for (int64_t col = 0; col <= row; col += kTile)
      tiles.push_back({row, col});
  parallelFor(0, int64_t(tiles.size()), 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      gramTile(d, rows, moments, tiles[i].first, tiles[i].second, matrix);
  });
}

/// Per column j: Σ_r d_rj (W (H + D))_rj, Σ_r d_rj w_rj and Σ_r d_rj².
struct ColumnSums {
  std::vector<double> cross, product, square;
};
ColumnSums columnSums(std::span<const float> w, std::span<const float> d, int64_t rows, const Moments &moments,
                      unsigned threads) {
  int64_t k = moments.k;
  ColumnSums sums{std::vector<double>(k), std::vector<double>(k), std::vector<double>(k)};
  // Rows in turn, columns in parallel: each column's sum is taken in the order of rows.
  for (int64_t begin = 0; begin < rows; begin += kRows) {
    int64_t height = std::min(kRows, rows - begin);
    std::vector<double> tile(w.begin() + begin * k, w.begin() + (begin + height) * k);
    parallelFor(0, k, kCols, threads, [&](int64_t col, int64_t colEnd) {
      int64_t width = colEnd - col;
      std::vector<double> out(height * width), more(height * width), scratch;
      multiplyF32(tile.data(), height, k, k, moments.hessian.data() + col, k, width, out.data(), width, scratch);
      if (!moments.cross.empty()) {
        multiplyF32(tile.data(), height, k, k, moments.cross.data() + col, k, width, more.data(), width, scratch);
        addScaled(out.data(), 1, more.data(), height * width);
      }
      for (int64_t r = 0; r < height; ++r)
        for (int64_t j = 0; j < width; ++j) {
          double value = d[(begin + r) * k + col + j];
          sums.cross[col + j] += value * out[r * width + j];
          sums.product[col + j] += value * tile[r * k + col + j];
          sums.square[col + j] += value * value;
        }
    });
  }
  return sums;
}

} // namespace

Expected<std::vector<float>> columnScales(std::span<const float> w, std::span<const float> d, int64_t rows,
                                          const Moments &moments, double damping, unsigned threads) {
  for (std::span<const float> matrix : {w, d})
    if (Status status = checkLayer(matrix, rows, moments, damping, {}); !status)
      return status.takeError();
  SingleThreadedBlas blas;
  int64_t k = moments.k;
  std::vector<double> matrix(k * k), scales(k);
  double mean = 0;
  int64_t live = 0;
  for (int64_t i = 0; i < k; ++i) {
    double value = moments.hessian[i * k + i];
    mean += value;
    live += value != 0;
  }
  mean = live > 0 ? mean / double(live) : 0;
  ColumnSums sums = columnSums(w, d, rows, moments, threads);
  for (int escalation = 0;; ++escalation) {
    double lambda = damping * mean;
    fill(d, rows, moments, threads, matrix);
    for (int64_t i = 0; i < k; ++i) {
      bool fixed = sums.square[i] == 0 || moments.hessian[i * k + i] == 0;
      scales[i] = fixed ? 1 : sums.cross[i] + lambda * sums.product[i];
      matrix[i * k + i] = fixed ? 1 : matrix[i * k + i] + lambda * sums.square[i];
    }
    if (choleskyLower(matrix.data(), k, threads))
      break;
    if (escalation == kEscalations)
      return Error{
          text("column scales of ", k, " inputs: no positive definite matrix even with a damping of ", damping)};
    damping = damping > 0 ? damping * 10 : 1e-6;
  }
  solveRows(matrix.data(), k, scales.data(), 1, k, threads);
  std::vector<double>().swap(matrix);

  std::vector<float> result(scales.begin(), scales.end()), scaled(d.begin(), d.end());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < k; ++col)
      scaled[row * k + col] *= result[col];
  if (moments.heldOut > 0 &&
      !(heldOutError(w, scaled, rows, moments, threads) < heldOutError(w, d, rows, moments, threads)))
    std::fill(result.begin(), result.end(), 1.0f);
  return result;
}

} // namespace qcc::quant
