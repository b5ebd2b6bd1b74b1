//===- OpsShape.cpp - Moving values ---------------------------------------===//

#include "Ops.h"

namespace qcc::interp {

template <typename T> Tensor<T> evalReshape(graph::ReshapeOp op, const Tensor<T> &x) {
  auto type = mlir::cast<mlir::RankedTensorType>(op.getY().getType());
  std::vector<int64_t> shape = type.getShape();
  int64_t known = 1;
  for (int64_t extent : shape)
    known *= mlir::ShapedType::isDynamic(extent) ? 1 : extent;
  for (int64_t &extent : shape)
    if (mlir::ShapedType::isDynamic(extent)) // the leading one; the others are equal on both sides
      extent = known == 0 ? 0 : x.size() / known;
  return {x.type, std::move(shape), x.values, x.ints};
}

template <typename T> Tensor<T> evalTranspose(graph::TransposeOp op, const Tensor<T> &x) {
  llvm::ArrayRef<int64_t> permutation = op.getPermutation();
  size_t rank = x.shape.size();
  std::vector<int64_t> shape(rank), strides(rank), from(rank);
  for (size_t i = rank, stride = 1; i-- > 0; stride *= size_t(x.shape[i]))
    strides[i] = int64_t(stride);
  for (size_t i = 0; i < rank; ++i) {
    shape[i] = x.shape[size_t(permutation[i])];
    from[i] = strides[size_t(permutation[i])];
  }
  std::vector<T> y(x.data().size());
  std::vector<int64_t> index(rank, 0);
  for (T &value : y) {
    int64_t offset = 0;
    for (size_t i = 0; i < rank; ++i)
      offset += index[i] * from[i];
    value = x.data()[size_t(offset)];
    for (size_t i = rank; i-- > 0 && ++index[i] == shape[i];)
      index[i] = 0;
  }
  return Tensor<T>::make(x.type, std::move(shape), std::move(y));
}

template <typename T> Tensor<T> concatenate(llvm::ArrayRef<Tensor<T>> inputs, int64_t axis) {
  std::vector<int64_t> shape = inputs.front().shape;
  int64_t outer = 1, total = 0;
  for (int64_t i = 0; i < axis; ++i)
    outer *= shape[size_t(i)];
  for (const Tensor<T> &input : inputs)
    total += input.shape[size_t(axis)];
  shape[size_t(axis)] = total;
  std::vector<T> y;
  for (int64_t o = 0; o < outer; ++o)
    for (const Tensor<T> &input : inputs) {
      size_t piece = input.data().size() / size_t(outer);
      std::span<const T> values = input.data().subspan(size_t(o) * piece, piece);
      y.insert(y.end(), values.begin(), values.end());
    }
  return Tensor<T>::make(inputs.front().type, std::move(shape), std::move(y));
}

template <typename T> Tensor<T> sliceAxis(const Tensor<T> &x, int64_t axis, int64_t begin, int64_t size) {
  int64_t outer = 1, inner = 1, extent = x.shape[size_t(axis)];
  for (int64_t i = 0; i < int64_t(x.shape.size()); ++i)
    if (i != axis)
      (i < axis ? outer : inner) *= x.shape[size_t(i)];
  std::vector<int64_t> shape = x.shape;
  shape[size_t(axis)] = size;
  std::vector<T> y;
  for (int64_t o = 0; o < outer; ++o) {
    std::span<const T> values = x.data().subspan(size_t((o * extent + begin) * inner), size_t(size * inner));
    y.insert(y.end(), values.begin(), values.end());
  }
  return Tensor<T>::make(x.type, std::move(shape), std::move(y));
}

#define INSTANTIATE(T)                                                                                                 \
  template Tensor<T> evalReshape(graph::ReshapeOp, const Tensor<T> &);                                                 \
  template Tensor<T> evalTranspose(graph::TransposeOp, const Tensor<T> &);                                             \
  template Tensor<T> concatenate(llvm::ArrayRef<Tensor<T>>, int64_t);                                                  \
  template Tensor<T> sliceAxis(const Tensor<T> &, int64_t, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

} // namespace qcc::interp
