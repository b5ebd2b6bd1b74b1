//===- PathRunner.cpp -----------------------------------------------------===//

#include "qcc/Calibration/PathRunner.h"
#include "qcc/Quant/SingleThreadedBlas.h"
#include "qcc/Support/Parallel.h"

#include <optional>

namespace qcc::calib {

Expected<std::unique_ptr<PathRunner>> PathRunner::create(mlir::ModuleOp module, const ParameterSource &source,
                                                         const BatchPlan &plan, const std::string &directory,
                                                         uint64_t budget) {
  std::unique_ptr<PathRunner> path(new PathRunner(plan, directory, budget));
  for (std::unique_ptr<interp::SegmentRunner> *runner : {&path->kept, &path->looked}) {
    auto created = interp::SegmentRunner::create(module, source, plan.pages);
    if (!created)
      return created.takeError();
    *runner = std::move(*created);
  }
  return path;
}

Status PathRunner::prepare(mlir::Operation *cut, mlir::Operation *end) {
  if (Status status = kept->prepare(position, cut); !status)
    return status;
  position = cut;
  return looked->prepare(cut, end);
}

void PathRunner::release() {
  kept->release();
  looked->release();
}

Expected<interp::Tensor<float>> PathRunner::run(size_t batch, mlir::Value value) {
  Expected<interp::Environment> values = store.get(batch);
  if (!values)
    return values.takeError();
  const interp::RaggedBatch &step = plan.batches[batch].step;
  if (Status status = kept->run(step, *values); !status)
    return status.takeError();
  if (Status status = store.put(batch, *values); !status)
    return status.takeError();
  if (!value)
    return interp::Tensor<float>();
  if (Status status = looked->run(step, *values); !status)
    return status.takeError();
  return values->find(value)->second;
}

Status followBoth(PathRunner &quantized, mlir::Value quantizedValue, PathRunner &exact, mlir::Value exactValue,
                  const BatchPlan &plan, unsigned threads, PairVisitor visit) {
  using Result = std::optional<Expected<interp::Tensor<float>>>;
  quant::SingleThreadedBlas single;
  size_t chunk = std::max(1u, threads);
  for (size_t first = 0; first < plan.batches.size(); first += chunk) {
    size_t count = std::min(chunk, plan.batches.size() - first);
    std::vector<Result> ofQuantized(count), ofExact(count);
    parallelFor(0, int64_t(count), 1, threads, [&](int64_t i, int64_t) {
      ofQuantized[size_t(i)].emplace(quantized.run(first + size_t(i), quantizedValue));
      ofExact[size_t(i)].emplace(exact.run(first + size_t(i), exactValue));
    });
    for (size_t i = 0; i < count; ++i) {
      for (Result *result : {&ofQuantized[i], &ofExact[i]})
        if (!**result)
          return (*result)->takeError();
      visit(plan.batches[first + i], **ofQuantized[i], **ofExact[i]);
    }
  }
  return {};
}

} // namespace qcc::calib
