//===- OpsRows.cpp - Gathers, norms and reductions ------------------------===//

#include "Ops.h"

#include <cmath>

namespace qcc::interp {
namespace {

/// A shape seen as [outer, extent, inner] around one axis.
struct AxisView {
  int64_t outer = 1, extent = 1, inner = 1;
  AxisView(const std::vector<int64_t> &shape, int64_t axis) {
    for (int64_t i = 0; i < int64_t(shape.size()); ++i)
      (i < axis ? outer : i == axis ? extent : inner) *= shape[size_t(i)];
  }
};

} // namespace

template <typename T> Tensor<T> evalGather(mlir::Value result, const Tensor<T> &table, const Tensor<T> &indices) {
  int64_t columns = table.columns();
  std::vector<T> y;
  y.reserve(indices.integers().size() * size_t(columns));
  for (int32_t index : indices.integers()) {
    std::span<const T> row = table.data().subspan(size_t(index) * size_t(columns), size_t(columns));
    y.insert(y.end(), row.begin(), row.end());
  }
  return finish<T>(result, {int64_t(indices.integers().size()), columns}, std::move(y));
}

template <typename T> Tensor<T> evalRmsNorm(graph::RmsNormOp op, const Tensor<T> &x, const Tensor<T> &weight) {
  int64_t columns = x.columns();
  T eps = T(op.getEps().convertToDouble());
  std::vector<T> y(x.data().begin(), x.data().end());
  for (int64_t row = 0; row < x.rows(); ++row) {
    T *values = &y[size_t(row * columns)];
    double squares = 0; // wide accumulation: the sum's own error is not part of the op's meaning
    for (int64_t col = 0; col < columns; ++col)
      squares += double(values[col]) * double(values[col]);
    T factor = 1 / std::sqrt(T(squares / double(columns)) + eps);
    for (int64_t col = 0; col < columns; ++col)
      values[col] = values[col] * factor * weight.data()[size_t(col)];
  }
  return finish<T>(op.getY(), x.shape, std::move(y));
}

template <typename T> Tensor<T> evalSoftmax(graph::SoftmaxOp op, const Tensor<T> &x) {
  AxisView view(x.shape, int64_t(op.getAxis()));
  std::vector<T> y(x.data().begin(), x.data().end());
  for (int64_t o = 0; o < view.outer; ++o)
    for (int64_t i = 0; i < view.inner; ++i) {
      auto at = [&](int64_t e) -> T & { return y[size_t((o * view.extent + e) * view.inner + i)]; };
      T largest = at(0);
      for (int64_t e = 1; e < view.extent; ++e)
        largest = larger(largest, at(e));
      double sum = 0;
      for (int64_t e = 0; e < view.extent; ++e)
        sum += double(at(e) = std::exp(at(e) - largest));
      for (int64_t e = 0; e < view.extent; ++e)
        at(e) = T(double(at(e)) / sum);
    }
  return finish<T>(op.getY(), x.shape, std::move(y));
}

template <typename T> Tensor<T> evalReduce(graph::ReduceOp op, const Tensor<T> &x) {
  int64_t axis = int64_t(op.getAxis());
  AxisView view(x.shape, axis);
  std::vector<T> y;
  for (int64_t o = 0; o < view.outer; ++o)
    for (int64_t i = 0; i < view.inner; ++i) {
      auto at = [&](int64_t e) { return x.data()[size_t((o * view.extent + e) * view.inner + i)]; };
      double sum = 0;
      T largest = at(0);
      for (int64_t e = 0; e < view.extent; ++e) {
        sum += double(at(e));
        largest = larger(largest, at(e));
      }
      bool isMax = op.getKind() == graph::ReduceKind::max, isMean = op.getKind() == graph::ReduceKind::mean;
      y.push_back(isMax ? largest : T(isMean ? sum / double(view.extent) : sum));
    }
  std::vector<int64_t> shape = x.shape;
  shape.erase(shape.begin() + axis);
  return finish<T>(op.getY(), std::move(shape), std::move(y));
}

template <typename T> Tensor<T> evalArgmax(const Tensor<T> &x) {
  std::vector<int32_t> y;
  for (int64_t row = 0; row < x.rows(); ++row) {
    std::span<const T> values = x.data().subspan(size_t(row * x.columns()), size_t(x.columns()));
    size_t best = 0;
    // NaN counts as the largest, so that it is seen.
    for (size_t i = 1; i < values.size(); ++i)
      if (values[i] > values[best] || (std::isnan(values[i]) && !std::isnan(values[best])))
        best = i;
    y.push_back(int32_t(best));
  }
  return Tensor<T>::makeInts({x.rows()}, std::move(y));
}

#define INSTANTIATE(T)                                                                                                 \
  template Tensor<T> evalGather(mlir::Value, const Tensor<T> &, const Tensor<T> &);                                    \
  template Tensor<T> evalRmsNorm(graph::RmsNormOp, const Tensor<T> &, const Tensor<T> &);                              \
  template Tensor<T> evalSoftmax(graph::SoftmaxOp, const Tensor<T> &);                                                 \
  template Tensor<T> evalReduce(graph::ReduceOp, const Tensor<T> &);                                                   \
  template Tensor<T> evalArgmax(const Tensor<T> &);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

} // namespace qcc::interp
