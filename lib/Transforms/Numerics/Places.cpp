//===- Places.cpp ---------------------------------------------------------===//

#include "Places.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

#include <map>

using namespace mlir;

namespace qcc::numerics {
namespace {

/// Moves numbers or rounds them, but computes nothing of its own.
bool isTransparent(Operation *op) {
  return isa<graph::CastOp, graph::ReshapeOp, graph::TransposeOp, graph::BroadcastOp, graph::QuantizeOp,
             graph::DequantizeOp, graph::GatherRowsOp>(op);
}

/// What calibration stored of a weight, whatever was done to it since.
struct StoredWeight {
  bool isRewritten = false, isSolved = false; ///< the weight itself, changed (AWQ's clipped weights); its codes
};
StoredWeight storedOf(Value weight, SymbolTableCollection &symbols) {
  StoredWeight result;
  auto type = cast<RankedTensorType>(weight.getType());
  Operation *read = weight.getDefiningOp();
  while (read && !isa<graph::GetOp>(read) && read->getNumOperands() > 0)
    read = read->getOperand(0).getDefiningOp();
  llvm::SmallVector<graph::GetOp> reads;
  if (auto get = dyn_cast_or_null<graph::GetOp>(read))
    reads.push_back(get);
  while (!reads.empty()) {
    graph::GetOp get = reads.pop_back_val();
    Operation *symbol = symbols.lookupNearestSymbolFrom(get, get.getSymbolAttr());
    if (auto parameter = dyn_cast_or_null<graph::ParameterOp>(symbol)) {
      auto stored = cast<RankedTensorType>(parameter.getType());
      if (stored.getShape() == type.getShape() && parameter.getFile().starts_with(kWorkFiles))
        (isa<Float32Type, BFloat16Type>(stored.getElementType()) ? result.isRewritten : result.isSolved) = true;
    } else if (symbol) {
      symbol->walk([&](graph::GetOp inner) { reads.push_back(inner); });
    }
  }
  return result;
}

class PlaceFinder {
public:
  std::vector<Place> find(func::FuncOp forward) {
    for (Operation &op : forward.getBody().front())
      visit(op);
    for (Place &place : places)
      place.isScalable = isScalable(place.op->getResult(0));
    return std::move(places);
  }

private:
  using Cache = std::pair<StringRef, int64_t>; ///< its name and the layer

  void visit(Operation &op) {
    llvm::SetVector<size_t> from;
    for (Value operand : op.getOperands())
      if (auto found = sources.find(operand); found != sources.end())
        from.insert(found->second.begin(), found->second.end());
    if (auto append = dyn_cast<graph::KvAppendOp>(op)) {
      appended[{append.getCache(), int64_t(append.getLayer())}] = from;
      return;
    }
    if (auto attention = dyn_cast<graph::AttentionOp>(op)) {
      llvm::SetVector<size_t> &cached = appended[{attention.getCache(), int64_t(attention.getLayer())}];
      from.insert(cached.begin(), cached.end());
    }
    if (op.getNumResults() == 0 || isa<graph::GetOp>(op))
      return;
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    bool followsFromBatch = !from.empty() || isa<graph::EmbeddingOp>(op);
    if (!isTransparent(&op) && followsFromBatch && type && isa<FloatType>(type.getElementType())) {
      addPlace(op, from);
      from = {};
      from.insert(places.size() - 1);
    }
    if (!from.empty())
      for (Value result : op.getResults())
        sources[result] = from;
  }

  void addPlace(Operation &op, const llvm::SetVector<size_t> &from) {
    std::string anchor;
    size_t latest = 0;
    for (size_t source : from)
      if (anchors[source].first >= latest)
        std::tie(latest, anchor) = anchors[source];
    std::string kind = op.getName().stripDialect().str();
    std::string behind = anchor.empty() ? "" : " behind " + anchor;
    Place place{&op, kind + behind, kind + behind, false, false, false, {from.begin(), from.end()}};
    if (auto linear = dyn_cast<graph::LinearOp>(op); linear && linear.getName()) {
      place.key = place.name = linear.getName()->str();
      anchors.push_back({places.size() + 1, place.name});
      StoredWeight stored = storedOf(linear.getW(), symbols);
      place.isRewritten = stored.isRewritten;
      place.isSolved = stored.isSolved;
    } else {
      anchors.push_back({latest, anchor});
    }
    if (auto norm = dyn_cast<graph::RmsNormOp>(op))
      if (StringRef symbol = rootSymbol(norm.getWeight()); symbol.consume_back(".weight"))
        place.name = symbol.str();
    if (unsigned number = ++count[place.key]; number > 1)
      place.key += " (" + std::to_string(number) + ")";
    places.push_back(std::move(place));
  }

  /// Whether every reader, possibly behind other ops, multiplies it by weights that can take a factor per channel back.
  bool isScalable(Value value) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (auto linear = dyn_cast<graph::LinearOp>(user); linear && use.get() == linear.getX())
        continue;
      if (isa<graph::ObserveOp>(user))
        continue;
      if ((isTransparent(user) || isa<graph::MulOp>(user)) && isScalable(user->getResult(0)))
        continue;
      if (auto append = dyn_cast<graph::KvAppendOp>(user); append && append.getV() == value && isReadScalably(append))
        continue;
      return false;
    }
    return true;
  }
  bool isReadScalably(graph::KvAppendOp append) {
    for (Operation &op : *append->getBlock())
      if (auto attention = dyn_cast<graph::AttentionOp>(op);
          attention && attention.getCache() == append.getCache() && attention.getLayer() == append.getLayer())
        return isScalable(attention.getY());
    return false;
  }

  SymbolTableCollection symbols;
  std::vector<Place> places;
  std::vector<std::pair<size_t, std::string>> anchors; ///< of each place: order and name of the last linear
  llvm::DenseMap<Value, llvm::SetVector<size_t>> sources;
  std::map<Cache, llvm::SetVector<size_t>> appended;
  std::map<std::string, unsigned> count;
};

} // namespace

std::vector<Place> findPlaces(func::FuncOp forward) { return PlaceFinder().find(forward); }

} // namespace qcc::numerics
