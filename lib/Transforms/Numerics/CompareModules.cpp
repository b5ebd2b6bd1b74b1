//===- CompareModules.cpp -------------------------------------------------===//

#include "CompareModules.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Interpreter/SegmentRunner.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Weights.h"

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

/// The noise of the linear's own weight, if that is quantized in a way that allows to predict it.
std::optional<AddedNoise> addedNoiseOf(const Side &exact, const Side &changed, const Place &place,
                                       graph::LinearOp original, std::span<const float> y,
                                       std::span<const double> rowFactors, std::span<const double> columnFactors) {
  auto linear = dyn_cast<graph::LinearOp>(place.op);
  auto codes = linear ? linear.getW().getDefiningOp<graph::DequantizeOp>() : graph::DequantizeOp();
  auto x = linear ? changed.inputs.find(linear.getX()) : changed.inputs.end();
  if (!codes || !original || linear.getSparse24() || place.isRewritten || x == changed.inputs.end())
    return std::nullopt;
  LinearNumbers numbers{
      exact.constant(original.getW()), exact.constant(original.getBias()), x->second, y, rowFactors, columnFactors};
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
  std::unique_ptr<Side> sides[2];
  ModuleOp modules[] = {exact, module};
  for (int i = 0; i < 2; ++i) {
    Expected<std::unique_ptr<Side>> side = Side::create(modules[i], pages);
    if (!side)
      return side.takeError();
    sides[i] = std::move(*side);
  }
  Side &reference = *sides[0], &changed = *sides[1];
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
        Comparison comparison{place.key,
                              exactPlace.name,
                              place.isScalable,
                              {},
                              bounds[i],
                              ChannelSums(r.values, v.values, r.channels),
                              ValueHistogram(r.values, v.values),
                              std::nullopt};
        if (place.isScalable)
          factors[i] = comparison.sums.factors();
        // Rows are scaled as they were before, so that a wrong scale of a row shows.
        auto held = before.find(place.key);
        std::span<const double> rows, columns;
        if (place.isScalable)
          rows = held != before.end() ? held->second : factors[i];
        if (place.sources.size() == 1 && changed.places[place.sources.front()].isScalable)
          columns = factors[place.sources.front()];
        comparison.added =
            addedNoiseOf(reference, changed, place, dyn_cast<graph::LinearOp>(exactPlace.op), v.values, rows, columns);
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

} // namespace qcc::numerics
