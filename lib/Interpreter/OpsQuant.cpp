//===- OpsQuant.cpp - Codes and scales ------------------------------------===//

#include "Ops.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/RoundToNearest.h"
#include "qcc/Support/Text.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <cmath>

namespace qcc::interp {
namespace {

/// Which scale belongs to element (row, column).
class ScaleIndex {
public:
  ScaleIndex(graph::SchemeAttr scheme, int64_t columns) : scheme(scheme), columns(columns) {}
  size_t operator()(int64_t row, int64_t column) const {
    switch (scheme.getGranularity()) {
    case graph::Granularity::tensor:
      return 0;
    case graph::Granularity::channel:
    case graph::Granularity::token:
      return size_t(row);
    case graph::Granularity::group:
      return size_t(row * quant::groupCount(columns, scheme.getGroupSize()) + column / scheme.getGroupSize());
    case graph::Granularity::block:
      return size_t(row / scheme.getBlockRows() * quant::groupCount(columns, scheme.getBlockColumns()) +
                    column / scheme.getBlockColumns());
    }
    return 0;
  }

private:
  graph::SchemeAttr scheme;
  int64_t columns;
};

std::string printed(graph::SchemeAttr scheme) {
  std::string out;
  llvm::raw_string_ostream(out) << scheme;
  return out;
}

Error unsupported(graph::SchemeAttr scheme) {
  return {text("the interpreter has no quantizer for ", printed(scheme)), ExitCode::Internal};
}

bool isE4M3(graph::SchemeAttr scheme) { return mlir::isa<mlir::Float8E4M3FNType>(scheme.getStorage()); }

/// Whether scales can be computed for the scheme.
bool hasQuantizer(graph::SchemeAttr scheme) {
  graph::Granularity granularity = scheme.getGranularity();
  bool grouped = granularity == graph::Granularity::group;
  if (isE4M3(scheme))
    return !grouped && granularity != graph::Granularity::block && scheme.getScale().isF32();
  return scheme.getStorage().isInteger(4) && (grouped || granularity == graph::Granularity::channel) &&
         scheme.getScale().isBF16();
}

template <typename T> std::vector<T> widen(auto const &codes, auto decode) {
  std::vector<T> values;
  values.reserve(codes.size());
  for (auto code : codes)
    values.push_back(T(decode(code)));
  return values;
}

template <typename T>
std::vector<Tensor<T>> quantizeE4M3(const Tensor<T> &x, std::span<const float> input, int64_t rows,
                                    std::vector<int64_t> scaleShape) {
  std::vector<uint8_t> codes(input.size());
  std::vector<float> scales(size_t(rows), 1.0f);
  quant::quantizeE4M3PerRow(input, rows, rows == 0 ? 0 : int64_t(input.size()) / rows, codes, scales);
  return {Tensor<T>::make(DType::E4M3, x.shape, widen<T>(codes, quant::e4m3ToFloat)),
          Tensor<T>::make(DType::F32, std::move(scaleShape), {scales.begin(), scales.end()})};
}

template <typename T>
std::vector<Tensor<T>> quantizeInt4(const Tensor<T> &x, std::span<const float> input, int64_t group,
                                    std::vector<int64_t> scaleShape) {
  int64_t rows = x.rows(), columns = x.columns();
  std::vector<int8_t> codes(input.size());
  std::vector<uint16_t> scales(size_t(rows * quant::groupCount(columns, group)));
  quant::quantizeInt4PerGroup(input, rows, columns, group, codes, scales);
  return {Tensor<T>::make(DType::I4, x.shape, {codes.begin(), codes.end()}),
          Tensor<T>::make(DType::BF16, std::move(scaleShape), widen<T>(scales, quant::bf16ToFloat))};
}

template <typename T>
Expected<std::vector<Tensor<T>>> quantizeWithScale(graph::SchemeAttr scheme, const Tensor<T> &x,
                                                   std::span<const float> input, const Tensor<T> &scale) {
  ScaleIndex indexOf(scheme, x.columns());
  DType storage = dtypeOf(scheme.getStorage());
  std::vector<float> codes(input.begin(), input.end());
  for (int64_t row = 0; row < x.rows(); ++row)
    for (int64_t col = 0; col < x.columns(); ++col)
      codes[size_t(row * x.columns() + col)] /= float(scale.data()[indexOf(row, col)]);
  if (storage == DType::I4 || storage == DType::I8) {
    float most = storage == DType::I4 ? 7 : 127;
    for (float &code : codes)
      code = std::clamp(std::nearbyint(code), -most - 1, most);
  } else {
    roundTo(storage, std::span<float>(codes));
  }
  return std::vector{Tensor<T>::make(storage, x.shape, {codes.begin(), codes.end()})};
}

} // namespace

template <typename T>
Expected<std::vector<Tensor<T>>> evalQuantize(graph::QuantizeOp op, const Tensor<T> &x, const Tensor<T> *scale) {
  graph::SchemeAttr scheme = op.getScheme();
  std::vector<float> input(x.data().begin(), x.data().end());
  if (scale)
    return quantizeWithScale(scheme, x, input, *scale);
  if (!hasQuantizer(scheme))
    return unsupported(scheme);
  llvm::SmallVector<int64_t> shape = scheme.getScaleShape(x.shape);
  std::vector<int64_t> scaleShape(shape.begin(), shape.end());
  bool perGroup = scheme.getGranularity() == graph::Granularity::group;
  if (!isE4M3(scheme))
    return quantizeInt4(x, input, perGroup ? scheme.getGroupSize() : x.columns(), std::move(scaleShape));
  bool perTensor = scheme.getGranularity() == graph::Granularity::tensor;
  return quantizeE4M3(x, input, perTensor ? 1 : x.rows(), std::move(scaleShape));
}

template <typename T>
Tensor<T> evalDequantize(graph::DequantizeOp op, const Tensor<T> &codes, const Tensor<T> &scales) {
  ScaleIndex indexOf(op.getScheme(), codes.columns());
  std::vector<T> y(codes.data().begin(), codes.data().end());
  for (int64_t row = 0; row < codes.rows(); ++row)
    for (int64_t col = 0; col < codes.columns(); ++col)
      y[size_t(row * codes.columns() + col)] *= scales.data()[indexOf(row, col)];
  return finish<T>(op.getY(), codes.shape, std::move(y));
}

#define INSTANTIATE(T)                                                                                                 \
  template Expected<std::vector<Tensor<T>>> evalQuantize(graph::QuantizeOp, const Tensor<T> &, const Tensor<T> *);     \
  template Tensor<T> evalDequantize(graph::DequantizeOp, const Tensor<T> &, const Tensor<T> &);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

} // namespace qcc::interp
