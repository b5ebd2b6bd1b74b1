//===- SmoothSearch.cpp ---------------------------------------------------===//

#include "SmoothSearch.h"
#include "AwqClip.h"
#include "WorkFile.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Quant/SingleThreadedBlas.h"
#include "qcc/Quant/Smoothing.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Progress.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/LayerPatterns.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace qcc {
namespace {

/// Held-out tokens that judge, and rows of inputs that a clip search looks at.
constexpr int64_t kJudgingTokens = 2048, kSampleTokens = 2048;
constexpr uint64_t kEnvironmentBudget = uint64_t(512) << 20;
/// Factors that the trials' scale search tries: fewer than for the weights that are kept, with the same optimum on the
/// whole.
constexpr int kTrialSteps = 10;
/// The searched value of a linear (SearchedValues.h).
constexpr const char *kClip = "clip";

quant::ScaleSearch roundingOf(WeightScales scales) {
  using quant::ScaleRule;
  ScaleRule rule = scales == WeightScales::MinMax ? ScaleRule::MinMax
                   : scales == WeightScales::Grid ? ScaleRule::Grid
                                                  : ScaleRule::Signed;
  return {rule, kTrialSteps};
}

int64_t columnsOf(graph::LinearOp linear) { return cast<RankedTensorType>(linear.getW().getType()).getDimSize(1); }

/// Columns that share a scale; 0: all.
int64_t groupOf(const LayerPlan *layer) {
  return layer && layer->schemes.weights ? codeFormat(layer->schemes.weights).blockCols : 0;
}

/// Linears whose outputs are rotated are not clipped: errors of q and k multiply (llm-awq leaves them out too).
bool feedsRotation(graph::LinearOp linear) {
  SmallVector<Value> values{linear.getY()};
  while (!values.empty())
    for (Operation *user : values.pop_back_val().getUsers()) {
      if (isa<graph::RopeOp>(user))
        return true;
      if (isa<graph::ReshapeOp>(user) ||
          (isa<graph::RmsNormOp>(user) && user->getOperand(0).getDefiningOp<graph::ReshapeOp>()))
        values.push_back(user->getResult(0));
    }
  return false;
}

} // namespace

void addWeightStatistics(std::span<const std::vector<float>> weights, int64_t cols, int64_t group,
                         PairStatistics &statistics) {
  statistics.weightAbsMax.assign(size_t(cols), 0);
  std::vector<double> ratios(static_cast<size_t>(cols));
  int64_t rows = 0;
  for (const std::vector<float> &w : weights) {
    for (size_t i = 0; i < w.size(); ++i)
      statistics.weightAbsMax[i % size_t(cols)] = std::max(statistics.weightAbsMax[i % size_t(cols)], std::fabs(w[i]));
    quant::addWeightRatios(w, int64_t(w.size()) / cols, cols, group, ratios);
    rows += int64_t(w.size()) / cols;
  }
  for (double ratio : ratios)
    statistics.weightMeanRatio.push_back(float(ratio / double(std::max<int64_t>(rows, 1))));
}

/// What one thread records while it runs a batch of the float module.
struct SmoothSearch::BatchView {
  const llvm::SmallSetVector<Value, 8> &wanted;
  bool takesSamples;
  llvm::DenseMap<Value, Input> seen;

  BatchView(const llvm::SmallSetVector<Value, 8> &wanted, bool takesSamples)
      : wanted(wanted), takesSamples(takesSamples) {}

  static thread_local BatchView *running;

  static void observe(Operation *op, unsigned result, std::span<const int64_t>, std::span<const float> values) {
    if (!running || result >= op->getNumResults() || !running->wanted.contains(op->getResult(result)))
      return;
    Value value = op->getResult(result);
    int64_t channels = cast<RankedTensorType>(value.getType()).getShape().back();
    Input &input = running->seen[value];
    input.statistics =
        calib::ValueStatistics(channels, calib::ValueStatistics::AbsMax | calib::ValueStatistics::MeanAbs);
    input.statistics.add(values);
    if (running->takesSamples)
      input.samples.assign(values.begin(), values.end());
  }
};
thread_local SmoothSearch::BatchView *SmoothSearch::BatchView::running = nullptr;

