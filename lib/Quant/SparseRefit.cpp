//===- SparseRefit.cpp - Least squares of kept weights, row by row --------===//

#include "Blas.h"
#include "SparsitySteps.h"
#include "qcc/Quant/Cholesky.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>
#include <mutex>

namespace qcc::quant {
namespace {

constexpr int64_t kRows = 64;
constexpr int64_t kCols = 128;
/// Rounding stalls the gradients at some residual; they are a valid answer then.
constexpr int kIterations = 1000;

/// w* A of a tile.
std::vector<double> rightHandSides(std::span<const float> w, const Normal &normal, int64_t begin, int64_t end) {
  int64_t k = normal.k;
  std::vector<double> tile(w.begin() + begin * k, w.begin() + end * k), product(tile.size()), scratch;
  normal.multiply(tile.data(), end - begin, 0, k, product.data(), scratch);
  return product;
}

/// Solves one row by the factor of the kept columns of A.
Status solveRow(const Normal &normal, const double *b, const uint8_t *mask, double *q) {
  std::vector<int64_t> kept;
  for (int64_t col = 0; col < normal.k; ++col)
    if (mask[col])
      kept.push_back(col);
  int64_t n = int64_t(kept.size());
  std::vector<double> a(size_t(n * n)), x(kept.size());
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j)
      a[size_t(i * n + j)] = normal.at(kept[size_t(i)], kept[size_t(j)]);
    x[size_t(i)] = b[kept[size_t(i)]];
  }
  if (Status status = choleskyLower(a.data(), n); !status)
    return status;
  solveRows(a.data(), n, x.data(), 1, n);
  for (int64_t i = 0; i < n; ++i)
    q[kept[size_t(i)]] = x[size_t(i)];
  return {};
}

/// Conjugate gradients on the rows of a tile in step, so that products with A are of matrices. The preconditioner is
/// A's diagonal.
class Gradients {
public:
  Gradients(const Normal &normal, int64_t rows, const std::vector<double> &b, const uint8_t *mask, double *q)
      : normal(normal), rows(rows), k(normal.k), mask(mask), q(q), residual(b.size()), direction(b.size()),
        image(b.size()), states(size_t(rows)) {
    multiply(q);
    for (int64_t row = 0; row < rows; ++row) {
      State &state = states[size_t(row)];
      double scale = 0;
      for (int64_t col = 0; col < k; ++col) {
        size_t i = size_t(row * k + col);
        residual[i] = mask[i] ? b[i] - image[i] : 0;
        direction[i] = residual[i] / diagonal(col);
        state.norm += residual[i] * direction[i];
        scale += mask[i] ? b[i] * b[i] / diagonal(col) : 0;
      }
      state.limit = kResidual * kResidual * scale;
    }
  }

  void run() {
    for (int i = 0; i < kIterations; ++i) {
      bool any = false;
      for (State &state : states)
        any |= state.active = state.norm > state.limit;
      if (!any)
        return;
      multiply(direction.data());
      for (int64_t row = 0; row < rows; ++row)
        if (states[size_t(row)].active)
          step(row);
    }
  }

private:
  struct State {
    double norm = 0; ///< r diag(A)⁻¹ rᵀ
    double limit = 0;
    bool active = false;
  };

  double diagonal(int64_t col) const { return normal.at(col, col); }

  void multiply(const double *v) {
    for (int64_t col = 0; col < k; col += kCols) {
      int64_t width = std::min(kCols, k - col);
      product.resize(size_t(rows * width));
      normal.multiply(v, rows, col, col + width, product.data(), scratch);
      for (int64_t row = 0; row < rows; ++row)
        std::copy_n(&product[size_t(row * width)], width, &image[size_t(row * k + col)]);
    }
  }

  void step(int64_t row) {
    State &state = states[size_t(row)];
    size_t begin = size_t(row * k), end = begin + size_t(k);
    double curvature = 0;
    for (size_t i = begin; i < end; ++i)
      curvature += direction[i] * image[i]; // the direction is zero outside the mask
    double length = state.norm / curvature, norm = 0;
    for (size_t i = begin; i < end; ++i)
      if (mask[i]) {
        q[i] += length * direction[i];
        residual[i] -= length * image[i];
        norm += residual[i] * residual[i] / diagonal(int64_t(i - begin));
      }
    for (size_t i = begin; i < end; ++i)
      if (mask[i])
        direction[i] = residual[i] / diagonal(int64_t(i - begin)) + norm / state.norm * direction[i];
    state.norm = norm;
  }

  const Normal &normal;
  int64_t rows, k;
  const uint8_t *mask;
  double *q;
  std::vector<double> residual, direction, image, product, scratch;
  std::vector<State> states;
};

} // namespace

Normal::Normal(const Moments &moments, const Factor &factor)
    : hessian(moments.hessian), k(moments.k), shift(size_t(moments.k), factor.lambda) {
  for (int64_t col = 0; col < k; ++col)
    if (factor.dead[size_t(col)])
      shift[size_t(col)] = 1;
}

void Normal::multiply(const double *v, int64_t rows, int64_t begin, int64_t end, double *out,
                      std::vector<double> &scratch) const {
  int64_t width = end - begin;
  multiplyF32(v, rows, k, k, hessian.data() + begin, k, width, out, width, scratch);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = begin; col < end; ++col)
      out[row * width + col - begin] += shift[size_t(col)] * v[row * k + col];
}

Status refit(std::span<const float> w, int64_t rows, const Normal &normal, unsigned threads, Masked &masked) {
  SingleThreadedBlas blas;
  int64_t k = normal.k;
  std::mutex mutex;
  Status failure;
  parallelFor(0, rows, kRows, threads, [&](int64_t begin, int64_t end) {
    std::vector<double> b = rightHandSides(w, normal, begin, end);
    const uint8_t *mask = masked.mask.data() + begin * k;
    double *q = masked.q.data() + begin * k;
    if (k > kExactCols)
      return Gradients(normal, end - begin, b, mask, q).run();
    for (int64_t row = 0; row < end - begin; ++row)
      if (Status status = solveRow(normal, b.data() + row * k, mask + row * k, q + row * k); !status) {
        std::lock_guard lock(mutex);
        failure = Error{text("row ", begin + row, ", least squares of kept weights: ", status.error().message,
                             "; raise the damping")};
        return;
      }
  });
  return failure;
}

} // namespace qcc::quant
