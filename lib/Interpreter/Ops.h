//===- Ops.h - The meaning of each op, by family ----------------*- C++ -*-===//
//
// Every function computes in T from its operands' values and rounds once to the result's element type. Shapes were
// verified by the ops' verifiers; dynamic extents come from the operands. T is float or double.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_INTERPRETER_OPS_H
#define QCC_LIB_INTERPRETER_OPS_H

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Interpreter/Tensor.h"

#include "llvm/ADT/ArrayRef.h"

#include <cmath>

namespace qcc::interp {

/// The element type of an op's result.
inline DType resultType(mlir::Value value) {
  return dtypeOf(mlir::cast<mlir::RankedTensorType>(value.getType()).getElementType());
}

/// Rounds and wraps a result.
template <typename T> Tensor<T> finish(mlir::Value result, std::vector<int64_t> shape, std::vector<T> values) {
  DType type = resultType(result);
  roundTo(type, std::span<T>(values));
  return Tensor<T>::make(type, std::move(shape), std::move(values));
}

/// The larger of two numbers; NaN wins, as it does in the kernels (arith.maximumf), so that it is seen.
template <typename T> T larger(T a, T b) { return std::isnan(a) ? a : std::isnan(b) || a < b ? b : a; }

// OpsElementwise.cpp. `op` has the trait Unary or Binary, or is a cast.
template <typename T> Tensor<T> evalUnary(mlir::Operation *op, const Tensor<T> &x);
template <typename T> Tensor<T> evalBinary(mlir::Operation *op, const Tensor<T> &a, const Tensor<T> &b);
template <typename T> Tensor<T> evalCast(graph::CastOp op, const Tensor<T> &x);

// OpsProduct.cpp. `bias` may be null. Where both operands are dequantized from i8, sums are taken in double: the
// kernels take them exactly in int32.
template <typename T>
Tensor<T> evalLinear(graph::LinearOp op, const Tensor<T> &x, const Tensor<T> &w, const Tensor<T> *bias);
template <typename T> Tensor<T> evalMatmul(graph::MatmulOp op, const Tensor<T> &a, const Tensor<T> &b);
/// y[m, n] = sum over k of a[m, k] · b(k, n), where b is stored [k, n] or, transposed, [n, k]; row pitches in elements.
void product(int64_t m, int64_t n, int64_t k, const float *a, int64_t pitchA, const float *b, int64_t pitchB,
             bool transposed, float *y, int64_t pitchY);
void product(int64_t m, int64_t n, int64_t k, const double *a, int64_t pitchA, const double *b, int64_t pitchB,
             bool transposed, double *y, int64_t pitchY);

/// Fails where `value`, with these numbers, is the weight of a linear marked sparse24 and has more than two values that
/// are not zero in an aligned four columns of a row.
template <typename T> Status checkSparse24(mlir::Value value, const Tensor<T> &w);

// OpsRows.cpp. Ids and rows are in range (checked when the step begins).
template <typename T> Tensor<T> evalGather(mlir::Value result, const Tensor<T> &table, const Tensor<T> &indices);
template <typename T> Tensor<T> evalRmsNorm(graph::RmsNormOp op, const Tensor<T> &x, const Tensor<T> &weight);
template <typename T> Tensor<T> evalSoftmax(graph::SoftmaxOp op, const Tensor<T> &x);
template <typename T> Tensor<T> evalReduce(graph::ReduceOp op, const Tensor<T> &x);
template <typename T> Tensor<T> evalArgmax(const Tensor<T> &x);

// OpsShape.cpp
template <typename T> Tensor<T> evalReshape(graph::ReshapeOp op, const Tensor<T> &x);
template <typename T> Tensor<T> evalTranspose(graph::TransposeOp op, const Tensor<T> &x);
template <typename T> Tensor<T> concatenate(llvm::ArrayRef<Tensor<T>> inputs, int64_t axis);
template <typename T> Tensor<T> sliceAxis(const Tensor<T> &x, int64_t axis, int64_t begin, int64_t size);

// OpsQuant.cpp
/// Codes, and scales and perhaps zero points if there was no `scale` operand (null). Always in f32, the arithmetic of
/// lib/Quant and of the kernels, so that codes are the same bits; x was rounded to f32 or less. Dynamic schemes take
/// that of activations (ActivationCodes.h), others that of weights (ScaleSearch.h). Fails for schemes without a
/// quantizer.
template <typename T>
Expected<std::vector<Tensor<T>>> evalQuantize(graph::QuantizeOp op, const Tensor<T> &x, const Tensor<T> *scale,
                                              unsigned threads = 1);
/// `zeros` may be null. `firstRow` is the row of the whole at which `codes` begins; where blocks of rows share a scale,
/// `scales` begins with that row's block.
template <typename T>
Tensor<T> evalDequantize(graph::DequantizeOp op, const Tensor<T> &codes, const Tensor<T> &scales,
                         const Tensor<T> *zeros, int64_t firstRow = 0);

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_OPS_H
