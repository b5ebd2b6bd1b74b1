//===- Evaluate.h - One op of forward, whoever walks it ---------*- C++ -*-===//
#ifndef QCC_LIB_INTERPRETER_EVALUATE_H
#define QCC_LIB_INTERPRETER_EVALUATE_H

#include "Cache.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace qcc::interp {

/// `forward` of a module, checked for the arguments and results of a step (docs/architecture.md).
Expected<mlir::func::FuncOp> findForward(mlir::ModuleOp module);

/// The module's cache with `pages` pages; one without layers when it has none.
template <typename T> std::unique_ptr<Cache<T>> makeCache(mlir::ModuleOp module, int64_t pages);

/// Tokens below this are columns of the logits and rows of every embedding table.
int64_t findTokenLimit(mlir::func::FuncOp forward);

/// Adds the arguments of forward to `values`.
template <typename T>
void bindArguments(mlir::func::FuncOp forward, const RaggedBatch &batch,
                   llvm::DenseMap<mlir::Value, Tensor<T>> &values);

/// The numbers of an operand; they stay where they are while the op is evaluated.
template <typename T> using Operands = llvm::function_ref<const Tensor<T> &(mlir::Value)>;
template <typename T> using Results = Expected<std::vector<Tensor<T>>>;

/// An op that neither touches the cache nor reads weights by name.
template <typename T> Results<T> evaluatePure(mlir::Operation *op, Operands<T> operand);
/// Any op but graph.get.
template <typename T>
Results<T> evaluateOp(mlir::Operation *op, Operands<T> operand, Cache<T> &cache, const RaggedBatch &batch);

/// Hands an op's float results to the observer, if there is one.
template <typename T> void notify(const Observer &observer, mlir::Operation *op, llvm::ArrayRef<Tensor<T>> results);

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_EVALUATE_H
