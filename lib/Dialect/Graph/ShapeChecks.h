//===- ShapeChecks.h - What the verifiers of graph ops share ------*- C++ -*-===//
#ifndef QCC_LIB_DIALECT_GRAPH_SHAPECHECKS_H
#define QCC_LIB_DIALECT_GRAPH_SHAPECHECKS_H

#include "qcc/Dialect/Graph/GraphDialect.h"

namespace qcc::graph {

inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

inline bool isFloat(mlir::Value value) { return mlir::isa<mlir::FloatType>(tensorOf(value).getElementType()); }

/// i32 of the given rank.
inline bool isIndices(mlir::Value value, int64_t rank) {
  return tensorOf(value).getRank() == rank && tensorOf(value).getElementType().isInteger(32);
}

/// The shape of `type` with its last dimension replaced.
inline llvm::SmallVector<int64_t> withLastDim(mlir::RankedTensorType type, int64_t extent) {
  llvm::SmallVector<int64_t> shape(type.getShape());
  shape.back() = extent;
  return shape;
}

/// Both values have the same shape; dynamic dimensions match dynamic ones only.
inline bool sameShape(mlir::Value a, mlir::Value b) { return tensorOf(a).getShape() == tensorOf(b).getShape(); }

} // namespace qcc::graph

#endif // QCC_LIB_DIALECT_GRAPH_SHAPECHECKS_H
