//===- WeightValues.h - What follows from weights alone ---------*- C++ -*-===//
#ifndef QCC_LIB_INTERPRETER_WEIGHTVALUES_H
#define QCC_LIB_INTERPRETER_WEIGHTVALUES_H

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Interpreter/Tensor.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace qcc::interp {

/// Values of `forward` that do not depend on the batch: results of graph.get and of ops without effects on such values.
/// They are evaluated when asked for. What lies between a get and an asked value (codes before their dequantization) is
/// dropped again.
template <typename T> class WeightValues {
public:
  explicit WeightValues(const ParameterSource &source) : source(source) {}

  static bool isWeight(mlir::Value value);

  /// Evaluates and keeps a value. Fails on unreadable or non-finite weights.
  Status load(mlir::Value value);
  /// Replaces a value by other numbers and evaluates the kept values that follow from it again.
  Status replace(mlir::Value value, Tensor<T> tensor);
  /// A loaded value, or null.
  const Tensor<T> *find(mlir::Value value) const {
    auto found = kept.find(value);
    return found == kept.end() ? nullptr : &found->second;
  }
  void clear() {
    kept.clear();
    given.clear();
  }

private:
  using Values = llvm::DenseMap<mlir::Value, Tensor<T>>;
  /// Evaluates `value` and what it needs into `scratch`.
  Status evaluate(mlir::Value value, Values &scratch) const;
  Status readGet(graph::GetOp get, Values &scratch) const;
  bool follows(mlir::Value value, mlir::Value from) const;

  const ParameterSource &source;
  Values kept;
  Values given; ///< by replace
};

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_WEIGHTVALUES_H
