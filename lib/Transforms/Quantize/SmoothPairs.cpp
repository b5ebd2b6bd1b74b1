//===- SmoothPairs.cpp ----------------------------------------------------===//

#include "SmoothPairs.h"
#include "qcc/Quant/Smoothing.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace qcc {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The linears that read `value` as their input, if nothing else reads it (observers do not count).
SmallVector<graph::LinearOp> onlyLinears(Value value) {
  SmallVector<graph::LinearOp> linears;
  for (Operation *user : value.getUsers()) {
    if (isa<graph::ObserveOp>(user))
      continue;
    auto linear = dyn_cast<graph::LinearOp>(user);
    if (!linear || linear.getX() != value || linear.getW() == value)
      return {};
    linears.push_back(linear);
  }
  llvm::sort(linears, [](graph::LinearOp a, graph::LinearOp b) { return a->isBeforeInBlock(b); });
  return linears;
}

/// The only reader of a value, or null.
Operation *onlyUser(Value value) {
  Operation *only = nullptr;
  for (Operation *user : value.getUsers())
    if (!isa<graph::ObserveOp>(user)) {
      if (only)
        return nullptr;
      only = user;
    }
  return only;
}

/// The linear that makes the V of the attention's layer, if only the cache reads it.
graph::LinearOp findValueProjection(graph::AttentionOp attention) {
  for (Operation &op : *attention->getBlock()) {
    auto append = dyn_cast<graph::KvAppendOp>(op);
    if (!append || append.getLayer() != attention.getLayer() || append.getCache() != attention.getCache())
      continue;
    auto heads = append.getV().getDefiningOp<graph::ReshapeOp>();
    auto linear = heads ? heads.getX().getDefiningOp<graph::LinearOp>() : graph::LinearOp();
    bool isAlone = linear && onlyUser(append.getV()) == append && onlyUser(heads.getX()) == heads;
    return isAlone ? linear : graph::LinearOp();
  }
  return {};
}

std::optional<SmoothPair> matchValue(graph::AttentionOp attention) {
  auto flat = dyn_cast_or_null<graph::ReshapeOp>(onlyUser(attention.getY()));
  graph::LinearOp v = findValueProjection(attention);
  if (!flat || !v)
    return std::nullopt;
  SmoothPair pair{SmoothPair::Kind::Value, {}, v, onlyLinears(flat.getY())};
  if (pair.consumers.empty())
    return std::nullopt;
  pair.heads = typeOf(attention.getQ()).getDimSize(1);
  pair.headDim = typeOf(attention.getQ()).getDimSize(2);
  pair.kvHeads = typeOf(v.getY()).getDimSize(1) / pair.headDim;
  bool isFlat = typeOf(flat.getY()).getRank() == 2 && typeOf(flat.getY()).getDimSize(1) == pair.heads * pair.headDim;
  return isFlat ? std::optional(pair) : std::nullopt;
}

std::optional<SmoothPair> matchProduct(graph::MulOp mul) {
  SmallVector<graph::LinearOp> consumers = onlyLinears(mul.getY());
  if (consumers.empty())
    return std::nullopt;
  // Either factor may be divided; what comes straight from a linear can be.
  for (Value factor : {mul.getB(), mul.getA()})
    if (auto up = factor.getDefiningOp<graph::LinearOp>();
        up && onlyUser(factor) == mul && factor.getType() == mul.getType() && typeOf(factor).getRank() == 2)
      return SmoothPair{SmoothPair::Kind::Product, {}, up, consumers};
  return std::nullopt;
}

} // namespace

int64_t SmoothPair::channels() {
  return kind == Kind::Norm ? typeOf(norm.getWeight()).getDimSize(0) : typeOf(producer.getY()).getDimSize(1);
}

std::vector<double> SmoothPair::perColumn(const std::vector<double> &s) {
  return kind == Kind::Value ? quant::spreadOverQueryHeads(s, heads, kvHeads, headDim) : s;
}

std::vector<double> SmoothPair::fromColumns(const std::vector<double> &columns) {
  return kind == Kind::Value ? quant::shareOverQueryHeads(columns, heads, kvHeads, headDim) : columns;
}

std::string SmoothPair::name() {
  std::string first = consumers.front().getName().value_or("linear").str();
  return consumers.size() == 1 ? first : first + "+" + std::to_string(consumers.size() - 1);
}

std::vector<SmoothPair> findSmoothPairs(func::FuncOp forward) {
  std::vector<SmoothPair> pairs;
  forward.walk([&](Operation *op) {
    if (auto norm = dyn_cast<graph::RmsNormOp>(op)) {
      SmallVector<graph::LinearOp> consumers = onlyLinears(norm.getY());
      if (!consumers.empty() && typeOf(norm.getY()).getRank() == 2)
        pairs.push_back({SmoothPair::Kind::Norm, norm, {}, consumers});
    } else if (auto attention = dyn_cast<graph::AttentionOp>(op)) {
      if (auto pair = matchValue(attention))
        pairs.push_back(*pair);
    } else if (auto mul = dyn_cast<graph::MulOp>(op)) {
      if (auto pair = matchProduct(mul))
        pairs.push_back(*pair);
    }
  });
  return pairs;
}

} // namespace qcc
