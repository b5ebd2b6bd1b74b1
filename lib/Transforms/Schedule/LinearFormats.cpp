//===- LinearFormats.cpp --------------------------------------------------===//

#include "LinearFormats.h"

using namespace mlir;

namespace qcc {
namespace {

using Format = kernel::WeightFormat;
using graph::Granularity;

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

bool isPer(graph::SchemeAttr scheme, std::initializer_list<Granularity> granularities) {
  return llvm::is_contained(granularities, scheme.getGranularity());
}

bool isBlocks128(graph::SchemeAttr scheme) {
  return scheme.getGranularity() == Granularity::block && scheme.getBlockRows() == 128 &&
         scheme.getBlockColumns() == 128;
}

/// The format of a dense weight, or nothing. `x`: null for bf16.
std::optional<Format> denseFormat(graph::SchemeAttr w, graph::SchemeAttr x) {
  if (w.getSecond() || w.getDynamic() || (x && (x.getSecond() || x.getZeroPoint() || !x.getScale().isF32())))
    return std::nullopt;
  Type storage = w.getStorage();
  bool e4m3 = isa<Float8E4M3FNType>(storage), xE4M3 = x && isa<Float8E4M3FNType>(x.getStorage());
  bool xPerToken = x && isPer(x, {Granularity::token, Granularity::tensor});
  if (w.getScale().isF32() && !w.getZeroPoint() && x && x.getStorage() == storage) {
    if (isPer(w, {Granularity::channel, Granularity::tensor}) && xPerToken)
      return e4m3 ? std::optional(Format::e4m3) : storage.isInteger(8) ? std::optional(Format::s8a8) : std::nullopt;
    if (e4m3 && isBlocks128(w) && x.getGranularity() == Granularity::group && x.getGroupSize() == 128)
      return Format::e4m3_block;
  }
  if (w.getScale().isBF16() && isPer(w, {Granularity::channel, Granularity::group})) {
    if (!x && storage.isInteger(8) && !w.getZeroPoint())
      return Format::s8;
    if (!x && storage.isInteger(4))
      return w.getZeroPoint() ? Format::s4_zero : Format::s4;
    if (storage.isInteger(4) && !w.getZeroPoint() && xE4M3 && xPerToken)
      return Format::s4_e4m3;
  }
  return std::nullopt;
}

std::optional<Format> sparseFormat(Format dense) {
  switch (dense) {
  case Format::bf16:
    return Format::bf16_24;
  case Format::e4m3:
    return Format::e4m3_24;
  case Format::s8a8:
    return Format::s8_24;
  default:
    return std::nullopt;
  }
}

} // namespace

ActivationView ActivationView::of(Value x) {
  if (auto dequantize = x.getDefiningOp<graph::DequantizeOp>())
    return {dequantize.getCodes(), dequantize.getScales(), dequantize.getScheme()};
  return {x, {}, {}};
}

FailureOr<Format> chooseFormat(graph::LinearOp op, const WeightView &weight, const ActivationView &activations) {
  graph::SchemeAttr scheme = weight.scheme;
  if (scheme && (scheme.getStorage().isInteger(2) || scheme.getStorage().isInteger(3)))
    return op.emitError() << "no kernels for " << scheme.getStorage().getIntOrFloatBitWidth()
                          << "-bit weights; use w4a16, or qcc-eval to measure it",
           failure();
  std::optional<Format> format;
  bool floatX = !activations.scheme;
  if (scheme)
    format = denseFormat(scheme, activations.scheme);
  else if (typeOf(weight.parts[0]).getElementType().isBF16() && floatX)
    format = Format::bf16;
  if (floatX && !typeOf(activations.x).getElementType().isBF16())
    format = std::nullopt;
  if (format && op.getSparse24())
    format = sparseFormat(*format);
  if (format)
    return *format;
  InFlightDiagnostic error = op.emitError("no product kernel for ");
  error << (op.getSparse24() ? "2:4 sparse weights " : "weights ");
  if (scheme)
    error << scheme;
  else
    error << typeOf(op.getW()).getElementType();
  error << " and activations ";
  if (floatX)
    error << typeOf(activations.x).getElementType();
  else
    error << activations.scheme;
  error << "; kernels exist for bf16 with bf16; f8E4M3FN and i8 per channel or tensor, f32 scales, with activations of "
           "the same type per token or tensor (these three also 2:4 sparse); f8E4M3FN in blocks of [128, 128] with "
           "groups of 128; i8 and i4 per channel or in groups, bf16 scales, with bf16; i4 with zero points with bf16, "
           "without with f8E4M3FN per token or tensor";
  return failure();
}

SmallVector<PackedPart> packedParts(Format format, MLIRContext *context) {
  auto layout = [&](graph::LayoutKind kind, std::optional<graph::FragmentFormat> fragment = std::nullopt) {
    return graph::LayoutAttr::get(context, kind, fragment);
  };
  SmallVector<PackedPart> parts{{0, layout(graph::LayoutKind::fragment, kernel::fragmentOf(format))}};
  if (std::optional<graph::LayoutKind> scales = kernel::scalesOf(format))
    parts.push_back({1, layout(*scales)});
  if (parts[0].layout.isSparse24())
    parts.push_back({0, layout(graph::LayoutKind::metadata24, kernel::fragmentOf(format))});
  if (format == Format::s4_zero)
    parts.push_back({2, layout(graph::LayoutKind::zeros_group)});
  return parts;
}

RankedTensorType typeForLayout(RankedTensorType type, graph::LayoutAttr layout, int64_t rows) {
  graph::LayoutKind kind = layout.getKind();
  if (kind == graph::LayoutKind::scales_channel)
    return RankedTensorType::get({rows}, type.getElementType());
  if ((kind == graph::LayoutKind::scales_group || kind == graph::LayoutKind::zeros_group) && type.getRank() == 1)
    return RankedTensorType::get({rows, 1}, type.getElementType());
  return type;
}

Value castForLayout(OpBuilder &body, Value value, RankedTensorType type) {
  if (value.getType() == type)
    return value;
  if (typeOf(value).getRank() == 0)
    return graph::BroadcastOp::create(body, value.getLoc(), type, value);
  return graph::ReshapeOp::create(body, value.getLoc(), type, value);
}

} // namespace qcc
