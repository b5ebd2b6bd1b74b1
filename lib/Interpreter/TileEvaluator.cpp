//===- TileEvaluator.cpp --------------------------------------------------===//

#include "TileEvaluator.h"
#include "qcc/Support/RopeTable.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>

using mlir::Value;

namespace qcc::interp {
namespace {

mlir::RankedTensorType typeOf(Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()); }

int64_t leading(Value value) { return typeOf(value).getRank() == 0 ? 1 : typeOf(value).getDimSize(0); }

/// Rows of a tensor that was computed whole.
Tensor<float> cut(const Tensor<float> &x, int64_t begin, int64_t end) {
  return x.shape.empty() || (begin == 0 && end == x.shape[0]) ? x : sliceAxis(x, 0, begin, end - begin);
}

bool isPerTensor(graph::SchemeAttr scheme) { return scheme.getGranularity() == graph::Granularity::tensor; }
/// Scales of row r belong to row r of the data.
bool isRowwise(graph::SchemeAttr scheme) {
  return !isPerTensor(scheme) && scheme.getGranularity() != graph::Granularity::block;
}

} // namespace

mlir::Operation *lookup(graph::GetOp get) {
  return mlir::SymbolTable::lookupNearestSymbolFrom(get, get.getSymbolAttr());
}

Value throughGets(Value value) {
  while (auto get = value.getDefiningOp<graph::GetOp>()) {
    auto derived = mlir::dyn_cast<graph::DerivedOp>(lookup(get));
    if (!derived)
      break;
    unsigned index = mlir::cast<mlir::OpResult>(value).getResultNumber();
    value = derived.getBody().front().getTerminator()->getOperand(index);
  }
  return value;
}

Expected<Tensor<float>> TileEvaluator::whole(Value value) { return rows(value, 0, leading(value)); }

Expected<Tensor<float>> TileEvaluator::rows(Value value, int64_t begin, int64_t end) {
  value = throughGets(value);
  auto key = std::tuple(value.getAsOpaquePointer(), begin, end);
  if (auto found = known.find(key); found != known.end())
    return found->second;
  Expected<Tensor<float>> result = compute(value, begin, end);
  if (result)
    known.insert_or_assign(key, *result);
  return result;
}

Expected<Tensor<float>> TileEvaluator::compute(Value value, int64_t begin, int64_t end) {
  using Result = Expected<Tensor<float>>;
  return llvm::TypeSwitch<mlir::Operation *, Result>(value.getDefiningOp())
      .Case<graph::GetOp>([&](auto op) { return computeGet(op, value, begin, end); })
      .Case<graph::ConcatOp>([&](auto op) { return computeConcat(op, begin, end); })
      .Case<graph::SliceOp>([&](auto op) { return computeSlice(op, begin, end); })
      .Case<graph::TransposeOp>([&](auto op) { return computeTranspose(op, begin, end); })
      .Case<graph::ReshapeOp>([&](auto op) { return computeReshape(op, begin, end); })
      .Case<graph::QuantizeOp>([&](auto op) { return computeQuantize(op, value, begin, end); })
      .Case<graph::DequantizeOp>([&](auto op) { return computeDequantize(op, begin, end); })
      .Case<graph::CastOp>([&](auto op) -> Result {
        Result x = rows(op.getX(), begin, end);
        return x ? Result(evalCast(op, *x)) : x;
      })
      .Case<graph::NegOp>([&](auto op) -> Result {
        Result x = rows(op.getX(), begin, end);
        return x ? Result(evalUnary(op.getOperation(), *x)) : x;
      })
      .Case<graph::AddOp, graph::SubOp, graph::MulOp, graph::DivOp>(
          [&](auto op) { return computeBinary(op, begin, end); })
      .Case<graph::RopeTableOp>([&](auto op) -> Result {
        RopeSpec spec = op.getRope().getSpec();
        std::vector<float> table(size_t((end - begin) * spec.dim));
        fillRopeTable(spec, begin, end - begin, table);
        return Tensor<float>::make(DType::F32, {end - begin, spec.dim / 2, 2}, std::move(table));
      })
      .Default([](mlir::Operation *op) -> Result {
        return Error{text("op '", op->getName().getStringRef().str(), "' has no value in a derivation"),
                     ExitCode::Internal};
      });
}

Expected<Tensor<float>> TileEvaluator::computeGet(graph::GetOp op, Value value, int64_t begin, int64_t end) {
  return loadParameter(mlir::cast<graph::ParameterOp>(lookup(op)), source, begin, end);
}

