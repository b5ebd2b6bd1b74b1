//===- OpsProduct.cpp - Products by BLAS ----------------------------------===//

#include "Ops.h"

#include <cblas.h>

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

template <typename T>
Tensor<T> evalLinear(graph::LinearOp op, const Tensor<T> &x, const Tensor<T> &w, const Tensor<T> *bias) {
  int64_t rows = x.rows(), n = w.shape[0], k = w.shape[1];
  std::vector<T> y(size_t(rows * n));
  if (rows > 0)
    product(rows, n, k, x.data().data(), k, w.data().data(), k, true, y.data(), n);
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

template Tensor<float> evalLinear(graph::LinearOp, const Tensor<float> &, const Tensor<float> &, const Tensor<float> *);
template Tensor<double> evalLinear(graph::LinearOp, const Tensor<double> &, const Tensor<double> &,
                                   const Tensor<double> *);
template Tensor<float> evalMatmul(graph::MatmulOp, const Tensor<float> &, const Tensor<float> &);
template Tensor<double> evalMatmul(graph::MatmulOp, const Tensor<double> &, const Tensor<double> &);

} // namespace qcc::interp
