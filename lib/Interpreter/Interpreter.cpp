//===- Interpreter.cpp - Walks forward ------------------------------------===//

#include "qcc/Interpreter/Interpreter.h"
#include "BatchCheck.h"
#include "Evaluate.h"
#include "WeightValues.h"

using mlir::Operation;
using mlir::Value;

namespace qcc::interp {
namespace {

template <typename T> class Executor final : public Interpreter {
public:
  Executor(mlir::func::FuncOp forward, const ParameterSource &source, Options options)
      : forward(forward), options(std::move(options)), weights(source) {}

  Status prepare();
  Expected<StepResult> step(const RaggedBatch &batch) override;
  int64_t vocabulary() const override { return vocabularySize; }
  int64_t pageSize() const override { return cache->pageSize(); }
  int64_t pages() const override { return options.pages; }

private:
  const Tensor<T> &operand(Value value) const {
    const Tensor<T> *weight = weights.find(value);
    return weight ? *weight : live.find(value)->second;
  }
  /// Forgets operands whose last use was `op`.
  void release(Operation *op);

  mlir::func::FuncOp forward;
  Options options;
  std::unique_ptr<Cache<T>> cache;
  int64_t vocabularySize = 0; ///< columns of the logits
  int64_t tokenLimit = 0;
  WeightValues<T> weights;               ///< kept between steps
  llvm::DenseMap<Value, Tensor<T>> live; ///< of the current step
  llvm::DenseMap<Value, unsigned> usesLeft;
};

template <typename T> Status Executor<T>::prepare() {
  cache = makeCache<T>(forward->getParentOfType<mlir::ModuleOp>(), options.pages);
  vocabularySize = mlir::cast<mlir::RankedTensorType>(forward.getFunctionType().getResult(0)).getDimSize(1);
  tokenLimit = findTokenLimit(forward);
  for (Operation &op : forward.getBody().front()) {
    if (op.getNumResults() > 0 && weights.isWeight(op.getResult(0)))
      continue;
    for (Value value : op.getOperands())
      if (weights.isWeight(value))
        if (Status status = weights.load(value); !status)
          return status;
  }
  return {};
}

template <typename T> void Executor<T>::release(Operation *op) {
  for (Value value : op->getOperands())
    if (auto found = usesLeft.find(value); found != usesLeft.end() && --found->second == 0)
      live.erase(value);
}

template <typename T> Expected<StepResult> Executor<T>::step(const RaggedBatch &batch) {
  if (Status status = checkBatch(batch, {tokenLimit, options.pages, cache->pageSize()}); !status)
    return status.takeError();
  live.clear();
  usesLeft.clear();
  bindArguments(forward, batch, live);
  mlir::Block &body = forward.getBody().front();
  for (Operation &op : body.without_terminator()) {
    if (op.getNumResults() > 0 && weights.isWeight(op.getResult(0)))
      continue;
    Results<T> results = evaluateOp<T>(
        &op, [&](Value value) -> const Tensor<T> & { return operand(value); }, *cache, batch);
    if (!results)
      return results.takeError();
    notify<T>(options.observer, &op, *results);
    for (auto [result, tensor] : llvm::zip(op.getResults(), *results)) {
      usesLeft[result] = unsigned(std::distance(result.use_begin(), result.use_end()));
      live[result] = std::move(tensor);
    }
    release(&op);
  }
  const Tensor<T> &logits = operand(body.getTerminator()->getOperand(0)),
                  &next = operand(body.getTerminator()->getOperand(1));
  return StepResult{
      vocabularySize, {logits.data().begin(), logits.data().end()}, {next.integers().begin(), next.integers().end()}};
}

template <typename T>
Expected<std::unique_ptr<Interpreter>> createAs(mlir::func::FuncOp forward, const ParameterSource &source,
                                                Options options) {
  auto executor = std::make_unique<Executor<T>>(forward, source, std::move(options));
  if (Status status = executor->prepare(); !status)
    return status.takeError();
  return std::unique_ptr<Interpreter>(std::move(executor));
}

} // namespace

Expected<std::unique_ptr<Interpreter>> Interpreter::create(mlir::ModuleOp module, const ParameterSource &source,
                                                           Options options) {
  Expected<mlir::func::FuncOp> forward = findForward(module);
  if (!forward)
    return forward.takeError();
  if (options.precision == Precision::F64)
    return createAs<double>(*forward, source, std::move(options));
  return createAs<float>(*forward, source, std::move(options));
}

} // namespace qcc::interp
