//===- Batches.cpp --------------------------------------------------------===//

#include "qcc/Calibration/Batches.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Interpreter/SegmentRunner.h"

#include <algorithm>

namespace qcc::calib {
namespace {

/// One sequence of so many is held out.
constexpr size_t kHeldOutShare = 8;

class Planner {
public:
  Planner(int64_t pageSize, int64_t tokensPerBatch) : pageSize(pageSize), tokensPerBatch(tokensPerBatch) {}

  void addAll(std::span<const std::vector<int32_t>> sequences, bool isHeldOut) {
    int64_t &tokens = isHeldOut ? plan.heldOutTokens : plan.tokens;
    for (size_t begin = 0; begin < sequences.size();) {
      size_t end = begin, size = 0;
      while (end < sequences.size() && (end == begin || int64_t(size + sequences[end].size()) <= tokensPerBatch))
        size += sequences[end++].size();
      Batch batch{interp::makePrefill(sequences.subspan(begin, end - begin), pageSize), isHeldOut, tokens};
      tokens += batch.tokens();
      plan.pages = std::max(plan.pages, int64_t(batch.step.blockTables.size()));
      plan.batches.push_back(std::move(batch));
      begin = end;
    }
  }

  BatchPlan plan;

private:
  int64_t pageSize, tokensPerBatch;
};

} // namespace

std::vector<int64_t> BatchPlan::sampleRows(const Batch &batch, int64_t limit) const {
  int64_t stride = std::max<int64_t>(1, (heldOutTokens + limit - 1) / std::max<int64_t>(limit, 1));
  std::vector<int64_t> rows;
  for (int64_t row = (stride - batch.firstToken % stride) % stride; row < batch.tokens(); row += stride)
    rows.push_back(row);
  return rows;
}

int64_t pageSizeOf(mlir::ModuleOp module) {
  int64_t pageSize = 1;
  for (auto cache : module.getOps<graph::KvCacheOp>())
    pageSize = int64_t(cache.getPageSize());
  return pageSize;
}

BatchPlan planBatches(const TokenSet &tokens, int64_t pageSize, int64_t tokensPerBatch) {
  std::span<const std::vector<int32_t>> sequences = tokens.sequences;
  size_t heldOut = std::max<size_t>(1, sequences.size() / kHeldOutShare), fitted = sequences.size() - heldOut;
  Planner planner(pageSize, tokensPerBatch);
  planner.addAll(sequences.first(fitted), /*isHeldOut=*/false);
  planner.addAll(sequences.subspan(fitted), /*isHeldOut=*/true);
  return std::move(planner.plan);
}

} // namespace qcc::calib
