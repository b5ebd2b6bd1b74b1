//===- SmoothTrial.cpp ----------------------------------------------------===//

#include "SmoothTrial.h"
#include "qcc/Quant/SingleThreadedBlas.h"
#include "qcc/Support/Parallel.h"

#include <optional>

using namespace mlir;

namespace qcc {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Quantizes what `linear` reads, once for all linears that read that value in that scheme.
void quantizeInput(graph::LinearOp linear, graph::SchemeAttr scheme,
                   llvm::DenseMap<std::pair<Value, Attribute>, Value> &done) {
  Value x = linear.getX();
  Value &dequantized = done[{x, scheme}];
  if (!dequantized) {
    OpBuilder builder(linear);
    RankedTensorType type = typeOf(x);
    auto codes = graph::QuantizeOp::create(
        builder, linear.getLoc(), RankedTensorType::get(type.getShape(), scheme.getStorage()),
        RankedTensorType::get(scheme.getScaleShape(type.getShape()), scheme.getScale()), x, Value(), scheme);
    dequantized =
        graph::DequantizeOp::create(builder, linear.getLoc(), type, codes.getCodes(), codes.getScales(), scheme);
  }
  linear.getXMutable().assign(dequantized);
}

} // namespace

Expected<std::unique_ptr<SmoothTrial>> SmoothTrial::create(ModuleOp module, const std::vector<LayerPlan> &layers,
                                                           const ParameterSource &source, int64_t pages) {
  auto trial = std::make_unique<SmoothTrial>();
  trial->copy = cast<ModuleOp>(module->clone(trial->mapping));
  llvm::DenseMap<std::pair<Value, Attribute>, Value> done;
  for (const LayerPlan &layer : layers) {
    graph::SchemeAttr scheme = layer.schemes.activations;
    if (!scheme)
      continue;
    if (layer.staticActivations)
      scheme = graph::SchemeAttr::getSimple(scheme.getStorage(), graph::Granularity::tensor, scheme.getScale(),
                                            /*dynamic=*/true);
    graph::LinearOp linear = layer.linear;
    quantizeInput(cast<graph::LinearOp>(trial->mapping.lookup(linear.getOperation())), scheme, done);
  }
  auto runner = interp::SegmentRunner::create(*trial->copy, source, pages);
  if (!runner)
    return runner.takeError();
  trial->runner = std::move(*runner);
  return trial;
}

Status SmoothTrial::prepare(Operation *begin, Operation *end) {
  auto ofCopy = [&](Operation *op) { return op ? mapping.lookup(op) : nullptr; };
  return runner->prepare(ofCopy(begin), ofCopy(end));
}

Status SmoothTrial::set(Value weight, std::vector<float> numbers) {
  return runner->overrideConstant(
      mapping.lookup(weight),
      interp::Tensor<float>::make(DType::F32, typeOf(weight).getShape().vec(), std::move(numbers)));
}

Expected<double> SmoothTrial::error(std::span<const JudgedBatch> judges, Value out, unsigned threads) const {
  struct Sums {
    double error = 0, energy = 0;
    std::optional<Error> failure;
  };
  std::vector<Sums> sums(judges.size());
  quant::SingleThreadedBlas single;
  parallelFor(0, int64_t(judges.size()), 1, threads, [&](int64_t index, int64_t) {
    const JudgedBatch &judge = judges[size_t(index)];
    Sums &sum = sums[size_t(index)];
    interp::Environment values;
    for (const auto &[value, tensor] : judge.before)
      values[mapping.lookup(value)] = tensor;
    if (Status status = runner->run(judge.batch->step, values); !status) {
      sum.failure = status.takeError();
      return;
    }
    std::span<const float> after = judge.after.data();
    std::span<const float> tried = values.find(mapping.lookup(out))->second.data();
    for (size_t i = 0; i < after.size(); ++i) {
      double difference = double(tried[i]) - double(after[i]);
      sum.error += difference * difference;
      sum.energy += double(after[i]) * double(after[i]);
    }
  });
  double error = 0, energy = 0;
  for (Sums &sum : sums) {
    if (sum.failure)
      return *sum.failure;
    error += sum.error;
    energy += sum.energy;
  }
  return energy > 0 ? error / energy : error;
}

} // namespace qcc
