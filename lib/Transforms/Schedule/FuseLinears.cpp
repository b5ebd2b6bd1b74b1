//===- FuseLinears.cpp - One product for linears of one value -------------===//

#include "qcc/Transforms/Schedule/Passes.h"
#include "qcc/Transforms/Schedule/WeightView.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_FUSELINEARSPASS
#include "qcc/Transforms/Schedule/Passes.h.inc"

namespace {

/// Slices start at multiples of this many columns, so that kernels read them with 128-bit loads.
constexpr int64_t kSliceAlignment = 8;

int64_t rowsOfWeight(graph::LinearOp linear) { return cast<RankedTensorType>(linear.getW().getType()).getDimSize(0); }

bool hasConstantBias(graph::LinearOp linear) {
  return linear.getBias() && linear.getBias().getDefiningOp<graph::GetOp>();
}

bool hasGranularity(const WeightView &weight, graph::Granularity granularity) {
  graph::SchemeAttr scheme = weight.scheme;
  return scheme && scheme.getGranularity() == granularity;
}

bool canJoin(graph::LinearOp a, graph::LinearOp b) {
  std::optional<WeightView> wa = WeightView::of(a.getW()), wb = WeightView::of(b.getW());
  auto elementOf = [](Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); };
  return wa && wb && wa->scheme == wb->scheme && wa->element == wb->element && a.getSparse24() == b.getSparse24() &&
         elementOf(a.getY()) == elementOf(b.getY()) && hasConstantBias(a) == hasConstantBias(b) &&
         bool(a.getBias()) == bool(b.getBias());
}

/// Whether rows may follow `linear`'s in a joined weight: slices of y start aligned, blocks of scales stay whole.
bool canBeFollowed(graph::LinearOp linear) {
  std::optional<WeightView> weight = WeightView::of(linear.getW());
  int64_t rows = rowsOfWeight(linear);
  return rows % kSliceAlignment == 0 &&
         !(hasGranularity(*weight, graph::Granularity::block) && rows % weight->scheme.getBlockRows() != 0);
}

/// "layers.0.q_proj", "layers.0.k_proj" → "layers.0.q_proj+k_proj".
std::string joinedName(ArrayRef<graph::LinearOp> linears) {
  std::string name;
  for (graph::LinearOp linear : linears) {
    StringRef own = linear.getName().value_or("linear");
    size_t last = own.rfind('.');
    name += name.empty() ? own.str() : ("+" + (last == StringRef::npos ? own : own.drop_front(last + 1))).str();
  }
  return name;
}

/// A derivation that concatenates, part by part, the rows of the given tensors. A scale per tensor becomes one per row,
/// since the tensors' scales differ.
graph::DerivedOp joinDerivations(func::FuncOp function, SymbolTable &symbols, const Twine &name,
                                 ArrayRef<WeightView> tensors) {
  const WeightView &first = tensors.front();
  Location loc = first.parts.front().getLoc();
  bool perTensor = hasGranularity(first, graph::Granularity::tensor);
  auto partType = [&](const WeightView &tensor, unsigned part) {
    auto type = cast<RankedTensorType>(tensor.parts[part].getType());
    int64_t rows = cast<RankedTensorType>(tensor.parts[0].getType()).getDimSize(0);
    return perTensor && part > 0 ? RankedTensorType::get({rows}, type.getElementType()) : type;
  };
  SmallVector<Type> types;
  for (unsigned part = 0; part < first.parts.size(); ++part) {
    RankedTensorType type = partType(first, part);
    SmallVector<int64_t> shape(type.getShape());
    shape[0] = 0;
    for (const WeightView &tensor : tensors)
      shape[0] += partType(tensor, part).getDimSize(0);
    types.push_back(RankedTensorType::get(shape, type.getElementType()));
  }
  OpBuilder builder(function);
  auto derived = graph::DerivedOp::create(builder, loc, name.str(), TypeRange(types));
  symbols.insert(derived); // renames it where the name is taken
  OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
  SmallVector<SmallVector<Value>> parts(types.size());
  for (const WeightView &tensor : tensors)
    for (auto [part, value] : llvm::enumerate(tensor.get(body, loc))) {
      RankedTensorType type = partType(tensor, part);
      parts[part].push_back(type == value.getType() ? value
                                                    : graph::BroadcastOp::create(body, loc, type, value).getResult());
    }
  SmallVector<Value> results;
  for (auto [part, type] : llvm::zip(parts, types))
    results.push_back(graph::ConcatOp::create(body, loc, type, part, body.getI64IntegerAttr(0)));
  graph::YieldOp::create(body, loc, results);
  return derived;
}

