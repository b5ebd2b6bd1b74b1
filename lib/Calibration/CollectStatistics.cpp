//===- CollectStatistics.cpp ----------------------------------------------===//

#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Calibration/Batches.h"
#include "qcc/Calibration/EnvironmentStore.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Quant/SingleThreadedBlas.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <mutex>

using namespace mlir;

namespace qcc::calib {
namespace {

constexpr uint64_t kEnvironmentBudget = uint64_t(512) << 20;

/// What the observers of one batch saw. Batches are summed up in their order, so that threads do not show.
struct BatchSums {
  std::map<std::string, ValueStatistics, std::less<>> values;
  std::string failure; ///< the first
};
/// Of the batch that this thread runs.
thread_local BatchSums *running = nullptr;

unsigned kindsOf(graph::ObserveOp observe) {
  unsigned kinds = 0;
  for (auto name : observe.getKinds().getAsRange<StringAttr>())
    if (auto kind = ValueStatistics::kindOf(std::string_view(name.getValue())))
      kinds |= *kind;
  return kinds;
}

void observe(Operation *op, unsigned, std::span<const int64_t> shape, std::span<const float> values) {
  auto observe = dyn_cast<graph::ObserveOp>(op);
  if (!observe || !running->failure.empty() || values.empty())
    return;
  const std::string name = observe.getName().str();
  const int64_t channels = int64_t(values.size()) / shape[0];
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) {
      running->failure =
          text(quote(name), ": token ", int64_t(i) / channels, " of a batch, channel ", int64_t(i) % channels, " is ",
               values[i], "; the model gives no finite numbers on this calibration data");
      return;
    }
  auto found = running->values.try_emplace(name, channels, kindsOf(observe)).first;
  found->second.add(values);
}

/// One piece of forward over all batches; `store` holds what crosses its ends.
Status runPiece(interp::SegmentRunner &runner, const BatchPlan &plan, EnvironmentStore &store, unsigned threads,
                Statistics &statistics, Progress &progress) {
  std::vector<BatchSums> sums(plan.batches.size());
  std::vector<Status> results(plan.batches.size());
  parallelFor(0, int64_t(plan.batches.size()), 1, threads, [&](int64_t index, int64_t) {
    const size_t batch = size_t(index);
    results[batch] = [&]() -> Status {
      Expected<interp::Environment> values = store.get(batch);
      if (!values)
        return values.takeError();
      running = &sums[batch];
      if (Status status = runner.run(plan.batches[batch].step, *values); !status)
        return status;
      return store.put(batch, *values);
    }();
    progress.advance(uint64_t(plan.batches[batch].tokens()));
  });
  for (size_t batch = 0; batch < sums.size(); ++batch) {
    if (!results[batch])
      return results[batch].takeError();
    if (!sums[batch].failure.empty())
      return Error{sums[batch].failure};
    for (auto &[name, value] : sums[batch].values)
      if (auto [found, isNew] = statistics.values.try_emplace(name, value); !isNew)
        found->second.add(value);
  }
  return {};
}

} // namespace

std::vector<Operation *> findCuts(func::FuncOp forward) {
  // Walks backward with the set of values that are used behind and follow from the batch.
  Block &body = forward.getBody().front();
  llvm::DenseSet<Value> weights, live;
  for (Operation &op : body)
    if (isa<graph::GetOp>(op) || (op.getNumOperands() > 0 && isMemoryEffectFree(&op) &&
                                  llvm::all_of(op.getOperands(), [&](Value v) { return weights.contains(v); })))
      weights.insert(op.result_begin(), op.result_end());
  std::vector<Operation *> cuts;
  for (Operation &op : llvm::reverse(body)) {
    // Here `live` is what crosses the place behind `op`.
    Operation *next = op.getNextNode();
    while (next && next->getNumResults() > 0 && weights.contains(next->getResult(0)))
      next = next->getNextNode();
    if (next && isa<graph::AddOp>(op) && live.size() == 1 && live.contains(op.getResult(0)) &&
        !isa<func::ReturnOp>(next))
      cuts.push_back(next);
    for (Value result : op.getResults())
      live.erase(result);
    for (Value operand : op.getOperands())
      if (operand.getDefiningOp() && !weights.contains(operand))
        live.insert(operand);
  }
  std::reverse(cuts.begin(), cuts.end());
  return cuts;
}

Expected<Statistics> collectStatistics(ModuleOp module, const ParameterSource &source, const TokenSet &tokens,
                                       const CollectOptions &options) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward)
    return Error{"the module has no function @forward"};
  Expected<std::string> model = fingerprint(module, source);
  if (!model)
    return model.takeError();
  Statistics statistics{*model, {}, tokens.hash, options.version, tokens.tokens(), int64_t(tokens.sequences.size()),
                        {}};
  if (auto info = module->getAttrOfType<DictionaryAttr>("graph.model"))
    if (auto name = info.getAs<StringAttr>("name"))
      statistics.modelName = name.str();

  BatchPlan plan = planBatches(tokens, pageSizeOf(module));
  auto runner = interp::SegmentRunner::create(module, source, plan.pages, observe);
  if (!runner)
    return runner.takeError();
  std::vector<Operation *> cuts = findCuts(forward);
  // The head is the largest product of small models and nothing behind its input is observed: stop before it.
  Operation *last = nullptr;
  for (Operation &op : forward.getBody().front())
    if (isa<graph::ObserveOp>(op))
      last = op.getNextNode();
  llvm::erase_if(cuts, [&](Operation *cut) { return last && !cut->isBeforeInBlock(last); });
  cuts.push_back(last);

  EnvironmentStore store(options.directory, kEnvironmentBudget, plan.batches.size());
  Progress progress("statistics", uint64_t(statistics.tokens) * cuts.size(), options.progress, /*bytes=*/false);
  const unsigned threads = options.threads ? options.threads : defaultThreads();
  quant::SingleThreadedBlas single;
  Operation *begin = nullptr;
  for (Operation *cut : cuts) {
    if (Status status = (*runner)->prepare(begin, cut); !status)
      return status.takeError();
    if (Status status = runPiece(**runner, plan, store, threads, statistics, progress); !status)
      return status.takeError();
    begin = cut;
  }
  return statistics;
}

} // namespace qcc::calib
