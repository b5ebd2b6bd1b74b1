//===- Compare.cpp --------------------------------------------------------===//

#include "Compare.h"
#include "Runnable.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Interpreter/Session.h"
#include "qcc/Support/Progress.h"

#include "llvm/ADT/MapVector.h"

namespace qcc::eval {
namespace {

using LayerOutputs = llvm::MapVector<llvm::StringRef, std::vector<float>>;

/// Keeps what named linears give.
interp::Observer recordLinears(LayerOutputs &outputs) {
  return [&outputs](mlir::Operation *op, unsigned, std::span<const int64_t>, std::span<const float> values) {
    if (auto linear = mlir::dyn_cast<graph::LinearOp>(op); linear && linear.getName())
      outputs[*linear.getName()].assign(values.begin(), values.end());
  };
}

Expected<std::vector<float>> logitsOf(Runnable &runnable, std::span<const int32_t> window) {
  interp::Session session(*runnable.interpreter);
  Expected<interp::StepResult> step = session.append(window);
  if (!step)
    return step.takeError();
  return std::move(step->logits);
}

/// What is compared with the float model: a variant on the interpreter, logits from files, or, without either, the
/// float model itself, for its loss.
struct Candidate {
  Result result;
  Comparer comparer;
  LayerOutputs outputs;
  std::unique_ptr<Runnable> runnable;
  std::optional<StoredLogits> stored;
};

void addLayers(Candidate &candidate, const LayerOutputs &reference) {
  std::vector<LayerNoise> &layers = candidate.result.layers;
  if (layers.empty())
    for (const auto &[name, values] : reference)
      layers.push_back({name.str(), {}});
  for (LayerNoise &layer : layers)
    layer.noise.add(reference.find(layer.name)->second, candidate.outputs[layer.name]);
}

} // namespace

Expected<std::vector<Result>> compareOnHeldOut(mlir::MLIRContext &context, const hf::Model &model,
                                               const Options &options, const HeldOut &heldOut) {
  LayerOutputs reference;
  interp::Observer record = options.layers ? recordLinears(reference) : interp::Observer();
  Expected<Runnable> base = prepare(context, model, options, {"float", std::nullopt}, heldOut.window, record);
  if (!base)
    return base.takeError();
  bool floatOnly = options.variants.empty() && options.logitsFrom.empty();
  std::vector<Candidate> candidates(options.variants.size() + (floatOnly || !options.logitsFrom.empty()));
  if (floatOnly) {
    candidates[0].result.name = "float";
    candidates[0].result.kv = "f32";
  }
  for (size_t i = 0; i < options.variants.size(); ++i) {
    Candidate &candidate = candidates[i];
    const Variant &variant = options.variants[i];
    candidate.result.name = variant.name;
    candidate.result.kv = options.kvName;
    interp::Observer observer = options.layers ? recordLinears(candidate.outputs) : interp::Observer();
    Expected<Runnable> runnable = prepare(context, model, options, variant, heldOut.window, observer);
    if (!runnable)
      return runnable.takeError();
    candidate.runnable = std::make_unique<Runnable>(std::move(*runnable));
  }
  if (!options.logitsFrom.empty()) {
    Expected<StoredLogits> stored = StoredLogits::open(options.logitsFrom, heldOut, model.config.vocabSize);
    if (!stored)
      return stored.takeError();
    candidates.back().result.name = options.logitsFrom.front();
    candidates.back().result.kv = "-";
    candidates.back().stored = std::move(*stored);
  }

  Progress progress("evaluate", heldOut.windows.size(), options.progress ? ProgressMode::On : ProgressMode::Auto,
                    /*bytes=*/false);
  for (size_t i = 0; i < heldOut.windows.size(); ++i) {
    std::span<const int32_t> window = heldOut.windows[i];
    Expected<std::vector<float>> floatLogits = logitsOf(*base, window);
    if (!floatLogits)
      return floatLogits.takeError();
    for (Candidate &candidate : candidates) {
      if (candidate.stored) {
        candidate.comparer.add(*floatLogits, candidate.stored->window(i), window);
        continue;
      }
      if (!candidate.runnable) {
        candidate.comparer.add(*floatLogits, *floatLogits, window);
        continue;
      }
      Expected<std::vector<float>> logits = logitsOf(*candidate.runnable, window);
      if (!logits)
        return logits.takeError();
      candidate.comparer.add(*floatLogits, *logits, window);
      if (options.layers)
        addLayers(candidate, reference);
    }
    progress.advance(1);
  }
  std::vector<Result> results;
  for (Candidate &candidate : candidates) {
    candidate.result.metrics = candidate.comparer.finish();
    results.push_back(std::move(candidate.result));
  }
  return results;
}

} // namespace qcc::eval