LogicalResult SmoothSearch::run() {
  Expected<std::vector<LayerPlan>> planned = planLayers(module, options);
  if (!planned)
    return module.emitError() << planned.error().message;
  layers = std::move(*planned);
  if (layers.empty())
    return success();
  if (Status status = prepare(); !status)
    return module.emitError() << status.error().message;
  Progress progress(method.name, pieces.size(), options.progress, /*bytes=*/false);
  for (auto [number, piece] : llvm::enumerate(pieces)) {
    if (Status status = runPiece(piece, number); !status)
      return module.emitError() << status.error().message;
    progress.advance(1);
  }
  for (const auto &fold : folds) {
    addSearched(module, fold->searched());
    if (failed(fold->apply()))
      return failure();
  }
  return success();
}

Status SmoothSearch::prepare() {
  if (options.calib.empty() || options.workDir.empty())
    return Error{text("the search of '", method.name, "' needs ",
                      options.calib.empty() ? "calibration tokens (--calib)" : "a work directory (--work-dir)"),
                 ExitCode::Usage};
  Expected<CalibrationInput> opened = CalibrationInput::open(module, options);
  if (!opened)
    return opened.takeError();
  input = std::move(*opened);
  threads = options.threads ? options.threads : defaultThreads();
  Expected<std::string> first = firstKey();
  if (!first)
    return first.takeError();
  key = std::move(*first);
  auto runner = interp::SegmentRunner::create(module, *input.weights, input.plan.pages, BatchView::observe);
  if (!runner)
    return runner.takeError();
  exact = std::move(*runner);
  auto copy = SmoothTrial::create(module, layers, *input.weights, input.plan.pages);
  if (!copy)
    return copy.takeError();
  trial = std::move(*copy);
  if (Status status = cutPieces(); !status)
    return status;
  crossing = std::make_unique<calib::EnvironmentStore>(options.workDir, kEnvironmentBudget, input.plan.batches.size());
  return {};
}

Expected<std::string> SmoothSearch::firstKey() {
  Expected<std::string> content = contentKey(module, *input.weights);
  if (!content)
    return content;
  std::string body;
  llvm::raw_string_ostream stream(body);
  stream << *content << "\ntokens " << input.tokens.hash << "\nscales " << int(options.scales) << "\nclips "
         << method.clips;
  for (LayerPlan &layer : layers)
    stream << "\n"
           << layer.name() << " " << layer.schemes.weights << " " << layer.schemes.activations
           << (layer.staticActivations ? " static" : "");
  for (const std::string &pattern : options.smoothExclude)
    stream << "\nwithout " << pattern;
  for (const auto &[layer, values] : options.given)
    for (const auto &[name, value] : values)
      stream << "\n" << layer << " " << name << " " << value;
  return nextKey(method.name, body);
}

Status SmoothSearch::cutPieces() {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  Expected<LayerPatterns> excluded = LayerPatterns::parse(options.smoothExclude);
  if (!excluded)
    return excluded.takeError();
  Operation *begin = nullptr;
  std::vector<Operation *> cuts = calib::findCuts(forward);
  cuts.push_back(nullptr);
  for (Operation *cut : cuts) {
    pieces.push_back({begin, cut, {}, {}});
    begin = cut;
  }
  auto pieceOf = [&](Operation *op) -> Piece & {
    return *llvm::find_if(pieces, [&](const Piece &piece) { return !piece.end || op->isBeforeInBlock(piece.end); });
  };
  for (LayerPlan &layer : layers)
    pieceOf(layer.linear).linears.push_back(layer.linear);
  for (SmoothPair &pair : findSmoothPairs(forward)) {
    Piece &piece = pieceOf(pair.consumers.front());
    bool isRounded = llvm::any_of(pair.consumers, [&](graph::LinearOp linear) { return planOf(linear); });
    bool isExcluded = llvm::any_of(pair.consumers, [&](graph::LinearOp linear) {
      return excluded->matches(std::string_view(linear.getName().value_or("")));
    });
    if (isRounded && !isExcluded && &pieceOf(pair.source()) == &piece && &pieceOf(pair.consumers.back()) == &piece)
      piece.pairs.push_back(pair);
  }
  return {};
}

const LayerPlan *SmoothSearch::planOf(graph::LinearOp linear) const {
  for (const LayerPlan &layer : layers)
    if (layer.linear == linear)
      return &layer;
  return nullptr;
}

Status SmoothSearch::runPiece(Piece &piece, size_t number) {
  if (piece.pairs.empty() && !(method.clips && !piece.linears.empty()))
    return {};
  key = nextKey(key, text(number));
  folds.push_back(
      std::make_unique<SmoothFold>(symbols, method.name, llvm::formatv("{0}-{1,0+3}", method.name, number).str(), key));
  SmoothFold &fold = *folds.back();
  if (fold.restore(options.workDir, piece.pairs, piece.linears))
    return {};
  if (Status status = follow(piece.begin, nullptr); !status)
    return status;
  if (Status status = follow(piece.end, &piece); !status)
    return status;
  if (Status status = search(piece, fold); !status)
    return status;
  return fold.write(options.workDir);
}

