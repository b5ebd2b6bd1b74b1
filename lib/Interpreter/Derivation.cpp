//===- Derivation.cpp -----------------------------------------------------===//

#include "qcc/Interpreter/Derivation.h"
#include "TileEvaluator.h"
#include "qcc/Quant/Layout.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
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

quant::FragmentFormat quantFormat(graph::FragmentFormat format) {
  switch (format) {
  case graph::FragmentFormat::bf16:
    return quant::FragmentFormat::BF16;
  case graph::FragmentFormat::e4m3:
    return quant::FragmentFormat::E4M3;
  case graph::FragmentFormat::s4:
    return quant::FragmentFormat::S4;
  default:
    llvm_unreachable("refused by Derivation::create");
  }
}

template <typename T> std::span<const T> spanAs(const std::vector<std::byte> &bytes) {
  return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
}

std::span<uint8_t> bytesOf(std::vector<std::byte> &bytes) {
  return {reinterpret_cast<uint8_t *>(bytes.data()), bytes.size()};
}

/// Rows [begin, end) of W in fragment order; rows beyond x's are zero.
DerivedPiece packFragments(unsigned result, graph::FragmentFormat layout, const Tensor<float> &x, int64_t begin,
                           int64_t end) {
  quant::FragmentFormat format = quantFormat(layout);
  int64_t rows = x.shape[0], columns = x.shape[1];
  std::vector<std::byte> codes = encode(x.type, x.data());
  DerivedPiece piece{result, uint64_t(quant::packedBytes(format, begin, columns)), {}};
  piece.bytes.resize(size_t(quant::packedBytes(format, end - begin, columns)));
  std::span<uint8_t> out = bytesOf(piece.bytes).first(size_t(quant::packedBytes(format, rows, columns)));
  switch (format) {
  case quant::FragmentFormat::BF16:
    quant::packFragmentsBF16(spanAs<uint16_t>(codes), rows, columns, out);
    break;
  case quant::FragmentFormat::E4M3:
    quant::packFragmentsE4M3(spanAs<uint8_t>(codes), rows, columns, out);
    break;
  case quant::FragmentFormat::S4:
    quant::packFragmentsS4(spanAs<int8_t>(codes), rows, columns, out);
    // A zero code of padding is stored like any other: 8 in offset binary.
    std::fill(piece.bytes.begin() + ptrdiff_t(out.size()), piece.bytes.end(), std::byte(0x88));
    break;
  }
  return piece;
}

void packScales(unsigned result, graph::PackOp op, const Tensor<float> &x, int64_t begin, int64_t end,
                std::vector<DerivedPiece> &pieces) {
  if (op.getLayout().getKind() == graph::LayoutKind::scales_channel) {
    std::vector<float> out(size_t(end - begin));
    quant::packChannelScales(x.data(), out);
    pieces.push_back({result, uint64_t(begin) * sizeof(float), encode(DType::F32, out)});
    return;
  }
  int64_t rows = x.shape[0], groups = x.shape[1], padded = end - begin;
  int64_t total = quant::paddedRows(shapeOf(op.getX().getType())[0]);
  std::vector<uint16_t> out(size_t(groups * padded));
  quant::packGroupScales(spanAs<uint16_t>(encode(DType::BF16, x.data())), rows, groups, out);
  for (int64_t g = 0; g < groups; ++g) {
    auto row = std::as_bytes(std::span(out).subspan(size_t(g * padded), size_t(padded)));
    pieces.push_back({result, uint64_t(g * total + begin) * sizeof(uint16_t), {row.begin(), row.end()}});
  }
}

bool hasPacker(graph::LayoutAttr layout) {
  switch (layout.getKind()) {
  case graph::LayoutKind::fragment:
    return *layout.getFormat() <= graph::FragmentFormat::s4;
  case graph::LayoutKind::scales_channel:
  case graph::LayoutKind::scales_group:
    return true;
  default:
    return false;
  }
}

Status checkSymbol(mlir::Operation *symbol, const ParameterSource &source, std::set<mlir::Operation *> &seen) {
  if (!seen.insert(symbol).second)
    return {};
  if (auto parameter = mlir::dyn_cast<graph::ParameterOp>(symbol))
    return checkParameter(parameter, source);
  for (mlir::Operation &op : mlir::cast<graph::DerivedOp>(symbol).getBody().front()) {
    if (auto pack = mlir::dyn_cast<graph::PackOp>(op); pack && !hasPacker(pack.getLayout()))
      return Error{"no packer for a layout of the derivation " + mlir::cast<graph::DerivedOp>(symbol).getName().str(),
                   ExitCode::Internal};
    if (auto get = mlir::dyn_cast<graph::GetOp>(op))
      if (Status status = checkSymbol(lookup(get), source, seen); !status)
        return status;
  }
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
  std::vector<int64_t> leading; // 0: a scalar, which has no rows to share
  for (unsigned i = 0; i < results.size(); ++i) {
    Value root = rootOf(symbol, i);
    auto pack = root ? root.getDefiningOp<graph::PackOp>() : graph::PackOp();
    llvm::ArrayRef<int64_t> shape = shapeOf(pack ? pack.getX().getType() : results[i]);
    leading.push_back(shape.empty() ? 0 : shape[0]);
    if (pack)
      multiple = quant::kWeightRowPad;
  }
  streams = leading.front() > 0 && llvm::all_equal(leading);
  rowCount = streams ? (leading.front() + multiple - 1) / multiple * multiple : 1;
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
    auto pack = root ? root.getDefiningOp<graph::PackOp>() : graph::PackOp();
    llvm::ArrayRef<int64_t> shape = shapeOf(pack ? pack.getX().getType() : results[i]);
    int64_t extent = shape.empty() ? 1 : shape[0];
    int64_t first = streams ? begin : 0, last = streams ? std::min(end, extent) : extent;
    Expected<Tensor<float>> x = !root  ? loadParameter(mlir::cast<graph::ParameterOp>(symbol), *source, first, last)
                                : pack ? evaluator.rows(pack.getX(), first, last)
                                       : evaluator.rows(root, first, last);
    if (!x)
      return x.takeError();
    int64_t paddedEnd = streams ? end : quant::paddedRows(extent);
    if (pack && pack.getLayout().getKind() == graph::LayoutKind::fragment)
      pieces.push_back(packFragments(i, *pack.getLayout().getFormat(), *x, first, paddedEnd));
    else if (pack)
      packScales(i, pack, *x, first, paddedEnd, pieces);
    else
      pieces.push_back({i, byteCount(i) / uint64_t(extent) * uint64_t(first), encode(x->type, x->data())});
  }
  return pieces;
}

Expected<Tensor<float>> Derivation::values(unsigned result) const {
  if (auto parameter = mlir::dyn_cast<graph::ParameterOp>(symbol)) {
    llvm::ArrayRef<int64_t> shape = shapeOf(results[0]);
    return loadParameter(parameter, *source, 0, shape.empty() ? 1 : shape[0]);
  }
  TileEvaluator evaluator(*source);
  return evaluator.whole(mlir::cast<graph::DerivedOp>(symbol).getBody().front().getTerminator()->getOperand(result));
}

} // namespace qcc::interp
