//===- CompareModules.cpp -------------------------------------------------===//

#include "CompareModules.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Interpreter/SegmentRunner.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include <cmath>
#include <map>

using namespace mlir;

namespace qcc::numerics {
namespace {

struct Seen {
  std::vector<float> values;
  int64_t channels;
};

/// A module on its way through the batch.
class Side {
public:
  static Expected<std::unique_ptr<Side>> create(ModuleOp module, int64_t pages) {
    auto forward = module.lookupSymbol<func::FuncOp>("forward");
    if (!forward)
      return Error{"the module has no function @forward"};
    Expected<std::string> directory = sourceOf(module);
    if (!directory)
      return directory.takeError();
    auto side = std::make_unique<Side>();
    Expected<std::unique_ptr<ModuleWeights>> weights = openWeights(module, *directory);
    if (!weights)
      return weights.takeError();
    side->weights = std::move(*weights);
    side->places = findPlaces(forward);
    for (size_t i = 0; i < side->places.size(); ++i)
      side->indices[side->places[i].op] = i;
    side->cuts = calib::findCuts(forward);
    side->cuts.push_back(nullptr);
    auto runner = interp::SegmentRunner::create(
        module, *side->weights, pages,
        [side = side.get()](Operation *op, unsigned result, std::span<const int64_t> shape,
                            std::span<const float> values) { side->observe(op, result, shape, values); });
    if (!runner)
      return runner.takeError();
    side->runner = std::move(*runner);
    return side;
  }

  bool isDone() const { return next == cuts.size(); }
  size_t pieces() const { return cuts.size(); }
  /// The residual sum, all that crosses a cut, becomes that of `other`, which is as far on its way.
  Status takeFrom(const Side &other) {
    if (next == 0)
      return {};
    auto here = runner->liveAt(cuts[next - 1]), there = other.runner->liveAt(other.cuts[next - 1]);
    if (here.size() != 1 || there.size() != 1)
      return Error{text("piece ", next, " of @forward reads ", here.size(), " values of the float model and ",
                        there.size(), " of the other, but should read one residual sum")};
    values[here.front()] = other.values.at(there.front());
    return {};
  }
  /// Runs the next piece and adds what its places give to `seen`.
  Status advance(const interp::RaggedBatch &batch) {
    Operation *begin = next == 0 ? nullptr : cuts[next - 1];
    if (Status status = runner->prepare(begin, cuts[next]); !status)
      return status;
    ++next;
    inputs.clear();
    return runner->run(batch, values);
  }

  std::vector<Place> places;
  std::map<std::string, Seen> seen;                    ///< by key; taken out by the comparison
  llvm::DenseMap<Value, std::vector<float>> inputs;    ///< what linears of the piece read
  std::span<const float> constant(Value value) const { ///< of the piece that ran last
    return value ? runner->constant(value).data() : std::span<const float>();
  }

private:
  void observe(Operation *op, unsigned result, std::span<const int64_t> shape, std::span<const float> numbers) {
    if (llvm::any_of(op->getResult(result).getUsers(), llvm::IsaPred<graph::LinearOp>))
      inputs[op->getResult(result)].assign(numbers.begin(), numbers.end());
    auto found = indices.find(op);
    if (found == indices.end() || result != 0 || numbers.empty())
      return;
    const Place &place = places[found->second];
    seen[place.key] = {{numbers.begin(), numbers.end()}, int64_t(numbers.size()) / shape.front()};
  }

