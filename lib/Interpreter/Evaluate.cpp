//===- Evaluate.cpp - One op of forward, whoever walks it -----------------===//

#include "Evaluate.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using mlir::Operation;
using mlir::Value;

namespace qcc::interp {
namespace {

/// Number of arguments of `forward`, in the order of RaggedBatch.
constexpr unsigned argumentCount = 7;

} // namespace

Expected<mlir::func::FuncOp> findForward(mlir::ModuleOp module) {
  auto forward = module.lookupSymbol<mlir::func::FuncOp>("forward");
  if (!forward || forward.getNumArguments() != argumentCount || forward.getNumResults() != 2)
    return Error{"the module has no function @forward with 7 arguments and 2 results (docs/architecture.md)"};
  return forward;
}

template <typename T> std::unique_ptr<Cache<T>> makeCache(mlir::ModuleOp module, int64_t pages) {
  for (auto op : module.getOps<graph::KvCacheOp>())
    return std::make_unique<Cache<T>>(op, pages);
  return std::make_unique<Cache<T>>();
}

int64_t findTokenLimit(mlir::func::FuncOp forward) {
  auto extent = [](mlir::Type type, size_t axis) { return mlir::cast<mlir::RankedTensorType>(type).getDimSize(axis); };
  int64_t limit = extent(forward.getFunctionType().getResult(0), 1);
  for (auto embedding : forward.getBody().front().getOps<graph::EmbeddingOp>())
    limit = std::min(limit, extent(embedding.getTable().getType(), 0));
  return limit;
}

template <typename T>
void bindArguments(mlir::func::FuncOp forward, const RaggedBatch &batch, llvm::DenseMap<Value, Tensor<T>> &values) {
  const std::vector<int32_t> *arguments[argumentCount] = {&batch.tokens,    &batch.positions,   &batch.slots,
                                                          &batch.seqStarts, &batch.contextLens, &batch.blockTables,
                                                          &batch.logitRows};
  for (auto [argument, numbers] : llvm::zip(forward.getArguments(), arguments))
    values[argument] = Tensor<T>::makeInts({int64_t(numbers->size())}, *numbers);
}

template <typename T> Results<T> evaluatePure(Operation *op, Operands<T> operand) {
  auto in = [&](unsigned index) -> const Tensor<T> & { return operand(op->getOperand(index)); };
  auto optional = [&](Value value) { return value ? &operand(value) : nullptr; };
  auto one = [](Tensor<T> tensor) -> Results<T> { return std::vector{std::move(tensor)}; };
  if (op->hasTrait<graph::Unary>())
    return one(evalUnary(op, in(0)));
  if (op->hasTrait<graph::Binary>())
    return one(evalBinary(op, in(0), in(1)));
  return llvm::TypeSwitch<Operation *, Results<T>>(op)
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
      .template Case<graph::DequantizeOp>(
          [&](auto x) { return one(evalDequantize(x, in(0), in(1), optional(x.getZeros()))); })
      .Default([](Operation *unknown) -> Results<T> {
        return Error{text("the interpreter does not execute '", unknown->getName().getStringRef().str(),
                          "'; it runs IR of the import and quantize phases")};
      });
}

template <typename T>
Results<T> evaluateOp(Operation *op, Operands<T> operand, Cache<T> &cache, const RaggedBatch &batch) {
  return llvm::TypeSwitch<Operation *, Results<T>>(op)
      .template Case<graph::KvAppendOp>([&](auto append) -> Results<T> {
        cache.append(append, operand(append.getK()), operand(append.getV()), operand(append.getSlots()).integers());
        return std::vector<Tensor<T>>();
      })
      .template Case<graph::AttentionOp>([&](auto attention) -> Results<T> {
        return std::vector{cache.attend(attention, operand(attention.getQ()), batch)};
      })
      // It has no results; what is returned here is for the observer.
      .template Case<graph::ObserveOp>([&](auto observe) -> Results<T> { return std::vector{operand(observe.getX())}; })
      .Default([&](Operation *) { return evaluatePure<T>(op, operand); });
}

template <typename T> void notify(const Observer &observer, Operation *op, llvm::ArrayRef<Tensor<T>> results) {
  if (!observer)
    return;
  for (auto [index, tensor] : llvm::enumerate(results))
    if (tensor.values) {
      std::vector<float> values(tensor.data().begin(), tensor.data().end());
      observer(op, unsigned(index), tensor.shape, values);
    }
}

#define INSTANTIATE(T)                                                                                                 \
  template std::unique_ptr<Cache<T>> makeCache(mlir::ModuleOp, int64_t);                                               \
  template void bindArguments(mlir::func::FuncOp, const RaggedBatch &, llvm::DenseMap<Value, Tensor<T>> &);            \
  template Results<T> evaluatePure(Operation *, Operands<T>);                                                          \
  template Results<T> evaluateOp(Operation *, Operands<T>, Cache<T> &, const RaggedBatch &);                           \
  template void notify(const Observer &, Operation *, llvm::ArrayRef<Tensor<T>>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

} // namespace qcc::interp
