//===- SegmentRunner.cpp --------------------------------------------------===//

#include "qcc/Interpreter/SegmentRunner.h"
#include "BatchCheck.h"
#include "Evaluate.h"
#include "WeightValues.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/SetVector.h"

#include <algorithm>
#include <mutex>

using mlir::Operation;
using mlir::Value;

namespace qcc::interp {
namespace {

using Weights = WeightValues<float>;

bool isComputed(Operation &op) { return op.getNumResults() == 0 || !Weights::isWeight(op.getResult(0)); }

class Runner final : public SegmentRunner {
public:
  Runner(mlir::func::FuncOp forward, const ParameterSource &source, int64_t pages, Observer observer)
      : forward(forward), pages(pages), observer(std::move(observer)), weights(source) {}

  llvm::SmallVector<Value> liveAt(Operation *cut) const override;
  Status prepare(Operation *begin, Operation *end) override;
  void release() override;
  Status overrideConstant(Value value, Tensor<float> tensor) override {
    return weights.replace(value, std::move(tensor));
  }
  const Tensor<float> &constant(Value value) const override {
    const Tensor<float> *tensor = weights.find(value);
    assert(tensor && "no weight that the prepared piece reads");
    return *tensor;
  }
  Status run(const RaggedBatch &batch, Environment &values) const override;

private:
  mlir::Block &body() const { return forward.getBody().front(); }
  std::unique_ptr<Cache<float>> takeCache() const;
  void giveBack(std::unique_ptr<Cache<float>> cache) const;
  Status runOps(const RaggedBatch &batch, Environment &values, Cache<float> &cache) const;

  mutable mlir::func::FuncOp forward;
  int64_t pages;
  Observer observer;
  Weights weights;
  std::vector<Operation *> ops;         ///< of the prepared piece, without those that follow from weights alone
  llvm::DenseMap<Value, unsigned> uses; ///< by `ops`
  llvm::SmallVector<Value> wanted;      ///< afterwards

  mutable std::mutex mutex;
  mutable std::vector<std::unique_ptr<Cache<float>>> caches; ///< one for each run in flight at most
};

llvm::SmallVector<Value> Runner::liveAt(Operation *cut) const {
  llvm::SetVector<Value> live;
  for (Operation *op = cut ? cut : body().getTerminator(); op; op = op->getNextNode())
    for (Value value : op->getOperands()) {
      Operation *producer = value.getDefiningOp();
      bool isBefore = producer && (!cut || producer->isBeforeInBlock(cut));
      if (isBefore && !Weights::isWeight(value))
        live.insert(value);
    }
  return live.takeVector();
}

void Runner::release() {
  weights.clear();
  ops.clear();
  uses.clear();
  std::lock_guard lock(mutex);
  caches.clear();
}

Status Runner::prepare(Operation *begin, Operation *end) {
  release(); // caches too: the module may have got another
  wanted = liveAt(end);
  Operation *last = end ? end : body().getTerminator();
  for (Operation *op = begin ? begin : &body().front(); op != last; op = op->getNextNode()) {
    assert(op && "a piece begins before it ends");
    if (!isComputed(*op))
      continue;
    ops.push_back(op);
    for (Value value : op->getOperands()) {
      if (!Weights::isWeight(value))
        ++uses[value];
      else if (Status status = weights.load(value); !status)
        return status;
    }
  }
  for (Value value : wanted)
    ++uses[value];
  return {};
}

std::unique_ptr<Cache<float>> Runner::takeCache() const {
  {
    std::lock_guard lock(mutex);
    if (!caches.empty()) {
      auto cache = std::move(caches.back());
      caches.pop_back();
      return cache;
    }
  }
  return makeCache<float>(forward->getParentOfType<mlir::ModuleOp>(), pages);
}

void Runner::giveBack(std::unique_ptr<Cache<float>> cache) const {
  std::lock_guard lock(mutex);
  caches.push_back(std::move(cache));
}

Status Runner::run(const RaggedBatch &batch, Environment &values) const {
  auto cache = takeCache();
  Status status = checkBatch(batch, {findTokenLimit(forward), pages, cache->pageSize()});
  if (status)
    status = runOps(batch, values, *cache);
  giveBack(std::move(cache));
  return status;
}

Status Runner::runOps(const RaggedBatch &batch, Environment &values, Cache<float> &cache) const {
  bindArguments(forward, batch, values);
  auto operand = [&](Value value) -> const Tensor<float> & {
    const Tensor<float> *weight = weights.find(value);
    if (weight)
      return *weight;
    auto found = values.find(value);
    assert(found != values.end() && "a value that is live at the begin of the piece is missing");
    return found->second;
  };
  llvm::DenseMap<Value, unsigned> left = uses;
  for (Operation *op : ops) {
    Results<float> results = evaluateOp<float>(op, operand, cache, batch);
    if (!results)
      return results.takeError();
    notify<float>(observer, op, *results);
    for (auto [result, tensor] : llvm::zip(op->getResults(), *results))
      if (left.lookup(result) > 0)
        values[result] = std::move(tensor);
    for (Value value : op->getOperands())
      if (auto found = left.find(value); found != left.end() && --found->second == 0)
        values.erase(value);
  }
  Environment kept;
  for (Value value : wanted)
    kept[value] = operand(value);
  values = std::move(kept);
  return {};
}

} // namespace

Expected<std::unique_ptr<SegmentRunner>> SegmentRunner::create(mlir::ModuleOp module, const ParameterSource &source,
                                                               int64_t pages, Observer observer) {
  Expected<mlir::func::FuncOp> forward = findForward(module);
  if (!forward)
    return forward.takeError();
  return std::unique_ptr<SegmentRunner>(std::make_unique<Runner>(*forward, source, pages, std::move(observer)));
}

RaggedBatch makePrefill(std::span<const std::vector<int32_t>> sequences, int64_t pageSize) {
  RaggedBatch batch;
  size_t longest = 0;
  for (const auto &sequence : sequences)
    longest = std::max(longest, sequence.size());
  size_t pagesEach = (longest + size_t(pageSize) - 1) / size_t(pageSize);
  batch.seqStarts.push_back(0);
  for (size_t b = 0; b < sequences.size(); ++b) {
    int64_t firstPage = int64_t(b * pagesEach);
    for (size_t i = 0; i < sequences[b].size(); ++i) {
      batch.tokens.push_back(sequences[b][i]);
      batch.positions.push_back(int32_t(i));
      batch.slots.push_back(int32_t(firstPage * pageSize + int64_t(i)));
      batch.logitRows.push_back(int32_t(batch.logitRows.size()));
    }
    batch.seqStarts.push_back(int32_t(batch.tokens.size()));
    batch.contextLens.push_back(int32_t(sequences[b].size()));
    for (size_t page = 0; page < pagesEach; ++page)
      batch.blockTables.push_back(int32_t(firstPage + int64_t(page)));
  }
  return batch;
}

} // namespace qcc::interp
