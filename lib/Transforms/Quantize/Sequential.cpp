//===- Sequential.cpp -----------------------------------------------------===//

#include "Sequential.h"
#include "qcc/Interpreter/Derivation.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Progress.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qcc {
namespace {

/// Rows that judge candidates: at most so many, and so many numbers.
constexpr int64_t kHeldOutRows = 4096, kHeldOutNumbers = int64_t(16) << 20;
/// Layers that a warning names.
constexpr size_t kNamedLayers = 16;
/// Bytes of each module's values at a cut that stay in memory.
constexpr uint64_t kEnvironmentBudget = uint64_t(32) << 20;

bool isFloatTensor(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && isa<FloatType>(tensor.getElementType());
}

/// Activations that were quantized with static scales already are what the float module does without.
void removeQuantization(func::FuncOp forward) {
  forward.walk([](graph::DequantizeOp dequantize) {
    if (auto quantize = dequantize.getCodes().getDefiningOp<graph::QuantizeOp>())
      dequantize.getY().replaceAllUsesWith(quantize.getX());
  });
}

/// The norm that gives weight-only layers their input, and nothing else reads.
graph::RmsNormOp findNorm(std::vector<LayerPlan> &layers) {
  Value x = layers.front().linear.getX();
  auto norm = x.getDefiningOp<graph::RmsNormOp>();
  bool isShared = llvm::any_of(x.getUsers(), [&](Operation *user) {
    return llvm::none_of(layers, [&](LayerPlan &layer) { return layer.linear == user && layer.schemes.weights; });
  });
  return isShared ? graph::RmsNormOp() : norm;
}

} // namespace

LogicalResult Sequential::run() {
  Expected<std::vector<LayerPlan>> layers = planLayers(module, options);
  if (!layers)
    return module.emitError() << layers.error().message;
  if (layers->empty())
    return success();
  for (LayerPlan &layer : *layers)
    if (failed(rewriter.sourceOf(layer.linear.getWMutable())))
      return failure(); // before anything is written
  if (Status status = prepare(); !status)
    return module.emitError() << status.error().message;
  std::vector<Step> steps = groupSteps(std::move(*layers));
  uint64_t total = 0;
  for (Step &step : steps)
    for (LayerPlan &layer : step.layers)
      total += uint64_t(cast<RankedTensorType>(layer.linear.getW().getType()).getNumElements());
  Progress progress("quantize", total, options.progress, /*bytes=*/false);
  for (auto [number, step] : llvm::enumerate(steps)) {
    if (failed(runStep(step, number)))
      return failure();
    for (LayerPlan &layer : step.layers)
      progress.advance(uint64_t(cast<RankedTensorType>(layer.linear.getW().getType()).getNumElements()));
  }
  rewriter.eraseReplaced();
  remark(steps.size());
  return success();
}

Status Sequential::prepare() {
  if (options.workDir.empty())
    return Error{"solved weights need a directory; name one with work-dir", ExitCode::Usage};
  bool needsData =
      settings.prune != quant::PruneMethod::Magnitude || options.preset != QuantPreset::None || !options.rules.empty();
  if (options.calib.empty() && needsData)
    return Error{"weights are solved for on calibration data; give tokens with --calib, or take --method rtn",
                 ExitCode::Usage};
  Expected<CalibrationInput> opened = CalibrationInput::open(module, options);
  if (!opened)
    return opened.takeError();
  input = std::move(*opened);
  if (!options.calib.empty())
    if (Status status = beginPaths(); !status)
      return status;
  Expected<std::string> content = contentKey(module, *input.weights);
  if (!content)
    return content.takeError();
  key = nextKey(*content, input.tokens.hash + "\n" + settings.describe());
  return {};
}

Status Sequential::beginPaths() {
  cloneExact();
  for (auto [path, followed] : {std::pair(&quantized, module), std::pair(&exact, *exactModule)}) {
    auto created = calib::PathRunner::create(followed, *input.weights, input.plan, options.workDir, kEnvironmentBudget);
    if (!created)
      return created.takeError();
    *path = std::move(*created);
  }
  return {};
}

/// The module as it is now, but computed without rounding: values and cache in f32.
void Sequential::cloneExact() {
  exactModule = cast<ModuleOp>(module->clone(exactOps));
  Type f32 = Float32Type::get(module.getContext());
  for (auto cache : exactModule->getOps<graph::KvCacheOp>()) {
    cache.setElementType(f32);
    cache.removeKScaleAttr();
    cache.removeVScaleAttr();
  }
  for (auto forward : exactModule->getOps<func::FuncOp>()) {
    removeQuantization(forward);
    forward.walk([&](Operation *op) {
      if (!isa<graph::GetOp, graph::QuantizeOp>(op))
        for (Value result : op->getResults())
          if (isFloatTensor(result.getType()))
            result.setType(cast<RankedTensorType>(result.getType()).clone(f32));
    });
  }
}

