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
/// Gradients of a row end when so many steps lower its cost by no more than kLeastGain of it.
constexpr int kWindow = 10;
constexpr double kLeastGain = 1e-5;
/// Costs below this part of w* A w*ᵀ count as it.
constexpr double kLeastCost = 1e-7;

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
/// A's diagonal. Products are f32: a step computed from them is off by 10⁻⁷ of itself.
class Gradients {
public:
  Gradients(const Normal &normal, int64_t rows, const float *w, const std::vector<double> &b, const uint8_t *mask,
            double *q)
      : normal(normal), rows(rows), k(normal.k), mask(mask), q(q), residual(b.size()), direction(b.size()),
        image(b.size()), narrow(b.size()), states(size_t(rows)) {
    multiply(q);
    for (int64_t row = 0; row < rows; ++row) {
      State &state = states[size_t(row)];
      for (int64_t col = 0; col < k; ++col) {
        size_t i = size_t(row * k + col);
        double gradient = b[i] - double(image[i]);
        state.cost += (double(w[i]) - q[i]) * gradient;
        state.floor += kLeastCost * double(w[i]) * b[i];
        residual[i] = mask[i] ? gradient : 0;
        direction[i] = residual[i] / diagonal(col);
        state.norm += residual[i] * direction[i];
      }
    }
  }

  void run() {
    for (bool any = true; any;) {
      any = false;
      multiply(direction.data());
      for (int64_t row = 0; row < rows; ++row)
        if (State &state = states[size_t(row)]; state.active) {
          step(row);
          any |= state.active;
        }
    }
  }

private:
  struct State {
    double norm = 0;  ///< r diag(A)⁻¹ rᵀ
    double cost = 0;  ///< (w* - q) A (w* - q)ᵀ
    double floor = 0; ///< what the f32 products do not resolve
    double gain = 0;  ///< what it fell in this window
    int steps = 0;
    bool active = true;
  };

  double diagonal(int64_t col) const { return normal.at(col, col); }

  /// image = v A
  void multiply(const double *v) {
    std::copy_n(v, narrow.size(), narrow.begin());
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, k, k, 1, narrow.data(), k, normal.hessian.data(), k, 0,
                image.data(), k);
    for (size_t i = 0; i < image.size(); ++i)
      image[i] += float(normal.shift[i % size_t(k)]) * narrow[i];
  }

  void step(int64_t row) {
    State &state = states[size_t(row)];
    size_t begin = size_t(row * k), end = begin + size_t(k);
    double curvature = 0;
    for (size_t i = begin; i < end; ++i)
      curvature += direction[i] * double(image[i]); // the direction is zero outside the mask
    double gain = state.norm * state.norm / curvature;
    if (!(gain > 0)) { // the residual is zero
      state.active = false;
      return;
    }
    state.cost -= gain;
    state.gain += gain;
    if (++state.steps % kWindow == 0) {
      state.active = state.gain > kLeastGain * std::max(state.cost, state.floor);
      state.gain = 0;
    }
    double length = state.norm / curvature, norm = 0;
    for (size_t i = begin; i < end; ++i)
      if (mask[i]) {
        q[i] += length * direction[i];
        residual[i] -= length * double(image[i]);
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
  std::vector<double> residual, direction;
  std::vector<float> image, narrow; ///< of the last product
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

Status refit(std::span<const float> w, int64_t rows, const Normal &normal, int64_t exactCols, unsigned threads,
             Masked &masked) {
  SingleThreadedBlas blas;
  int64_t k = normal.k;
  std::mutex mutex;
  Status failure; // of the first row that fails, whatever the threads
  int64_t failed = rows;
  parallelFor(0, rows, kRows, threads, [&](int64_t begin, int64_t end) {
    std::vector<double> b = rightHandSides(w, normal, begin, end);
    const uint8_t *mask = masked.mask.data() + begin * k;
    double *q = masked.q.data() + begin * k;
    if (k > exactCols)
      return Gradients(normal, end - begin, w.data() + begin * k, b, mask, q).run();
    for (int64_t row = 0; row < end - begin; ++row)
      if (Status status = solveRow(normal, b.data() + row * k, mask + row * k, q + row * k); !status) {
        std::lock_guard lock(mutex);
        if (begin + row > failed)
          return;
        failed = begin + row;
        failure = Error{text("row ", begin + row, ", least squares of kept weights: ", status.error().message,
                             "; raise the damping")};
        return;
      }
  });
  return failure;
}

} // namespace qcc::quant
