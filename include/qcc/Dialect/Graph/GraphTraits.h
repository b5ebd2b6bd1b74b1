//===- GraphTraits.h - Verifiers that elementwise ops share -------*- C++ -*-===//
#ifndef QCC_DIALECT_GRAPH_GRAPHTRAITS_H
#define QCC_DIALECT_GRAPH_GRAPHTRAITS_H

#include "mlir/IR/OpDefinition.h"

namespace qcc::graph {

namespace detail {
llvm::LogicalResult verifyUnary(mlir::Operation *op);
llvm::LogicalResult verifyBinary(mlir::Operation *op);
} // namespace detail

/// One float tensor in, one of its shape out; a trait, so that passes can ask `op->hasTrait<Unary>()`.
template <typename ConcreteType> class Unary : public mlir::OpTrait::TraitBase<ConcreteType, Unary> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) { return detail::verifyUnary(op); }
};

/// Two float tensors in, one of the left's shape out; the right may be a vector over the last dimension.
template <typename ConcreteType> class Binary : public mlir::OpTrait::TraitBase<ConcreteType, Binary> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) { return detail::verifyBinary(op); }
};

} // namespace qcc::graph

#endif // QCC_DIALECT_GRAPH_GRAPHTRAITS_H