/// The weight that `first` describes, with the joined tensors in place of its own.
Value joinedWeight(OpBuilder &builder, const WeightView &first, graph::GetOp get) {
  if (!first.scheme)
    return get->getResult(0);
  graph::SchemeAttr scheme = first.scheme;
  if (hasGranularity(first, graph::Granularity::tensor))
    scheme = graph::SchemeAttr::getSimple(scheme.getStorage(), graph::Granularity::channel, scheme.getScale());
  auto codes = cast<RankedTensorType>(get->getResult(0).getType());
  return graph::DequantizeOp::create(builder, get.getLoc(), RankedTensorType::get(codes.getShape(), first.element),
                                     get->getResult(0), get->getResult(1),
                                     get->getNumResults() > 2 ? get->getResult(2) : Value(), scheme);
}

void join(func::FuncOp function, SymbolTable &symbols, ArrayRef<graph::LinearOp> linears) {
  graph::LinearOp first = linears.front();
  OpBuilder builder(first);
  std::string name = joinedName(linears);
  Location loc = first.getLoc();

  SmallVector<WeightView> weights, biases;
  for (graph::LinearOp linear : linears) {
    weights.push_back(*WeightView::of(linear.getW()));
    if (linear.getBias())
      biases.push_back(*WeightView::of(linear.getBias()));
  }
  graph::DerivedOp derived = joinDerivations(function, symbols, name + ".weight", weights);
  SmallVector<Type> types;
  for (unsigned i = 0; i < derived.getNumDerived(); ++i)
    types.push_back(derived.getDerivedType(i));
  auto get = graph::GetOp::create(builder, loc, types, FlatSymbolRefAttr::get(derived.getSymNameAttr()));
  Value weight = joinedWeight(builder, weights.front(), get);
  Value bias;
  if (!biases.empty()) {
    graph::DerivedOp joined = joinDerivations(function, symbols, name + ".bias", biases);
    bias = graph::GetOp::create(builder, loc, TypeRange(joined.getDerivedType(0)),
                                FlatSymbolRefAttr::get(joined.getSymNameAttr()))
               .getResult(0);
  }

  auto type = cast<RankedTensorType>(first.getY().getType());
  int64_t rows = cast<RankedTensorType>(weight.getType()).getDimSize(0), begin = 0;
  auto whole =
      graph::LinearOp::create(builder, loc, RankedTensorType::get({type.getDimSize(0), rows}, type.getElementType()),
                              first.getX(), weight, bias, builder.getStringAttr(name), first.getSparse24Attr());
  for (graph::LinearOp linear : linears) {
    int64_t size = rowsOfWeight(linear);
    auto slice =
        graph::SliceOp::create(builder, linear.getLoc(), linear.getY().getType(), whole, builder.getI64IntegerAttr(1),
                               builder.getI64IntegerAttr(begin), builder.getI64IntegerAttr(size));
    linear.getY().replaceAllUsesWith(slice);
    begin += size;
  }
  for (graph::LinearOp linear : linears)
    linear.erase();
}

struct FuseLinearsPass : impl::FuseLinearsPassBase<FuseLinearsPass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      llvm::MapVector<Value, SmallVector<graph::LinearOp>> byInput;
      function.walk([&](graph::LinearOp linear) { byInput[linear.getX()].push_back(linear); });
      for (auto &[input, linears] : byInput) {
        if (cast<RankedTensorType>(input.getType()).getRank() != 2)
          continue;
        // Several groups where some layers are excluded from quantization: each joins with its like.
        SmallVector<SmallVector<graph::LinearOp>> groups;
        for (graph::LinearOp linear : linears) {
          auto *group = llvm::find_if(groups, [&](ArrayRef<graph::LinearOp> group) {
            return canJoin(group.front(), linear) && canBeFollowed(group.back());
          });
          if (group == groups.end())
            groups.push_back({linear});
          else
            group->push_back(linear);
        }
        for (ArrayRef<graph::LinearOp> group : groups)
          if (group.size() > 1) {
            fused += group.size();
            join(function, symbols, group);
          }
      }
    }
  }
};

} // namespace
} // namespace qcc
