//===- WeightValues.cpp ---------------------------------------------------===//

#include "WeightValues.h"
#include "Evaluate.h"
#include "TileEvaluator.h"
#include "qcc/Interpreter/Derivation.h"

using mlir::Value;

namespace qcc::interp {

template <typename T> bool WeightValues<T>::isWeight(Value value) {
  mlir::Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (mlir::isa<graph::GetOp>(op))
    return true;
  return op->getNumOperands() > 0 && mlir::isMemoryEffectFree(op) && llvm::all_of(op->getOperands(), isWeight);
}

template <typename T> Status WeightValues<T>::readGet(graph::GetOp get, Values &scratch) const {
  Expected<Derivation> derivation = Derivation::create(lookup(get), source);
  if (!derivation)
    return derivation.takeError();
  Expected<std::vector<Tensor<float>>> all = derivation->values();
  if (!all)
    return all.takeError();
  for (auto [result, values] : llvm::zip_equal(get.getResults(), *all)) {
    if (scratch.contains(result))
      continue;
    if constexpr (std::is_same_v<T, float>)
      scratch[result] = std::move(values);
    else
      scratch[result] = Tensor<T>::make(values.type, values.shape, {values.data().begin(), values.data().end()});
  }
  return {};
}

template <typename T> Status WeightValues<T>::evaluate(Value value, Values &scratch) const {
  if (scratch.contains(value))
    return {};
  mlir::Operation *op = value.getDefiningOp();
  if (auto get = mlir::dyn_cast<graph::GetOp>(op))
    return readGet(get, scratch);
  for (Value operand : op->getOperands())
    if (Status status = evaluate(operand, scratch); !status)
      return status;
  Results<T> results =
      evaluatePure<T>(op, [&](Value operand) -> const Tensor<T> & { return scratch.find(operand)->second; });
  if (!results)
    return results.takeError();
  for (auto [result, tensor] : llvm::zip(op->getResults(), *results))
    scratch[result] = std::move(tensor);
  return {};
}

template <typename T> Status WeightValues<T>::load(Value value) {
  if (kept.contains(value))
    return {};
  Values scratch = given;
  if (Status status = evaluate(value, scratch); !status)
    return status;
  if (Status status = checkSparse24(value, scratch[value]); !status)
    return status;
  kept[value] = std::move(scratch[value]);
  return {};
}

template <typename T> bool WeightValues<T>::follows(Value value, Value from) const {
  if (value == from)
    return true;
  mlir::Operation *op = value.getDefiningOp();
  return llvm::any_of(op->getOperands(), [&](Value operand) { return follows(operand, from); });
}

template <typename T> Status WeightValues<T>::replace(Value value, Tensor<T> tensor) {
  given[value] = std::move(tensor);
  llvm::SmallVector<Value> stale;
  for (auto &[known, numbers] : kept)
    if (follows(known, value))
      stale.push_back(known);
  for (Value known : stale) {
    kept.erase(known);
    if (Status status = load(known); !status)
      return status;
  }
  return {};
}

template class WeightValues<float>;
template class WeightValues<double>;

} // namespace qcc::interp