  std::unique_ptr<ModuleWeights> weights;
  std::unique_ptr<interp::SegmentRunner> runner;
  llvm::DenseMap<Operation *, size_t> indices;
  std::vector<Operation *> cuts;
  size_t next = 0;
  interp::Environment values;
};

struct Sides {
  std::unique_ptr<Side> reference, changed;
};

Expected<Sides> createSides(ModuleOp exact, ModuleOp module, int64_t pages) {
  Sides sides;
  for (auto [from, side] : {std::pair(exact, &sides.reference), std::pair(module, &sides.changed)}) {
    Expected<std::unique_ptr<Side>> created = Side::create(from, pages);
    if (!created)
      return created.takeError();
    *side = std::move(*created);
  }
  return sides;
}

/// The place of each comparison becomes its index; places that the float module lacks are looked through.
void linkSources(const std::vector<Place> &places, const std::vector<size_t> &order,
                 std::vector<Comparison> &comparisons) {
  std::map<size_t, size_t> indices;
  for (size_t i = 0; i < order.size(); ++i)
    indices[order[i]] = i;
  for (size_t i = 0; i < order.size(); ++i) {
    std::vector<size_t> open = places[order[i]].sources;
    while (!open.empty()) {
      size_t source = open.back();
      open.pop_back();
      if (auto found = indices.find(source); found != indices.end())
        comparisons[i].sources.push_back(found->second);
      else
        open.insert(open.end(), places[source].sources.begin(), places[source].sources.end());
    }
  }
}

/// Factors of a linear's output and input, as far as the values tell.
struct ValueFactors {
  std::span<const double> rows, columns;
  bool areRowsHeld;         ///< from before: nothing but rounding may have changed them
  double columnNoise = 0.1; ///< relative, of the values that the columns' follow from; at least a tenth
};
/// Rounding moves a row's factor by less.
constexpr double kHeldTolerance = 0.02;

/// The noise of the linear's own weight, if that is quantized in a way that allows to predict it.
std::optional<AddedNoise> addedNoiseOf(const Side &exact, const Side &changed, const Place &place,
                                       graph::LinearOp original, std::span<const float> reference,
                                       std::span<const float> y, const ValueFactors &factors) {
  auto linear = dyn_cast<graph::LinearOp>(place.op);
  auto codes = linear ? linear.getW().getDefiningOp<graph::DequantizeOp>() : graph::DequantizeOp();
  auto x = linear ? changed.inputs.find(linear.getX()) : changed.inputs.end();
  if (!codes || !original || linear.getSparse24() || place.isRewritten || x == changed.inputs.end())
    return std::nullopt;
  LinearNumbers numbers{exact.constant(original.getW()),
                        exact.constant(original.getBias()),
                        reference,
                        changed.constant(linear.getW()),
                        x->second,
                        y,
                        factors.rows,
                        factors.columns,
                        factors.areRowsHeld ? kHeldTolerance : HUGE_VAL,
                        factors.columnNoise,
                        cast<RankedTensorType>(linear.getY().getType()).getElementType().isBF16(),
                        place.isSolved};
  return addedNoise(codes.getScheme(), numbers, cast<RankedTensorType>(original.getW().getType()).getDimSize(0));
}

Status checkLinears(const Side &exact, const Side &changed) {
  std::map<std::string, const Place *> found;
  for (const Place &place : changed.places)
    found[place.key] = &place;
  for (const Place &place : exact.places) {
    if (!isa<graph::LinearOp>(place.op))
      continue;
    auto other = found.find(place.key);
    if (other == found.end())
      return Error{text("linear ", quote(place.name), " of the float model is not there any more")};
    auto type = cast<RankedTensorType>(place.op->getResult(0).getType()),
         now = cast<RankedTensorType>(other->second->op->getResult(0).getType());
    if (type.getShape() != now.getShape())
      return Error{text("linear ", quote(place.name), " gives another shape than in the float module")};
  }
  return {};
}

} // namespace

Expected<std::string> sourceOf(ModuleOp module) {
  auto model = module->getAttrOfType<DictionaryAttr>("graph.model");
  auto source = model ? model.getAs<StringAttr>("source") : StringAttr();
  if (!source)
    return Error{"the module's attribute graph.model lacks source; import the model with qcc"};
  return source.str();
}

Expected<std::vector<Comparison>> compareModules(ModuleOp exact, ModuleOp module, const interp::RaggedBatch &batch,
                                                 int64_t pages, std::optional<double> bound, const Factors &before) {
  Expected<Sides> sides = createSides(exact, module, pages);
  if (!sides)
    return sides.takeError();
  Side &reference = *sides->reference, &changed = *sides->changed;
  if (Status status = checkLinears(reference, changed); !status)
    return status.takeError();
  std::map<std::string, const Place *> originals;
  for (const Place &place : reference.places)
    originals[place.key] = &place;
  std::vector<Bound> bounds = findBounds(module, changed.places, bound);

  std::map<size_t, Comparison> byPlace;
  std::map<size_t, std::vector<double>> factors; ///< of scalable places, now
  while (!reference.isDone() || !changed.isDone()) {
    for (Side *side : {&reference, &changed})
      if (!side->isDone())
        if (Status status = side->advance(batch); !status)
          return status.takeError();
    for (size_t i = 0; i < changed.places.size(); ++i) {
      const Place &place = changed.places[i];
      auto value = changed.seen.find(place.key), original = reference.seen.find(place.key);
      if (value == changed.seen.end() || original == reference.seen.end())
        continue;
      const Seen &v = value->second, &r = original->second;
      if (v.values.size() == r.values.size() && v.channels == r.channels) {
        const Place &exactPlace = *originals[place.key];
        Comparison comparison{place.key,        exactPlace.name,
                              place.isScalable, {},
                              bounds[i],        ChannelSums(r.values, v.values, r.channels),
                              std::nullopt,     ValueHistogram(r.values, v.values),
                              std::nullopt};
        if (place.isScalable)
          factors[i] = comparison.sums.factors();
        // Rows are scaled as they were before, so that a wrong scale of a row shows.
        auto held = before.find(place.key);
        ValueFactors scaled{{}, {}, held != before.end()};
        if (place.isScalable)
          scaled.rows = scaled.areRowsHeld ? held->second : factors[i];
        if (place.sources.size() == 1 && changed.places[place.sources.front()].isScalable) {
          scaled.columns = factors[place.sources.front()];
          if (auto source = byPlace.find(place.sources.front()); source != byPlace.end())
            scaled.columnNoise =
                std::max(scaled.columnNoise, std::pow(10, -source->second.sums.noise(scaled.columns).decibels / 20));
        }
        comparison.added = addedNoiseOf(reference, changed, place, dyn_cast<graph::LinearOp>(exactPlace.op), r.values,
                                        v.values, scaled);
        byPlace.try_emplace(i, std::move(comparison));
      }
      changed.seen.erase(value);
      reference.seen.erase(original);
    }
  }
  std::vector<Comparison> comparisons;
  std::vector<size_t> order;
  for (auto &[index, comparison] : byPlace) {
    order.push_back(index);
    comparisons.push_back(std::move(comparison));
  }
  linkSources(changed.places, order, comparisons);
  return comparisons;
}

Status compareHalfBlocks(ModuleOp exact, ModuleOp module, const interp::RaggedBatch &batch, int64_t pages,
                         std::vector<Comparison> &comparisons) {
  Expected<Sides> sides = createSides(exact, module, pages);
  if (!sides)
    return sides.takeError();
  Side &reference = *sides->reference, &changed = *sides->changed;
  if (reference.pieces() != changed.pieces())
    return Error{text("@forward has ", changed.pieces(), " pieces between residual sums, ", reference.pieces(),
                      " in the float module")};
  while (!reference.isDone()) {
    if (Status status = reference.takeFrom(changed); !status)
      return status;
    for (Side *side : {&reference, &changed})
      if (Status status = side->advance(batch); !status)
        return status;
    for (Comparison &comparison : comparisons) {
      auto value = changed.seen.find(comparison.key), original = reference.seen.find(comparison.key);
      if (value != changed.seen.end() && original != reference.seen.end())
        comparison.own.emplace(original->second.values, value->second.values, original->second.channels);
    }
    reference.seen.clear();
    changed.seen.clear();
  }
  return {};
}

} // namespace qcc::numerics
