//===- Smooth.cpp - Outliers of activations moved into weights ------------===//

#include "PassOptions.h"
#include "SmoothSearch.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Quant/Smoothing.h"
#include "qcc/Transforms/Quantize/LayerPatterns.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_SMOOTHPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

/// Where there are statistics but no tokens to search with: the paper's authors take 0.8 to 0.9 for Llama and Mistral.
constexpr double kDefaultAlpha = 0.85;

std::vector<SmoothCandidate> propose(const PairStatistics &statistics) {
  std::vector<SmoothCandidate> candidates;
  for (int tenths = 2; tenths <= 9; ++tenths)
    candidates.push_back({llvm::formatv("alpha {0:F1}", tenths / 10.0).str(),
                          quant::smoothQuantScales(statistics.absMax, statistics.weightAbsMax, tenths / 10.0)});
  return candidates;
}

/// One α for all pairs, by the formula alone.
class FixedSmoothing {
public:
  FixedSmoothing(ModuleOp module, const QuantizeOptions &options, double alpha)
      : module(module), options(options), alpha(alpha) {}

  LogicalResult run() {
    Expected<std::vector<LayerPlan>> layers = planLayers(module, options);
    if (!layers)
      return module.emitError() << layers.error().message;
    Expected<calib::Statistics> read = statisticsFor(module, options);
    if (!read)
      return module.emitError() << read.error().message;
    Expected<CalibrationInput> input = CalibrationInput::open(module, options);
    if (!input)
      return module.emitError() << input.error().message;
    auto runner = interp::SegmentRunner::create(module, *input->weights, /*pages=*/1);
    if (!runner)
      return module.emitError() << runner.error().message;
    Expected<LayerPatterns> excluded = LayerPatterns::parse(options.smoothExclude);
    if (!excluded)
      return module.emitError() << excluded.error().message;
    SymbolTable symbols(module);
    SmoothFold fold(symbols, "smooth", "smooth-000", /*key=*/"");
    for (SmoothPair &pair : findSmoothPairs(module.lookupSymbol<func::FuncOp>("forward"))) {
      bool isRounded = llvm::any_of(pair.consumers, [&](graph::LinearOp linear) {
        return llvm::any_of(*layers, [&](const LayerPlan &layer) { return layer.linear == linear; });
      });
      bool isExcluded = llvm::any_of(pair.consumers, [&](graph::LinearOp linear) {
        return excluded->matches(std::string_view(linear.getName().value_or("")));
      });
      if (!isRounded || isExcluded)
        continue;
      if (Status status = foldPair(pair, *read, **runner, fold); !status)
        return pair.source()->emitError() << status.error().message;
      ++folded;
    }
    if (Status status = fold.write(options.workDir); !status)
      return module.emitError() << status.error().message;
    return fold.apply();
  }
  size_t folded = 0;

private:
  Status foldPair(SmoothPair &pair, const calib::Statistics &statistics, interp::SegmentRunner &runner,
                  SmoothFold &fold) {
    auto seen = statistics.find(calib::observedName(pair.input()), calib::ValueStatistics::AbsMax);
    if (!seen)
      return seen.takeError();
    const int64_t cols = cast<RankedTensorType>(pair.consumers.front().getW().getType()).getDimSize(1);
    if ((*seen)->channels() != cols)
      return Error{"the statistics have " + std::to_string((*seen)->channels()) + " channels where the layer reads " +
                   std::to_string(cols) + "; gather them again with qcc-calibrate"};
    // One op at a time, so that one layer's weights are in memory.
    std::vector<std::vector<float>> weights;
    for (graph::LinearOp consumer : pair.consumers) {
      if (Status status = runner.prepare(consumer, consumer->getNextNode()); !status)
        return status;
      std::span<const float> numbers = runner.constant(consumer.getW()).data();
      weights.emplace_back(numbers.begin(), numbers.end());
    }
    PairStatistics ofPair;
    addWeightStatistics(weights, cols, 0, ofPair);
    std::vector<float> gamma;
    if (pair.kind == SmoothPair::Kind::Norm) {
      if (Status status = runner.prepare(pair.norm, pair.norm->getNextNode()); !status)
        return status;
      std::span<const float> numbers = runner.constant(pair.norm.getWeight()).data();
      gamma.assign(numbers.begin(), numbers.end());
    }
    std::vector<double> s = pair.fromColumns(quant::smoothQuantScales((*seen)->absMax(), ofPair.weightAbsMax, alpha));
    fold.fold(pair, storedSmoothing(s, gamma));
    fold.report(llvm::json::Object{{"pair", pair.name()}, {"choice", llvm::formatv("alpha {0:F2}", alpha).str()}});
    return {};
  }

  ModuleOp module;
  const QuantizeOptions &options;
  double alpha;
};

struct SmoothPass : OfQuantizeOptions<impl::SmoothPassBase<SmoothPass>> {
  using OfQuantizeOptions::OfQuantizeOptions;

  void runOnOperation() override {
    QuantizeOptions asked = readOptions();
    if (asked.workDir.empty()) {
      getOperation().emitError() << "smoothing vectors need a directory; name one with work-dir";
      return signalPassFailure();
    }
    // A second time would write over the vectors that the first reads.
    if (readsWorkFile(getOperation(), "smooth-")) {
      getOperation().emitError() << "the module is smoothed already; ask for SmoothQuant once";
      return signalPassFailure();
    }
    // A search needs tokens; statistics alone give the formula's inputs.
    if (asked.smoothAlpha || asked.calib.empty()) {
      FixedSmoothing fixed(getOperation(), asked, asked.smoothAlpha.value_or(kDefaultAlpha));
      if (failed(fixed.run()))
        return signalPassFailure();
      folded += unsigned(fixed.folded);
      return;
    }
    SmoothSearch search(getOperation(), asked, {"smooth", propose});
    if (failed(search.run()))
      return signalPassFailure();
    folded += unsigned(search.pairsFolded());
  }
};

} // namespace

std::unique_ptr<Pass> createSmoothPass(const QuantizeOptions &options) { return std::make_unique<SmoothPass>(options); }

} // namespace qcc
