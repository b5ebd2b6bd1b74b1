//===- TileEvaluator.h - Row ranges of derived values -----------*- C++ -*-===//
#ifndef QCC_LIB_INTERPRETER_TILEEVALUATOR_H
#define QCC_LIB_INTERPRETER_TILEEVALUATOR_H

#include "Ops.h"

#include <map>
#include <tuple>

namespace qcc::interp {

/// Rows [begin, end) of a parameter as f32. Fails when the source lacks it, its stored type or shape is not the
/// declared one (integer codes are stored as i8), a value is not finite, or a code is outside its type's range.
Expected<Tensor<float>> loadParameter(graph::ParameterOp op, const ParameterSource &source, int64_t begin, int64_t end);
/// The checks of loadParameter that need no data.
Status checkParameter(graph::ParameterOp op, const ParameterSource &source);

/// What `get` refers to.
mlir::Operation *lookup(graph::GetOp get);
/// The value behind gets of derivations: the yielded one.
mlir::Value throughGets(mlir::Value value);

/// Evaluates ranges of leading-dimension rows of values in derivations, on demand and only the rows asked for where an
/// op is row-wise. Each range of a value is computed once per evaluator.
class TileEvaluator {
public:
  /// `threads` search scales; the numbers do not depend on them.
  explicit TileEvaluator(const ParameterSource &source, unsigned threads = 1) : source(source), threads(threads) {}
  /// For scalars the range is ignored, rows that share a scale in blocks are best asked for in whole blocks. Not for
  /// results of pack.
  Expected<Tensor<float>> rows(mlir::Value value, int64_t begin, int64_t end);
  Expected<Tensor<float>> whole(mlir::Value value);

private:
  Expected<Tensor<float>> compute(mlir::Value value, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeGet(graph::GetOp op, mlir::Value value, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeBinary(mlir::Operation *op, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeConcat(graph::ConcatOp op, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeSlice(graph::SliceOp op, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeTranspose(graph::TransposeOp op, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeReshape(graph::ReshapeOp op, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeBroadcast(graph::BroadcastOp op, int64_t begin, int64_t end);
  /// Rows [begin, end) of the scales or zero points that belong to such rows of data.
  Expected<Tensor<float>> scaleRows(graph::SchemeAttr scheme, mlir::Value scales, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeQuantize(graph::QuantizeOp op, mlir::Value value, int64_t begin, int64_t end);
  Expected<Tensor<float>> computeDequantize(graph::DequantizeOp op, int64_t begin, int64_t end);

  const ParameterSource &source;
  unsigned threads;
  std::map<std::tuple<const void *, int64_t, int64_t>, Tensor<float>> known;
};

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_TILEEVALUATOR_H
