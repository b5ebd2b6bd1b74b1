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

/// Rows of data that share a row of scales.
int64_t rowsPerScale(graph::SchemeAttr scheme) {
  return scheme.getGranularity() == graph::Granularity::block ? scheme.getBlockRows() : 1;
}

int64_t divideUp(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

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
  if (typeOf(value).getRank() == 0)
    std::tie(begin, end) = std::pair<int64_t, int64_t>(0, 1);
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
      .Case<graph::BroadcastOp>([&](auto op) { return computeBroadcast(op, begin, end); })
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

Expected<Tensor<float>> TileEvaluator::computeBroadcast(graph::BroadcastOp op, int64_t begin, int64_t end) {
  Expected<Tensor<float>> x = rows(op.getX(), begin, end);
  if (!x)
    return x;
  std::vector<int64_t> shape = typeOf(op.getY()).getShape();
  shape[0] = end - begin;
  Tensor<float> y{x->type, std::move(shape), nullptr, nullptr};
  std::vector<float> values;
  values.reserve(size_t(y.size()));
  int64_t copies = x->size() == 0 ? 0 : y.size() / x->size();
  for (float value : x->data())
    values.insert(values.end(), size_t(copies), value);
  y.values = std::make_shared<const std::vector<float>>(std::move(values));
  return y;
}

Expected<Tensor<float>> TileEvaluator::scaleRows(graph::SchemeAttr scheme, Value scales, int64_t begin, int64_t end) {
  int64_t unit = rowsPerScale(scheme);
  return isPerTensor(scheme) ? whole(scales) : rows(scales, begin / unit, divideUp(end, unit));
}

Expected<Tensor<float>> TileEvaluator::computeQuantize(graph::QuantizeOp op, Value value, int64_t begin, int64_t end) {
  graph::SchemeAttr scheme = op.getScheme();
  Value scaleOperand = op.getScale();
  // The rows of data behind what is asked for, in whole blocks that share scales.
  int64_t unit = rowsPerScale(scheme), extent = leading(op.getX());
  bool isCodes = value == op.getCodes();
  int64_t first = isCodes ? begin / unit * unit : begin * unit,
          last = std::min(isCodes ? divideUp(end, unit) * unit : end * unit, extent);
  if (isPerTensor(scheme) && !scaleOperand)
    std::tie(first, last) = std::pair<int64_t, int64_t>(0, extent);
  Expected<Tensor<float>> x = rows(op.getX(), first, last);
  if (!x)
    return x;
  Expected<Tensor<float>> scale = Tensor<float>();
  if (scaleOperand)
    scale = scaleRows(scheme, scaleOperand, first, last);
  if (!scale)
    return scale;
  Expected<std::vector<Tensor<float>>> results = evalQuantize(op, *x, scaleOperand ? &*scale : nullptr, threads);
  if (!results)
    return results.takeError();
  // All results of these rows are kept: they are asked for one after the other.
  for (auto [result, tensor] : llvm::zip(op->getResults(), *results)) {
    bool isScalar = tensor.shape.empty();
    int64_t resultUnit = result == op.getCodes() ? 1 : unit;
    known.insert_or_assign(
        {result.getAsOpaquePointer(), isScalar ? 0 : first / resultUnit, isScalar ? 1 : divideUp(last, resultUnit)},
        tensor);
    if (result == value)
      x = isScalar ? tensor : cut(tensor, begin - first / resultUnit, end - first / resultUnit);
  }
  return x;
}

Expected<Tensor<float>> TileEvaluator::computeDequantize(graph::DequantizeOp op, int64_t begin, int64_t end) {
  Expected<Tensor<float>> codes = rows(op.getCodes(), begin, end);
  if (!codes)
    return codes;
  Expected<Tensor<float>> scales = scaleRows(op.getScheme(), op.getScales(), begin, end);
  if (!scales)
    return scales;
  if (!op.getZeros())
    return evalDequantize<float>(op, *codes, *scales, nullptr, begin);
  Expected<Tensor<float>> zeros = scaleRows(op.getScheme(), op.getZeros(), begin, end);
  return zeros ? Expected<Tensor<float>>(evalDequantize<float>(op, *codes, *scales, &*zeros, begin)) : zeros;
}

} // namespace qcc::interp
