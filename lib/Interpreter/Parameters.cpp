//===- Parameters.cpp - Stored tensors as numbers -------------------------===//

#include "TileEvaluator.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/NonFinite.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace qcc::interp {
namespace {

template <typename Code, typename Convert>
std::vector<float> decodeAs(std::span<const std::byte> bytes, Convert convert) {
  std::vector<float> values(bytes.size() / sizeof(Code));
  for (size_t i = 0; i < values.size(); ++i) {
    Code code; // the file promises no alignment
    std::memcpy(&code, &bytes[i * sizeof(Code)], sizeof(Code));
    values[i] = convert(code);
  }
  return values;
}

std::vector<float> decode(DType type, std::span<const std::byte> bytes) {
  switch (type) {
  case DType::F32:
    return decodeAs<float>(bytes, [](float value) { return value; });
  case DType::BF16:
    return decodeAs<uint16_t>(bytes, quant::bf16ToFloat);
  case DType::F16:
    return decodeAs<uint16_t>(bytes, quant::f16ToFloat);
  case DType::E4M3:
    return decodeAs<uint8_t>(bytes, quant::e4m3ToFloat);
  default:
    assert(type == DType::I8 && "checkParameter admits no other type");
    return decodeAs<int8_t>(bytes, [](int8_t value) { return float(value); });
  }
}

/// The type that files store a declared type as: codes take a byte each.
DType storedType(DType declared) {
  return declared == DType::I2 || declared == DType::I3 || declared == DType::I4 ? DType::I8 : declared;
}

/// "[3, 17]" for a flat position in a tensor.
std::string position(int64_t flat, llvm::ArrayRef<int64_t> shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t i = shape.size(); i-- > 0; flat /= shape[i])
    index[i] = flat % shape[i];
  return shapeText(index);
}

} // namespace

Status checkParameter(graph::ParameterOp op, const ParameterSource &source) {
  Expected<TensorView> view = source.find(op.getFile().str(), op.getTensor().str());
  if (!view)
    return view.takeError();
  auto type = mlir::cast<mlir::RankedTensorType>(op.getType());
  DType declared = dtypeOf(type.getElementType());
  std::string where = text(op.getFile().str(), ": tensor ", quote(op.getTensor().str()));
  if (view->type != storedType(declared) || !llvm::equal(view->shape, type.getShape()))
    return Error{text(where, " is ", nameOf(view->type), " ", shapeText(view->shape), " in the file, but ",
                      nameOf(storedType(declared)), " ", shapeText({type.getShape().data(), type.getShape().size()}),
                      " in the graph; give the weights that the graph was made from")};
  return {};
}

Expected<Tensor<float>> loadParameter(graph::ParameterOp op, const ParameterSource &source, int64_t begin,
                                      int64_t end) {
  if (Status status = checkParameter(op, source); !status)
    return status.takeError();
  Expected<TensorView> view = source.find(op.getFile().str(), op.getTensor().str());
  std::vector<int64_t> shape(view->shape.begin(), view->shape.end());
  std::span<const std::byte> bytes = view->bytes;
  int64_t skipped = 0;
  if (!shape.empty()) {
    size_t rowBytes = shape[0] == 0 ? 0 : bytes.size() / size_t(shape[0]);
    bytes = bytes.subspan(size_t(begin) * rowBytes, size_t(end - begin) * rowBytes);
    skipped = int64_t(size_t(begin) * rowBytes * 8 / bitWidth(view->type));
    shape[0] = end - begin;
  }
  std::vector<float> values = decode(view->type, bytes);
  if (std::optional<quant::NonFinite> bad = quant::findNonFinite(values)) {
    const char *kind = std::isnan(values[size_t(bad->first)]) ? "NaN" : "infinity";
    return Error{text(op.getFile().str(), ": non-finite weights in ", quote(op.getTensor().str()), ": first is ", kind,
                      " at ", position(skipped + bad->first, {view->shape.data(), view->shape.size()}), ", ",
                      bad->count, " of ", values.size(),
                      " values looked at; the checkpoint is damaged or training diverged")};
  }
  DType declared = dtypeOf(mlir::cast<mlir::RankedTensorType>(op.getType()).getElementType());
  if (declared != view->type) {
    int largest = (1 << (bitWidth(declared) - 1)) - 1;
    auto bad =
        std::find_if(values.begin(), values.end(), [&](float code) { return code < -largest - 1 || code > largest; });
    if (bad != values.end())
      return Error{text(op.getFile().str(), ": code ", int(*bad), " in ", quote(op.getTensor().str()), " at ",
                        position(skipped + (bad - values.begin()), {view->shape.data(), view->shape.size()}),
                        " is outside the range ", -largest - 1, " to ", largest, " of ", nameOf(declared),
                        "; the file is damaged or was made for another format")};
  }
  return Tensor<float>::make(declared, std::move(shape), std::move(values));
}

} // namespace qcc::interp