std::vector<Sequential::Step> Sequential::groupSteps(std::vector<LayerPlan> layers) const {
  // Linears that read the value as other codes, or as none, have other moments.
  llvm::MapVector<std::pair<Value, Attribute>, Step> steps;
  for (LayerPlan &layer : layers) {
    Value x = layer.linear.getX();
    bool isQuantized = x.getDefiningOp<graph::DequantizeOp>() != nullptr;
    steps[{x, isQuantized ? graph::SchemeAttr() : layer.schemes.activations}].layers.push_back(std::move(layer));
  }
  std::vector<Step> result;
  for (auto &[key, step] : steps)
    result.push_back(std::move(step));
  return result;
}

LogicalResult Sequential::runStep(Step &step, size_t number) {
  for (LayerPlan &layer : step.layers) {
    FailureOr<Operation *> quantizer = rewriter.quantizeActivations(layer.linear, layer.schemes.activations);
    if (failed(quantizer))
      return failure();
    step.quantizer = *quantizer;
  }
  graph::LinearOp first = step.layers.front().linear;
  step.norm = findNorm(step.layers);
  key = nextKey(key, describe(step));
  Expected<StepFile> file = StepFile::create(options.workDir, number, step.layers.front().name(), key);
  if (!file)
    return first.emitError() << file.error().message;
  if (!options.calib.empty())
    pending.push_back(chooseCut(step));
  if (file->isDone())
    resumed += step.layers.size();
  else if (Status status = solve(step, *file); !status)
    return first.emitError() << status.error().message;
  addSearched(module, file->searched());
  llvm::append_range(raisedDampings, file->raisedDampings());
  layerCount += step.layers.size();
  return rewrite(step, *file);
}

/// Before the norm that gives the step's input: less crosses the cut there, and the norm may change with the step.
Sequential::Cut Sequential::chooseCut(Step &step) {
  graph::LinearOp first = step.layers.front().linear;
  Value x = first.getX();
  if (step.quantizer)
    x = step.quantizer->getOperand(0);
  auto isAhead = [&](Operation *op) { return op && (!position || position->isBeforeInBlock(op)); };
  Operation *norm = x.getDefiningOp<graph::RmsNormOp>();
  Operation *chosen = isAhead(norm) ? norm : isAhead(step.quantizer) ? step.quantizer : first.getOperation();
  position = chosen;
  return {chosen, chosen == norm ? exactOps.lookup(norm) : exactOf(first).getOperation()};
}

graph::LinearOp Sequential::exactOf(graph::LinearOp linear) const {
  return cast<graph::LinearOp>(exactOps.lookup(linear.getOperation()));
}

Expected<quant::Moments> Sequential::gather(Step &step) {
  unsigned threads = settings.gptq.threads;
  graph::LinearOp first = step.layers.front().linear, exactFirst = exactOf(first);
  int64_t k = cast<RankedTensorType>(first.getX().getType()).getShape().back();
  quant::MomentSum sum(k, /*withCross=*/true, threads);
  auto addRows = [&](const calib::Batch &batch, const interp::Tensor<float> &xq, const interp::Tensor<float> &xf) {
    if (!batch.isHeldOut)
      return sum.add(xq.data(), xf.data(), batch.tokens());
    for (int64_t row : input.plan.sampleRows(batch, std::min(kHeldOutRows, kHeldOutNumbers / k)))
      sum.addHeldOut(xq.data().subspan(size_t(row * k), size_t(k)), xf.data().subspan(size_t(row * k), size_t(k)), 1);
  };
  for (auto [index, cut] : llvm::enumerate(pending)) {
    bool isLast = index + 1 == pending.size();
    Operation *end = isLast ? first.getOperation() : cut.quantized;
    if (Status status = quantized->prepare(cut.quantized, end); !status)
      return status.takeError();
    if (Status status = exact->prepare(cut.exact, isLast ? exactFirst.getOperation() : cut.exact); !status)
      return status.takeError();
    Status status =
        isLast ? calib::followBoth(*quantized, first.getX(), *exact, exactFirst.getX(), input.plan, threads, addRows)
               : calib::followBoth(*quantized, Value(), *exact, Value(), input.plan, threads, [](const auto &...) {});
    if (!status)
      return status.takeError();
  }
  pending.clear();
  quantized->release(); // solving needs the memory
  exact->release();
  return std::move(sum).finish();
}

