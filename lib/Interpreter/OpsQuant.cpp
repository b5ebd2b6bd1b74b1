//===- OpsQuant.cpp - Codes and scales ------------------------------------===//

#include "Ops.h"
#include "qcc/Interpreter/WeightFormat.h"
#include "qcc/Quant/ActivationCodes.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/ScaleSearch.h"
#include "qcc/Support/Text.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

namespace qcc::interp {
namespace {

int64_t divideUp(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

bool isE4M3(graph::SchemeAttr scheme) { return mlir::isa<mlir::Float8E4M3FNType>(scheme.getStorage()); }

/// Which scale belongs to element (row, column) of a matrix whose first row is row `firstRow` of the whole.
class ScaleIndex {
public:
  ScaleIndex(graph::SchemeAttr scheme, int64_t columns, int64_t firstRow) : scheme(scheme), columns(columns) {
    if (scheme.getGranularity() == graph::Granularity::block)
      rowInBlock = firstRow % scheme.getBlockRows();
  }
  size_t operator()(int64_t row, int64_t column) const {
    switch (scheme.getGranularity()) {
    case graph::Granularity::tensor:
      return 0;
    case graph::Granularity::channel:
    case graph::Granularity::token:
      return size_t(row);
    case graph::Granularity::group:
      return size_t(row * divideUp(columns, scheme.getGroupSize()) + column / scheme.getGroupSize());
    case graph::Granularity::block:
      return size_t((rowInBlock + row) / scheme.getBlockRows() * divideUp(columns, scheme.getBlockColumns()) +
                    column / scheme.getBlockColumns());
    }
    return 0;
  }

private:
  graph::SchemeAttr scheme;
  int64_t columns, rowInBlock = 0;
};

Error unsupported(graph::SchemeAttr scheme) {
  std::string printed;
  llvm::raw_string_ostream(printed) << scheme;
  return {text("no quantizer computes scales for ", printed,
               scheme.getDynamic() ? "; activations can be f8E4M3FN per tensor, token or group, or i8 per tensor or "
                                     "token, with f32 scales"
                                   : "; weights can be i2, i3, i4, i8 or f8E4M3FN with f32 or bf16 scales")};
}

std::vector<int64_t> scaleShapeOf(graph::SchemeAttr scheme, llvm::ArrayRef<int64_t> shape) {
  llvm::SmallVector<int64_t> scales = scheme.getScaleShape(shape);
  return {scales.begin(), scales.end()};
}

/// Codes as the numbers they stand for.
template <typename T> Tensor<T> codeTensor(DType storage, std::vector<int64_t> shape, std::span<const int8_t> codes) {
  std::vector<T> values(codes.size());
  for (size_t i = 0; i < codes.size(); ++i)
    values[i] = storage == DType::E4M3 ? T(quant::e4m3ToFloat(uint8_t(codes[i]))) : T(codes[i]);
  return Tensor<T>::make(storage, std::move(shape), std::move(values));
}

template <typename T> using Parts = Expected<std::vector<Tensor<T>>>;

template <typename T>
Parts<T> quantizeWeight(graph::QuantizeOp op, const Tensor<T> &x, std::span<const float> input, unsigned threads) {
  graph::SchemeAttr scheme = op.getScheme();
  std::optional<quant::CodeFormat> format = weightFormat(scheme);
  if (!format)
    return unsupported(scheme);
  quant::ScaleSearch search{op.getSearch() ? quant::ScaleRule::Signed : quant::ScaleRule::MinMax};
  quant::CodedMatrix coded = quant::roundToNearest(input, x.rows(), x.columns(), *format, {}, search, threads);
  std::vector<int64_t> scaleShape = scaleShapeOf(scheme, x.shape);
  std::vector parts{
      codeTensor<T>(dtypeOf(scheme.getStorage()), x.shape, coded.codes),
      Tensor<T>::make(dtypeOf(scheme.getScale()), scaleShape, {coded.scales.begin(), coded.scales.end()})};
  if (scheme.getZeroPoint())
    parts.push_back(codeTensor<T>(dtypeOf(scheme.getZeroPoint()), scaleShape, coded.zeros));
  return parts;
}

template <typename T>
Parts<T> quantizeActivation(graph::SchemeAttr scheme, const Tensor<T> &x, std::span<const float> input) {
  graph::Granularity granularity = scheme.getGranularity();
  bool perGroup = granularity == graph::Granularity::group, perTensor = granularity == graph::Granularity::tensor;
  if (!scheme.getScale().isF32() || (!isE4M3(scheme) && (!scheme.getStorage().isInteger(8) || perGroup)))
    return unsupported(scheme);
  // A scale per tensor is that of one long row.
  int64_t rows = perTensor ? 1 : x.rows(), columns = perTensor ? x.size() : x.columns();
  int64_t group = perGroup ? scheme.getGroupSize() : std::max<int64_t>(columns, 1);
  std::vector<int8_t> codes(input.size());
  std::vector<float> scales(size_t(rows * (perGroup ? divideUp(columns, group) : 1)));
  if (isE4M3(scheme))
    quant::quantizeE4M3PerGroup(input, rows, columns, group, {reinterpret_cast<uint8_t *>(codes.data()), codes.size()},
                                scales);
  else
    quant::quantizeInt8PerRow(input, rows, columns, codes, scales);
  return std::vector{codeTensor<T>(dtypeOf(scheme.getStorage()), x.shape, codes),
                     Tensor<T>::make(DType::F32, scaleShapeOf(scheme, x.shape), {scales.begin(), scales.end()})};
}

template <typename T>
Tensor<T> quantizeWithScale(graph::QuantizeOp op, const Tensor<T> &x, std::span<const float> input,
                            const Tensor<T> &scale) {
  ScaleIndex indexOf(op.getScheme(), x.columns(), 0);
  DType storage = dtypeOf(op.getScheme().getStorage());
  std::vector<float> codes(input.begin(), input.end());
  for (int64_t row = 0; row < x.rows(); ++row)
    for (int64_t col = 0; col < x.columns(); ++col)
      codes[size_t(row * x.columns() + col)] /= float(scale.data()[indexOf(row, col)]);
  if (mlir::isa<mlir::IntegerType>(op.getScheme().getStorage())) {
    float largest = float((1 << (bitWidth(storage) - 1)) - 1);
    float smallest = op->template getParentOfType<graph::DerivedOp>() ? -largest - 1 : -largest;
    for (float &code : codes)
      code = std::isnan(code) ? 0.0f : std::clamp(std::nearbyint(code), smallest, largest);
  } else {
    roundTo(storage, std::span<float>(codes));
  }
  return Tensor<T>::make(storage, x.shape, {codes.begin(), codes.end()});
}

} // namespace

std::optional<quant::CodeFormat> weightFormat(graph::SchemeAttr scheme) {
  quant::CodeFormat format;
  bool isInteger = mlir::isa<mlir::IntegerType>(scheme.getStorage());
  if ((!isInteger && !isE4M3(scheme)) || (!scheme.getScale().isF32() && !scheme.getScale().isBF16()))
    return std::nullopt;
  format.kind = isInteger ? quant::CodeFormat::Kind::Int : quant::CodeFormat::Kind::E4M3;
  format.bits = int(bitWidth(dtypeOf(scheme.getStorage())));
  format.zeroPoint = bool(scheme.getZeroPoint());
  format.scale = scheme.getScale().isF32() ? quant::CodeFormat::ScaleType::F32 : quant::CodeFormat::ScaleType::BF16;
  switch (scheme.getGranularity()) {
  case graph::Granularity::tensor:
    format.blockRows = format.blockCols = 0;
    break;
  case graph::Granularity::channel:
  case graph::Granularity::token:
    format.blockRows = 1;
    format.blockCols = 0;
    break;
  case graph::Granularity::group:
    format.blockRows = 1;
    format.blockCols = scheme.getGroupSize();
    break;
  case graph::Granularity::block:
    format.blockRows = scheme.getBlockRows();
    format.blockCols = scheme.getBlockColumns();
    break;
  }
  return format;
}

template <typename T>
Expected<std::vector<Tensor<T>>> evalQuantize(graph::QuantizeOp op, const Tensor<T> &x, const Tensor<T> *scale,
                                              unsigned threads) {
  std::vector<float> input(x.data().begin(), x.data().end());
  if (scale)
    return std::vector{quantizeWithScale(op, x, input, *scale)};
  return op.getScheme().getDynamic() ? quantizeActivation(op.getScheme(), x, input)
                                     : quantizeWeight(op, x, input, threads);
}

template <typename T>
Tensor<T> evalDequantize(graph::DequantizeOp op, const Tensor<T> &codes, const Tensor<T> &scales,
                         const Tensor<T> *zeros, int64_t firstRow) {
  ScaleIndex indexOf(op.getScheme(), codes.columns(), firstRow);
  std::vector<T> y(codes.data().begin(), codes.data().end());
  for (int64_t row = 0; row < codes.rows(); ++row)
    for (int64_t col = 0; col < codes.columns(); ++col) {
      size_t index = indexOf(row, col);
      T &value = y[size_t(row * codes.columns() + col)];
      value = (zeros ? value - zeros->data()[index] : value) * scales.data()[index];
    }
  return finish<T>(op.getY(), codes.shape, std::move(y));
}

#define INSTANTIATE(T)                                                                                                 \
  template Expected<std::vector<Tensor<T>>> evalQuantize(graph::QuantizeOp, const Tensor<T> &, const Tensor<T> *,      \
                                                         unsigned);                                                    \
  template Tensor<T> evalDequantize(graph::DequantizeOp, const Tensor<T> &, const Tensor<T> &, const Tensor<T> *,      \
                                    int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

} // namespace qcc::interp