Expected<Tensor<float>> TileEvaluator::computeBinary(mlir::Operation *op, int64_t begin, int64_t end) {
  Value left = op->getOperand(0), right = op->getOperand(1);
  Expected<Tensor<float>> a = rows(left, begin, end);
  if (!a)
    return a;
  bool isVector = typeOf(right).getRank() < typeOf(left).getRank();
  Expected<Tensor<float>> b = isVector ? whole(right) : rows(right, begin, end);
  return b ? Expected<Tensor<float>>(evalBinary(op, *a, *b)) : b;
}

Expected<Tensor<float>> TileEvaluator::computeConcat(graph::ConcatOp op, int64_t begin, int64_t end) {
  std::vector<Tensor<float>> parts;
  int64_t first = 0; // row of the result where the input begins, for axis 0
  bool byRows = op.getAxis() == 0;
  for (Value input : op.getInputs()) {
    int64_t extent = leading(input);
    int64_t from = byRows ? std::max(begin - first, int64_t(0)) : begin,
            to = byRows ? std::min(end - first, extent) : end;
    first += extent;
    if (from >= to)
      continue;
    Expected<Tensor<float>> part = rows(input, from, to);
    if (!part)
      return part;
    parts.push_back(std::move(*part));
  }
  return parts.size() == 1 ? parts.front() : concatenate<float>(parts, int64_t(op.getAxis()));
}

Expected<Tensor<float>> TileEvaluator::computeSlice(graph::SliceOp op, int64_t begin, int64_t end) {
  int64_t first = int64_t(op.getBegin());
  if (op.getAxis() == 0)
    return rows(op.getX(), first + begin, first + end);
  Expected<Tensor<float>> x = rows(op.getX(), begin, end);
  return x ? Expected<Tensor<float>>(sliceAxis(*x, int64_t(op.getAxis()), first, int64_t(op.getSize()))) : x;
}

Expected<Tensor<float>> TileEvaluator::computeTranspose(graph::TransposeOp op, int64_t begin, int64_t end) {
  bool keepsRows = op.getPermutation().front() == 0;
  Expected<Tensor<float>> x = keepsRows ? rows(op.getX(), begin, end) : whole(op.getX());
  if (!x)
    return x;
  Tensor<float> y = evalTranspose(op, *x);
  return keepsRows ? y : cut(y, begin, end);
}

Expected<Tensor<float>> TileEvaluator::computeReshape(graph::ReshapeOp op, int64_t begin, int64_t end) {
  bool keepsRows = leading(op.getX()) == leading(op.getY());
  Expected<Tensor<float>> x = keepsRows ? rows(op.getX(), begin, end) : whole(op.getX());
  if (!x)
    return x;
  std::vector<int64_t> shape = typeOf(op.getY()).getShape();
  if (keepsRows && !shape.empty())
    shape[0] = end - begin;
  Tensor<float> y{x->type, std::move(shape), x->values, nullptr};
  return keepsRows ? y : cut(y, begin, end);
}

Expected<Tensor<float>> TileEvaluator::computeQuantize(graph::QuantizeOp op, Value value, int64_t begin, int64_t end) {
  graph::SchemeAttr scheme = op.getScheme();
  Value scaleOperand = op.getScale();
  // Scales that depend on other rows need them all; given ones per tensor do not.
  bool all = !isRowwise(scheme) && !(scaleOperand && isPerTensor(scheme));
  Expected<Tensor<float>> x = all ? whole(op.getX()) : rows(op.getX(), begin, end);
  if (!x)
    return x;
  Expected<Tensor<float>> scale = Tensor<float>();
  if (scaleOperand)
    scale = isRowwise(scheme) ? rows(scaleOperand, begin, end) : whole(scaleOperand);
  if (!scale)
    return scale;
  Expected<std::vector<Tensor<float>>> results = evalQuantize(op, *x, scaleOperand ? &*scale : nullptr);
  if (!results)
    return results.takeError();
  for (auto [result, tensor] : llvm::zip(op->getResults(), *results))
    known.insert_or_assign({result.getAsOpaquePointer(), begin, end}, all ? cut(tensor, begin, end) : tensor);
  return known.at({value.getAsOpaquePointer(), begin, end});
}

Expected<Tensor<float>> TileEvaluator::computeDequantize(graph::DequantizeOp op, int64_t begin, int64_t end) {
  graph::SchemeAttr scheme = op.getScheme();
  bool all = scheme.getGranularity() == graph::Granularity::block;
  Expected<Tensor<float>> codes = all ? whole(op.getCodes()) : rows(op.getCodes(), begin, end);
  if (!codes)
    return codes;
  Expected<Tensor<float>> scales = isRowwise(scheme) ? rows(op.getScales(), begin, end) : whole(op.getScales());
  if (!scales)
    return scales;
  Tensor<float> y = evalDequantize(op, *codes, *scales);
  return all ? cut(y, begin, end) : y;
}

} // namespace qcc::interp
