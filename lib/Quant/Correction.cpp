//===- Correction.cpp - H + λI factored; weights corrected for upstream error -------------===//

#include "Blas.h"
#include "GptqSteps.h"
#include "qcc/Quant/Cholesky.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <numeric>

namespace qcc::quant {
namespace {

constexpr int kEscalations = 10;
constexpr int64_t kRows = 128;

/// Columns with the position that is eliminated first at the end.
std::vector<int64_t> positionsOf(const Moments &moments, ColumnOrder order) {
  std::vector<int64_t> columns(moments.k);
  std::iota(columns.begin(), columns.end(), 0);
  if (order == ColumnOrder::Activation)
    std::stable_sort(columns.begin(), columns.end(), [&](int64_t a, int64_t b) {
      return moments.hessian[a * moments.k + a] > moments.hessian[b * moments.k + b];
    });
  std::reverse(columns.begin(), columns.end());
  return columns;
}

void fill(const Moments &moments, Factor &factor, unsigned threads) {
  int64_t k = factor.k;
  parallelFor(0, k, 64, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t column = factor.columns[i];
      const float *row = moments.hessian.data() + column * k;
      for (int64_t j = 0; j < i; ++j)
        factor.lower[i * k + j] = row[factor.columns[j]];
      factor.lower[i * k + i] = factor.dead[column] ? 1.0 : double(row[column]) + factor.lambda;
    }
  });
}

} // namespace

Expected<Factor> factorize(const Moments &moments, double damping, ColumnOrder order, unsigned threads) {
  int64_t k = moments.k;
  Factor factor;
  factor.k = k;
  factor.damping = damping;
  factor.order = order;
  factor.dead.resize(k);
  double sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    double diagonal = moments.hessian[i * k + i];
    if (!std::isfinite(diagonal) || diagonal < 0)
      return Error{text("second moments: diagonal element ", i, " of ", k, " is ", diagonal,
                        "; it is a mean of squares, so the statistics are damaged: calibrate again")};
    factor.dead[i] = diagonal == 0;
    factor.deadColumns += factor.dead[i];
    sum += diagonal;
  }
  double mean = factor.deadColumns < k ? sum / double(k - factor.deadColumns) : 0;
  factor.columns = positionsOf(moments, order);
  factor.lower.reset(static_cast<double *>(std::calloc(size_t(k) * size_t(k), sizeof(double))));
  if (!factor.lower)
    throw std::bad_alloc();
  for (;; ++factor.escalations) {
    factor.lambda = factor.damping * mean;
    fill(moments, factor, threads);
    Status status = choleskyLower(factor.lower.get(), k, threads);
    if (status)
      return factor;
    if (factor.escalations == kEscalations)
      return Error{text("second moments of ", k, " inputs over ", moments.tokens,
                        " tokens are not positive definite even with a damping of ", factor.damping, " (started at ",
                        damping, "): give more calibration data, or look at the layer's inputs")};
    factor.damping = factor.damping > 0 ? factor.damping * 10 : 1e-6;
  }
}

std::vector<float> crossProduct(std::span<const float> w, int64_t rows, const Moments &moments, unsigned threads) {
  if (moments.cross.empty())
    return {};
  SingleThreadedBlas blas;
  int64_t k = moments.k;
  std::vector<float> product(rows * k);
  parallelFor(0, rows, kRows, threads, [&](int64_t begin, int64_t end) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, end - begin, k, k, 1, w.data() + begin * k, k,
                moments.cross.data(), k, 0, product.data() + begin * k, k);
  });
  return product;
}

std::vector<float> correct(std::span<const float> w, std::span<const float> product, int64_t rows, const Factor &factor,
                           double correction, unsigned threads) {
  SingleThreadedBlas blas;
  int64_t k = factor.k;
  std::vector<float> corrected(w.begin(), w.begin() + rows * k);
  if (correction != 0 && !product.empty())
    parallelFor(0, rows, kRows, threads, [&](int64_t begin, int64_t end) {
      std::vector<double> tile((end - begin) * k);
      for (int64_t row = begin; row < end; ++row)
        for (int64_t i = 0; i < k; ++i)
          tile[(row - begin) * k + i] = product[row * k + factor.columns[i]];
      solveRows(factor.lower.get(), k, tile.data(), end - begin, k);
      for (int64_t row = begin; row < end; ++row)
        for (int64_t i = 0; i < k; ++i) {
          float &value = corrected[row * k + factor.columns[i]];
          value = float(double(value) + correction * tile[(row - begin) * k + i]);
        }
    });
  if (factor.deadColumns > 0)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < k; ++col)
        if (factor.dead[col])
          corrected[row * k + col] = 0;
  return corrected;
}

double energy(std::span<const float> w, int64_t rows, const Factor &factor, unsigned threads) {
  SingleThreadedBlas blas;
  int64_t k = factor.k;
  std::vector<double> parts((rows + kRows - 1) / kRows);
  parallelFor(0, rows, kRows, threads, [&](int64_t begin, int64_t end) {
    std::vector<double> tile((end - begin) * k);
    double sum = 0;
    for (int64_t row = begin; row < end; ++row)
      for (int64_t i = 0; i < k; ++i) {
        int64_t col = factor.columns[i];
        double value = factor.dead[col] ? 0 : w[row * k + col];
        tile[(row - begin) * k + i] = value;
        sum -= factor.lambda * value * value;
      }
    cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasNoTrans, CblasNonUnit, end - begin, k, 1,
                factor.lower.get(), k, tile.data(), k);
    for (double value : tile)
      sum += value * value;
    parts[begin / kRows] = sum;
  });
  return std::accumulate(parts.begin(), parts.end(), 0.0);
}

} // namespace qcc::quant
