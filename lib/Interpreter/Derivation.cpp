//===- Derivation.cpp -----------------------------------------------------===//

#include "qcc/Interpreter/Derivation.h"
#include "Packing.h"
#include "TileEvaluator.h"
#include "qcc/Quant/Layout.h"
#include "qcc/Support/Parallel.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <numeric>
#include <set>

using mlir::Value;

namespace qcc::interp {
namespace {

/// The yielded value of a result, seen through gets; null for a parameter.
Value rootOf(mlir::Operation *symbol, unsigned result) {
  auto derived = mlir::dyn_cast<graph::DerivedOp>(symbol);
  return derived ? throughGets(derived.getBody().front().getTerminator()->getOperand(result)) : Value();
}

llvm::ArrayRef<int64_t> shapeOf(mlir::Type type) { return mlir::cast<mlir::RankedTensorType>(type).getShape(); }

graph::PackOp packOf(Value root) { return root ? root.getDefiningOp<graph::PackOp>() : graph::PackOp(); }

/// Rows of blocks of the layout scales_block (Layout.h).
constexpr int64_t kBlockRows = 128;

/// Rows of the weight behind one row of a result: more than one for the scales and zero points of blocks.
int64_t rowsPerRow(Value root) {
  auto pack = packOf(root);
  Value value = pack ? throughGets(pack.getX()) : root;
  auto quantize = value ? value.getDefiningOp<graph::QuantizeOp>() : graph::QuantizeOp();
  if (quantize && value != quantize.getCodes() && quantize.getScheme().getGranularity() == graph::Granularity::block)
    return quantize.getScheme().getBlockRows();
  return pack && pack.getLayout().getKind() == graph::LayoutKind::scales_block ? kBlockRows : 1;
}

/// Whether rows of `value` follow from a scale that all rows give: then tiles would each read everything.
bool hasScaleOfAll(Value value) {
  mlir::Operation *op = throughGets(value).getDefiningOp();
  auto quantize = mlir::dyn_cast<graph::QuantizeOp>(op);
  if (quantize && !quantize.getScale() && quantize.getScheme().getGranularity() == graph::Granularity::tensor)
    return true;
  return llvm::any_of(op->getOperands(), hasScaleOfAll);
}

Status checkSymbol(mlir::Operation *symbol, const ParameterSource &source, std::set<mlir::Operation *> &seen) {
  if (!seen.insert(symbol).second)
    return {};
  if (auto parameter = mlir::dyn_cast<graph::ParameterOp>(symbol))
    return checkParameter(parameter, source);
  for (mlir::Operation &op : mlir::cast<graph::DerivedOp>(symbol).getBody().front())
    if (auto get = mlir::dyn_cast<graph::GetOp>(op))
      if (Status status = checkSymbol(lookup(get), source, seen); !status)
        return status;
  return {};
}

} // namespace

Expected<Derivation> Derivation::create(mlir::Operation *symbol, const ParameterSource &source) {
  std::set<mlir::Operation *> seen;
  if (Status status = checkSymbol(symbol, source, seen); !status)
    return status.takeError();
  Derivation derivation;
  derivation.symbol = symbol;
  derivation.source = &source;
  if (auto parameter = mlir::dyn_cast<graph::ParameterOp>(symbol))
    derivation.results = {parameter.getType()};
  else
    for (mlir::Type type : mlir::cast<graph::DerivedOp>(symbol).getTypes().getAsValueRange<mlir::TypeAttr>())
      derivation.results.push_back(type);
  derivation.findRows();
  return derivation;
}

void Derivation::findRows() {
  bool packed = false;
  std::vector<std::pair<int64_t, int64_t>> extents; // leading dimension (0: a scalar, without rows), rows behind each
  for (unsigned i = 0; i < results.size(); ++i) {
    Value root = rootOf(symbol, i);
    auto pack = packOf(root);
    llvm::ArrayRef<int64_t> shape = shapeOf(pack ? pack.getX().getType() : results[i]);
    extents.emplace_back(shape.empty() ? 0 : shape[0], rowsPerRow(root));
    multiple = std::lcm(multiple, std::lcm(extents.back().second, pack ? quant::kWeightRowPad : 1));
    packed |= bool(pack);
    streams &= !root || !hasScaleOfAll(root);
  }
  int64_t rows = 0;
  for (auto [extent, unit] : extents)
    rows = unit == 1 ? std::max(rows, extent) : rows;
  streams &= rows > 0 && llvm::all_of(extents, [&](auto extent) {
               return extent.first == (rows + extent.second - 1) / extent.second;
             });
  rowCount = !streams ? 1 : packed ? quant::paddedRows(rows) : rows;
  if (!streams)
    multiple = 1;
}

uint64_t Derivation::byteCount(unsigned result) const {
  uint64_t count = 1;
  for (int64_t extent : shapeOf(results[result]))
    count *= uint64_t(extent);
  unsigned bits = bitWidth(dtypeOf(mlir::cast<mlir::RankedTensorType>(results[result]).getElementType()));
  return count * ((bits + 7) / 8);
}

Expected<std::vector<DerivedPiece>> Derivation::evaluate(int64_t begin, int64_t end) const {
  assert(begin % multiple == 0 && (end % multiple == 0 || end == rowCount) && begin < end && end <= rowCount);
  TileEvaluator evaluator(*source);
  std::vector<DerivedPiece> pieces;
  for (unsigned i = 0; i < results.size(); ++i) {
    Value root = rootOf(symbol, i);
    auto pack = packOf(root);
    llvm::ArrayRef<int64_t> shape = shapeOf(pack ? pack.getX().getType() : results[i]);
    int64_t extent = shape.empty() ? 1 : shape[0], unit = rowsPerRow(root);
    int64_t first = streams ? begin / unit : 0, last = streams ? std::min((end + unit - 1) / unit, extent) : extent;
    Expected<Tensor<float>> x = !root  ? loadParameter(mlir::cast<graph::ParameterOp>(symbol), *source, first, last)
                                : pack ? evaluator.rows(pack.getX(), first, last)
                                       : evaluator.rows(root, first, last);
    if (!x)
      return x.takeError();
    if (!pack)
      pieces.push_back({i, byteCount(i) / uint64_t(extent) * uint64_t(first), encode(x->type, x->data())});
    else if (Status packed =
                 packRows(i, pack, *x, first, streams && unit == 1 ? end : quant::paddedRows(extent), pieces);
             !packed)
      return packed.takeError();
  }
  return pieces;
}

Expected<Tensor<float>> Derivation::values(unsigned result) const {
  TileEvaluator evaluator(*source, defaultThreads());
  return values(result, evaluator);
}

Expected<std::vector<Tensor<float>>> Derivation::values() const {
  TileEvaluator evaluator(*source, defaultThreads());
  std::vector<Tensor<float>> all;
  for (unsigned i = 0; i < results.size(); ++i) {
    Expected<Tensor<float>> result = values(i, evaluator);
    if (!result)
      return result.takeError();
    all.push_back(std::move(*result));
  }
  return all;
}

Expected<Tensor<float>> Derivation::values(unsigned result, TileEvaluator &evaluator) const {
  if (auto parameter = mlir::dyn_cast<graph::ParameterOp>(symbol)) {
    llvm::ArrayRef<int64_t> shape = shapeOf(results[0]);
    return loadParameter(parameter, *source, 0, shape.empty() ? 1 : shape[0]);
  }
  return evaluator.whole(mlir::cast<graph::DerivedOp>(symbol).getBody().front().getTerminator()->getOperand(result));
}

} // namespace qcc::interp