Status Sequential::solve(Step &step, StepFile &file) {
  quant::Moments moments;
  if (!options.calib.empty()) {
    Expected<quant::Moments> gathered = gather(step);
    if (!gathered)
      return gathered.takeError();
    moments = std::move(*gathered);
  }
  StackedWeights stacked;
  for (LayerPlan &layer : step.layers) {
    Expected<interp::Tensor<float>> w = numbersOf(layer.linear.getWMutable());
    if (!w)
      return w.takeError();
    std::optional<quant::CodeFormat> format;
    if (layer.schemes.weights)
      format = codeFormat(layer.schemes.weights);
    bool isLastUse = &layer == &step.layers.back() && !step.norm;
    Expected<SolvedLayer> solved = solveLayer(w->data(), w->shape[0], w->shape[1], moments, isLastUse, format,
                                              layer.prune, settings.with(options.given, layer.name()));
    if (!solved)
      return Error{text(layer.name(), ": ", solved.error().message), solved.error().code};
    if (solved->report.heldOutError >= worstError) {
      worstError = solved->report.heldOutError;
      worstLayer = layer.name();
    }
    file.add(rewriter.sourceOf(layer.linear.getWMutable())->name, layer.name(), *solved);
    if (step.norm)
      stacked.add(w->data(), solved->coded);
  }
  if (step.norm)
    if (Status status = foldIntoNorm(step, stacked, moments, file); !status)
      return status;
  return file.write();
}

Expected<interp::Tensor<float>> Sequential::numbersOf(OpOperand &weight) {
  FailureOr<WeightSource> source = rewriter.sourceOf(weight);
  if (failed(source))
    return Error{"a weight is not read from a derivation"};
  Expected<interp::Derivation> derivation = interp::Derivation::create(source->symbol, *input.weights);
  if (!derivation)
    return derivation.takeError();
  return derivation->values(0);
}

Status Sequential::foldIntoNorm(Step &step, const StackedWeights &stacked, const quant::Moments &moments,
                                StepFile &file) {
  Expected<interp::Tensor<float>> gamma = numbersOf(step.norm.getWeightMutable());
  if (!gamma)
    return gamma.takeError();
  std::vector<float> rounded(gamma->data().begin(), gamma->data().end());
  interp::roundTo(DType::BF16, std::span<float>(rounded)); // as the norm reads it
  Expected<std::vector<float>> folded =
      foldColumns(rounded, stacked, moments, settings.search.dampings.front(), settings.gptq.threads);
  if (!folded)
    return folded.takeError();
  if (!folded->empty())
    file.addFolded(rewriter.sourceOf(step.norm.getWeightMutable())->name, *folded);
  return {};
}

LogicalResult Sequential::rewrite(Step &step, const StepFile &file) {
  for (LayerPlan &layer : step.layers) {
    if (failed(layer.schemes.weights ? rewriter.readStoredCodes(layer.linear.getWMutable(), layer.schemes, file.name())
                                     : rewriter.readStored(layer.linear.getWMutable(), "pruned", file.name())))
      return failure();
    if (layer.prune)
      layer.linear.setSparse24(true);
  }
  if (!step.norm)
    return success();
  OpOperand &gamma = step.norm.getWeightMutable();
  if (!file.isFolded(rewriter.sourceOf(gamma)->name))
    return success();
  ++folds;
  return rewriter.readStored(gamma, "folded", file.name());
}

std::string Sequential::describe(Step &step) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  for (LayerPlan &layer : step.layers)
    stream << layer.name() << " " << layer.schemes.weights << " " << layer.schemes.activations << " " << layer.prune
           << "\n";
  for (LayerPlan &layer : step.layers)
    if (options.given.contains(layer.name()))
      stream << settings.with(options.given, layer.name()).describe() << "\n";
  return out;
}

void Sequential::remark(size_t steps) {
  std::string line = llvm::formatv("{0} weights solved for in {1} steps", layerCount, steps).str();
  if (!options.calib.empty())
    line +=
        llvm::formatv(" on {0} calibration tokens, judged on {1}", input.plan.tokens, input.plan.heldOutTokens).str();
  if (resumed)
    line += llvm::formatv("; {0} were there already", resumed).str();
  if (folds)
    line += llvm::formatv("; column scales in {0} norms", folds).str();
  if (worstError > 0)
    line += llvm::formatv("; largest held-out error {0:E2} of {1}", worstError, worstLayer).str();
  emitRemark(module.getLoc()) << line;
  if (raisedDampings.empty())
    return;
  const size_t named = std::min(raisedDampings.size(), kNamedLayers);
  const std::string names = llvm::join(raisedDampings.begin(), raisedDampings.begin() + ptrdiff_t(named), ", ");
  const std::string more = named < raisedDampings.size() ? text(" and ", raisedDampings.size() - named, " more") : "";
  emitWarning(module.getLoc()) << "damping was raised, because moments were not positive definite: " << names << more
                               << "; more calibration tokens need less of it";
}

} // namespace qcc
