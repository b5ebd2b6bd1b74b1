//===- Interpreter.cpp - Walks forward ------------------------------------===//

#include "qcc/Interpreter/Interpreter.h"
#include "BatchCheck.h"
#include "Cache.h"
#include "TileEvaluator.h"
#include "qcc/Interpreter/Derivation.h"
#include "qcc/Support/Text.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using mlir::Operation;
using mlir::Value;

namespace qcc::interp {
namespace {

/// Number of arguments of `forward`, in the order of RaggedBatch.
constexpr unsigned argumentCount = 7;

template <typename T> class Executor final : public Interpreter {
public:
  Executor(mlir::func::FuncOp forward, Options options) : forward(forward), options(std::move(options)) {}

  Status prepare(const ParameterSource &source);
  Expected<StepResult> step(const RaggedBatch &batch) override;
  int64_t vocabulary() const override { return vocabularySize; }
  int64_t pageSize() const override { return cache.pageSize(); }
  int64_t pages() const override { return options.pages; }

private:
  using Results = Expected<std::vector<Tensor<T>>>;

  Status loadWeights(graph::GetOp get, const ParameterSource &source);
  Results evaluate(Operation *op, const RaggedBatch &batch);
  Results evaluatePure(Operation *op);
  const Tensor<T> &operand(Value value) const {
    auto found = live.find(value);
    return found != live.end() ? found->second : constants.find(value)->second;
  }
  void observe(Operation *op, llvm::ArrayRef<Tensor<T>> results) const;
  /// Forgets operands whose last use was `op`.
  void release(Operation *op);

  mlir::func::FuncOp forward;
  Options options;
  Cache<T> cache;
  int64_t vocabularySize = 0;                 ///< columns of the logits
  int64_t tokenLimit = 0;                     ///< also at most the rows of each embedding table
  llvm::DenseMap<Value, Tensor<T>> constants; ///< follow from weights alone: kept between steps
  llvm::DenseMap<Value, Tensor<T>> live;      ///< of the current step
  llvm::DenseMap<Value, unsigned> usesLeft;
};

template <typename T> Status Executor<T>::loadWeights(graph::GetOp get, const ParameterSource &source) {
  Expected<Derivation> derivation = Derivation::create(lookup(get), source);
  if (!derivation)
    return derivation.takeError();
  for (auto [index, result] : llvm::enumerate(get.getResults())) {
    Expected<Tensor<float>> values = derivation->values(unsigned(index));
    if (!values)
      return values.takeError();
    if constexpr (std::is_same_v<T, float>)
      constants[result] = std::move(*values);
    else
      constants[result] = Tensor<T>::make(values->type, values->shape, {values->data().begin(), values->data().end()});
  }
  return {};
}

template <typename T> Status Executor<T>::prepare(const ParameterSource &source) {
  auto module = forward->getParentOfType<mlir::ModuleOp>();
  for (auto op : module.getOps<graph::KvCacheOp>())
    cache = Cache<T>(op, options.pages);
  auto logits = mlir::cast<mlir::RankedTensorType>(forward.getFunctionType().getResult(0));
  vocabularySize = tokenLimit = logits.getShape().back();
  for (Operation &op : forward.getBody().front().without_terminator()) {
    if (auto embedding = mlir::dyn_cast<graph::EmbeddingOp>(op))
      tokenLimit =
          std::min(tokenLimit, mlir::cast<mlir::RankedTensorType>(embedding.getTable().getType()).getDimSize(0));
    if (auto get = mlir::dyn_cast<graph::GetOp>(op)) {
      if (Status status = loadWeights(get, source); !status)
        return status;
      continue;
    }
    bool isConstant = op.getNumOperands() > 0 && mlir::isMemoryEffectFree(&op) &&
                      llvm::all_of(op.getOperands(), [&](Value value) { return constants.contains(value); });
    if (!isConstant)
      continue;
    Results results = evaluatePure(&op);
    if (!results)
      return results.takeError();
    for (auto [result, tensor] : llvm::zip(op.getResults(), *results))
      constants[result] = std::move(tensor);
  }
  return {};
}

template <typename T> typename Executor<T>::Results Executor<T>::evaluate(Operation *op, const RaggedBatch &batch) {
  return llvm::TypeSwitch<Operation *, Results>(op)
      .template Case<graph::KvAppendOp>([&](auto append) -> Results {
        cache.append(append, operand(append.getK()), operand(append.getV()), operand(append.getSlots()).integers());
        return std::vector<Tensor<T>>();
      })
      .template Case<graph::AttentionOp>([&](auto attention) -> Results {
        return std::vector{cache.attend(attention, operand(attention.getQ()), batch)};
      })
      .Default([&](Operation *) { return evaluatePure(op); });
}

template <typename T> typename Executor<T>::Results Executor<T>::evaluatePure(Operation *op) {
  auto in = [&](unsigned index) -> const Tensor<T> & { return operand(op->getOperand(index)); };
  auto optional = [&](Value value) { return value ? &operand(value) : nullptr; };
  auto one = [](Tensor<T> tensor) -> Results { return std::vector{std::move(tensor)}; };
  if (op->hasTrait<graph::Unary>())
    return one(evalUnary(op, in(0)));
  if (op->hasTrait<graph::Binary>())
    return one(evalBinary(op, in(0), in(1)));
  return llvm::TypeSwitch<Operation *, Results>(op)
      .template Case<graph::CastOp>([&](auto x) { return one(evalCast(x, in(0))); })
      .template Case<graph::LinearOp>([&](auto x) { return one(evalLinear(x, in(0), in(1), optional(x.getBias()))); })
      .template Case<graph::MatmulOp>([&](auto x) { return one(evalMatmul(x, in(0), in(1))); })
      .template Case<graph::EmbeddingOp>([&](auto x) { return one(evalGather(x.getY(), in(1), in(0))); })
      .template Case<graph::GatherRowsOp>([&](auto x) { return one(evalGather(x.getY(), in(0), in(1))); })
      .template Case<graph::RmsNormOp>([&](auto x) { return one(evalRmsNorm(x, in(0), in(1))); })
      .template Case<graph::RopeOp>([&](auto x) { return one(evalRope(x, in(0), in(1))); })
      .template Case<graph::SoftmaxOp>([&](auto x) { return one(evalSoftmax(x, in(0))); })
      .template Case<graph::ReduceOp>([&](auto x) { return one(evalReduce(x, in(0))); })
      .template Case<graph::ArgmaxOp>([&](auto x) { return one(evalArgmax(in(0))); })
      .template Case<graph::ReshapeOp>([&](auto x) { return one(evalReshape(x, in(0))); })
      .template Case<graph::TransposeOp>([&](auto x) { return one(evalTranspose(x, in(0))); })
      .template Case<graph::ConcatOp>([&](auto x) {
        std::vector<Tensor<T>> inputs;
        for (Value input : x.getInputs())
          inputs.push_back(operand(input));
        return one(concatenate<T>(inputs, int64_t(x.getAxis())));
      })
      .template Case<graph::SliceOp>([&](auto x) {
        return one(sliceAxis(in(0), int64_t(x.getAxis()), int64_t(x.getBegin()), int64_t(x.getSize())));
      })
      .template Case<graph::QuantizeOp>([&](auto x) { return evalQuantize(x, in(0), optional(x.getScale())); })
      .template Case<graph::DequantizeOp>([&](auto x) { return one(evalDequantize(x, in(0), in(1))); })
      .Default([](Operation *unknown) -> Results {
        return Error{text("the interpreter does not execute '", unknown->getName().getStringRef().str(),
                          "'; it runs IR of the import and quantize phases")};
      });
}

template <typename T> void Executor<T>::observe(Operation *op, llvm::ArrayRef<Tensor<T>> results) const {
  if (!options.observer)
    return;
  for (auto [index, tensor] : llvm::enumerate(results))
    if (tensor.values) {
      std::vector<float> values(tensor.data().begin(), tensor.data().end());
      options.observer(op, unsigned(index), tensor.shape, values);
    }
}

template <typename T> void Executor<T>::release(Operation *op) {
  for (Value value : op->getOperands())
    if (auto found = usesLeft.find(value); found != usesLeft.end() && --found->second == 0)
      live.erase(value);
}

template <typename T> Expected<StepResult> Executor<T>::step(const RaggedBatch &batch) {
  if (Status status = checkBatch(batch, {tokenLimit, options.pages, cache.pageSize()}); !status)
    return status.takeError();
  live.clear();
  usesLeft.clear();
  const std::vector<int32_t> *arguments[argumentCount] = {&batch.tokens,    &batch.positions,   &batch.slots,
                                                          &batch.seqStarts, &batch.contextLens, &batch.blockTables,
                                                          &batch.logitRows};
  for (auto [argument, values] : llvm::zip(forward.getArguments(), arguments))
    live[argument] = Tensor<T>::makeInts({int64_t(values->size())}, *values);
  mlir::Block &body = forward.getBody().front();
  for (Operation &op : body.without_terminator()) {
    if (op.getNumResults() > 0 && constants.contains(op.getResult(0)))
      continue;
    Results results = evaluate(&op, batch);
    if (!results)
      return results.takeError();
    observe(&op, *results);
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
  auto executor = std::make_unique<Executor<T>>(forward, std::move(options));
  if (Status status = executor->prepare(source); !status)
    return status.takeError();
  return std::unique_ptr<Interpreter>(std::move(executor));
}

} // namespace

Expected<std::unique_ptr<Interpreter>> Interpreter::create(mlir::ModuleOp module, const ParameterSource &source,
                                                           Options options) {
  auto forward = module.lookupSymbol<mlir::func::FuncOp>("forward");
  if (!forward || forward.getNumArguments() != argumentCount || forward.getNumResults() != 2)
    return Error{"the module has no function @forward with 7 arguments and 2 results (docs/architecture.md)"};
  if (options.precision == Precision::F64)
    return createAs<double>(forward, source, std::move(options));
  return createAs<float>(forward, source, std::move(options));
}

} // namespace qcc::interp