Status SmoothSearch::follow(Operation *end, Piece *piece) {
  if (end == position && !piece)
    return {};
  if (Status status = exact->prepare(position, end); !status)
    return status;
  llvm::SmallSetVector<Value, 8> wanted;
  inputs.clear();
  judges.clear();
  int64_t samples = 0, judging = 0;
  std::vector<BatchView> views;
  std::vector<JudgedBatch> judged(input.plan.batches.size());
  if (piece) {
    for (SmoothPair &pair : piece->pairs)
      wanted.insert(pair.input());
    if (method.clips)
      for (graph::LinearOp linear : piece->linears)
        wanted.insert(linear.getX());
    for (Value value : exact->liveAt(end))
      if (!out || isa<FloatType>(cast<RankedTensorType>(value.getType()).getElementType()))
        out = value;
  }
  for (const calib::Batch &batch : input.plan.batches) {
    bool takesSamples = piece && method.clips && !batch.isHeldOut && samples < kSampleTokens;
    samples += takesSamples ? batch.tokens() : 0;
    views.push_back(BatchView(wanted, takesSamples));
    if (piece && batch.isHeldOut && judging < kJudgingTokens) {
      judging += batch.tokens();
      judged[views.size() - 1].batch = &batch;
    }
  }
  std::vector<Status> results(views.size());
  {
    quant::SingleThreadedBlas single;
    parallelFor(0, int64_t(views.size()), 1, threads, [&](int64_t index, int64_t) {
      const size_t batch = size_t(index);
      results[batch] = [&]() -> Status {
        Expected<interp::Environment> values = crossing->get(batch);
        if (!values)
          return values.takeError();
        if (judged[batch].batch)
          judged[batch].before = *values;
        BatchView::running = input.plan.batches[batch].isHeldOut ? nullptr : &views[batch];
        Status status = exact->run(input.plan.batches[batch].step, *values);
        BatchView::running = nullptr;
        if (!status)
          return status;
        if (judged[batch].batch)
          judged[batch].after = values->find(out)->second;
        return crossing->put(batch, *values);
      }();
    });
  }
  for (size_t batch = 0; batch < views.size(); ++batch) {
    if (!results[batch])
      return results[batch].takeError();
    for (Value value : wanted) {
      auto seen = views[batch].seen.find(value);
      if (seen == views[batch].seen.end())
        continue;
      Input &sum = inputs[value];
      if (sum.statistics.rows() == 0)
        sum.statistics = std::move(seen->second.statistics);
      else
        sum.statistics.add(seen->second.statistics);
      llvm::append_range(sum.samples, seen->second.samples);
    }
    if (judged[batch].batch)
      judges.push_back(std::move(judged[batch]));
  }
  position = end;
  return {};
}

Status SmoothSearch::search(Piece &piece, SmoothFold &fold) {
  if (Status status = trial->prepare(piece.begin, piece.end); !status)
    return status;
  SmoothWeights weights(*exact, *trial, roundingOf(options.scales), threads);
  for (graph::LinearOp linear : piece.linears)
    if (Status status = weights.add(linear, planOf(linear)); !status)
      return status;
  for (SmoothPair &pair : piece.pairs) {
    if (pair.producer)
      if (Status status = weights.add(pair.producer, planOf(pair.producer)); !status)
        return status;
    for (graph::LinearOp consumer : pair.consumers)
      if (Status status = weights.add(consumer, planOf(consumer)); !status)
        return status;
  }
  // Nothing is judged where everything is given.
  isJudged = llvm::any_of(piece.pairs, [&](SmoothPair &pair) { return !givenFor(pair); }) ||
             (method.clips && llvm::any_of(piece.linears, [&](graph::LinearOp linear) {
                return isClippable(linear) && !findGiven(options.given, linear.getName().value_or("").str(), kClip);
              }));
  Expected<double> least = judge();
  if (!least)
    return least.takeError();
  for (SmoothPair &pair : piece.pairs)
    if (Status status = searchPair(pair, weights, fold, *least); !status)
      return status;
  return method.clips ? searchClips(piece, weights, fold, *least) : Status();
}

Expected<double> SmoothSearch::judge() {
  if (!isJudged)
    return 0.0;
  return trial->error(judges, out, threads);
}

