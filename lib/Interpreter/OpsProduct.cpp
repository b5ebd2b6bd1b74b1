//===- OpsProduct.cpp - Products by BLAS ----------------------------------===//

#include "Ops.h"
#include "qcc/Support/Text.h"

#include <cblas.h>

#include <algorithm>

namespace qcc::interp {

void product(int64_t m, int64_t n, int64_t k, const float *a, int64_t pitchA, const float *b, int64_t pitchB,
             bool transposed, float *y, int64_t pitchY) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, m, n, k, 1, a, pitchA, b, pitchB, 0,
              y, pitchY);
}

void product(int64_t m, int64_t n, int64_t k, const double *a, int64_t pitchA, const double *b, int64_t pitchB,
             bool transposed, double *y, int64_t pitchY) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, transposed ? CblasTrans : CblasNoTrans, m, n, k, 1, a, pitchA, b, pitchB, 0,
              y, pitchY);
}

namespace {

bool isDequantizedInt8(mlir::Value value) {
  auto dequantize = value.getDefiningOp<graph::DequantizeOp>();
  return dequantize && dequantize.getScheme().getStorage().isInteger(8);
}

/// x · wᵀ with sums in double, a slab of w's rows at a time.
void wideProduct(int64_t rows, int64_t n, int64_t k, const float *x, const float *w, float *y) {
  constexpr int64_t slab = 256;
  std::vector<double> wideX(x, x + rows * k), wideW, sums;
  for (int64_t first = 0; first < n; first += slab) {
    int64_t count = std::min(slab, n - first);
    wideW.assign(w + first * k, w + (first + count) * k);
    sums.resize(size_t(rows * count));
    product(rows, count, k, wideX.data(), k, wideW.data(), k, true, sums.data(), count);
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(&sums[size_t(row * count)], count, &y[row * n + first]);
  }
}

template <typename T>
void linearProduct(graph::LinearOp op, int64_t rows, int64_t n, int64_t k, const T *x, const T *w, T *y) {
  if constexpr (std::is_same_v<T, float>)
    if (isDequantizedInt8(op.getX()) && isDequantizedInt8(op.getW()))
      return wideProduct(rows, n, k, x, w, y);
  product(rows, n, k, x, k, w, k, true, y, n);
}

} // namespace

template <typename T>
Tensor<T> evalLinear(graph::LinearOp op, const Tensor<T> &x, const Tensor<T> &w, const Tensor<T> *bias) {
  int64_t rows = x.rows(), n = w.shape[0], k = w.shape[1];
  std::vector<T> y(size_t(rows * n));
  if (rows > 0)
    linearProduct(op, rows, n, k, x.data().data(), w.data().data(), y.data());
  if (bias)
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < n; ++col)
        y[size_t(row * n + col)] += bias->data()[size_t(col)];
  std::vector<int64_t> shape = x.shape;
  shape.back() = n;
  return finish<T>(op.getY(), std::move(shape), std::move(y));
}

template <typename T> Tensor<T> evalMatmul(graph::MatmulOp op, const Tensor<T> &a, const Tensor<T> &b) {
  size_t rank = a.shape.size();
  int64_t m = a.shape[rank - 2], k = a.shape[rank - 1], n = b.shape[rank - 1];
  int64_t batch = m * k == 0 ? 0 : a.size() / (m * k);
  std::vector<int64_t> shape = a.shape;
  shape.back() = n;
  std::vector<T> y(size_t(batch * m * n));
  for (int64_t i = 0; i < batch; ++i)
    product(m, n, k, &a.data()[size_t(i * m * k)], k, &b.data()[size_t(i * k * n)], n, false, &y[size_t(i * m * n)], n);
  return finish<T>(op.getY(), std::move(shape), std::move(y));
}

template <typename T> Status checkSparse24(mlir::Value value, const Tensor<T> &w) {
  for (mlir::OpOperand &use : value.getUses()) {
    auto linear = mlir::dyn_cast<graph::LinearOp>(use.getOwner());
    if (!linear || !linear.getSparse24() || &use != &linear.getWMutable())
      continue;
    for (int64_t row = 0; row < w.rows(); ++row)
      for (int64_t col = 0; col < w.columns(); col += 4) {
        auto four = w.data().subspan(size_t(row * w.columns() + col), size_t(std::min<int64_t>(4, w.columns() - col)));
        if (std::count_if(four.begin(), four.end(), [](T v) { return v != 0; }) > 2)
          return Error{text("the weight of ", linear.getName().value_or("a linear").str(),
                            " is marked 2:4 sparse, but row ", row,
                            " has more than two values that are not zero in columns ", col, " to ",
                            col + int64_t(four.size()) - 1, "; prune it again")};
      }
    break;
  }
  return {};
}

template Status checkSparse24(mlir::Value, const Tensor<float> &);
template Status checkSparse24(mlir::Value, const Tensor<double> &);
template Tensor<float> evalLinear(graph::LinearOp, const Tensor<float> &, const Tensor<float> &, const Tensor<float> *);
template Tensor<double> evalLinear(graph::LinearOp, const Tensor<double> &, const Tensor<double> &,
                                   const Tensor<double> *);
template Tensor<float> evalMatmul(graph::MatmulOp, const Tensor<float> &, const Tensor<float> &);
template Tensor<double> evalMatmul(graph::MatmulOp, const Tensor<double> &, const Tensor<double> &);

} // namespace qcc::interp