const std::string *SmoothSearch::givenFor(SmoothPair &pair) const {
  return findGiven(options.given, pair.name(), method.name);
}

PairStatistics SmoothSearch::statisticsOf(SmoothPair &pair, const SmoothWeights &weights) {
  const Input &seen = inputs.find(pair.input())->second;
  PairStatistics statistics;
  statistics.absMax.assign(seen.statistics.absMax().begin(), seen.statistics.absMax().end());
  statistics.meanAbs = seen.statistics.meanAbs();
  std::vector<std::vector<float>> consumers;
  for (graph::LinearOp consumer : pair.consumers)
    consumers.push_back(weights.numbers(consumer));
  addWeightStatistics(consumers, columnsOf(pair.consumers.front()), groupOf(planOf(pair.consumers.front())),
                      statistics);
  return statistics;
}

Status SmoothSearch::searchPair(SmoothPair &pair, SmoothWeights &weights, SmoothFold &fold, double &least) {
  std::span<const float> gamma;
  if (pair.kind == SmoothPair::Kind::Norm)
    gamma = exact->constant(pair.norm.getWeight()).data();
  const std::string *given = givenFor(pair);
  std::vector<float> best;
  std::string label = "none";
  const double plain = least;
  for (const SmoothCandidate &candidate : method.propose(statisticsOf(pair, weights))) {
    if (given && candidate.label != *given)
      continue;
    std::vector<float> s = storedSmoothing(pair.fromColumns(candidate.columns), gamma);
    if (Status status = weights.fold(pair, s); !status)
      return status;
    Expected<double> error = judge();
    if (!error)
      return error.takeError();
    if (given || *error < least) {
      least = *error;
      best = std::move(s);
      label = candidate.label;
    }
  }
  if (given && label != *given)
    return Error{text(pair.name(), ": ", method.name, " ", quote(*given),
                      " of the recipe is not among the candidates; take the line out and it is searched")};
  if (Status status = weights.fold(pair, best); !status)
    return status;
  llvm::json::Object report{{"pair", pair.name()}, {"choice", label}};
  if (isJudged) {
    report["held_out_error"] = least;
    report["without"] = plain;
  }
  fold.report(std::move(report));
  if (best.empty())
    return {};
  fold.fold(pair, best);
  ++folded;
  return {};
}

bool SmoothSearch::isClippable(graph::LinearOp linear) const {
  const LayerPlan *layer = planOf(linear);
  if (!layer->schemes.weights)
    return false;
  const quant::CodeFormat format = codeFormat(layer->schemes.weights);
  // A row without groups is one group: its moments are K × K, and every limit of every row costs K².
  const bool hasGroups = format.blockRows == 1 && format.blockCols > 0;
  return format.kind == quant::CodeFormat::Kind::Int && hasGroups && !feedsRotation(linear);
}

Status SmoothSearch::searchClips(Piece &piece, SmoothWeights &weights, SmoothFold &fold, double &least) {
  for (graph::LinearOp linear : piece.linears) {
    if (!isClippable(linear))
      continue;
    const std::string name = linear.getName().value_or("").str();
    const std::string *given = findGiven(options.given, name, kClip);
    if (given && *given == "false") {
      fold.report(llvm::json::Object{{"clip", name}, {"kept", false}});
      continue;
    }
    const quant::CodeFormat format = codeFormat(planOf(linear)->schemes.weights);
    const int64_t cols = columnsOf(linear);
    std::vector<float> x = inputs.find(linear.getX())->second.samples;
    if (std::span<const float> s = weights.columnsOf(linear); !s.empty())
      for (size_t i = 0; i < x.size(); ++i)
        x[i] /= s[i % size_t(cols)];
    std::vector<float> w = weights.numbers(linear);
    std::vector<float> clipped = clipWeights(w, int64_t(w.size()) / cols, cols, format, x, threads);
    if (Status status = weights.clip(linear, clipped); !status)
      return status;
    Expected<double> error = judge();
    if (!error)
      return error.takeError();
    bool pays = given || *error < least;
    llvm::json::Object report{{"clip", name}, {"kept", pays}};
    if (isJudged) {
      report["held_out_error"] = *error;
      report["without"] = least;
    }
    fold.report(std::move(report));
    if (!pays) {
      if (Status status = weights.clip(linear, {}); !status)
        return status;
      continue;
    }
    least = *error;
    fold.replaceWeight(linear, clipped);
  }
  return {};
}

} // namespace qcc
