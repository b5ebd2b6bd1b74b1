//===- ScheduleLinear.cpp - Linears to GEMM kernels -----------------------===//

#include "Scheduler.h"

#include "qcc/Transforms/Schedule/WeightView.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qcc {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

std::string textOf(Attribute attr) {
  std::string text;
  llvm::raw_string_ostream(text) << attr;
  return text;
}

/// The kernel's weight format for a scheme, or nothing.
std::optional<kernel::WeightFormat> formatOf(graph::SchemeAttr scheme, Type weightElement) {
  if (!scheme)
    return weightElement.isBF16() ? std::optional(kernel::WeightFormat::bf16) : std::nullopt;
  if (scheme.getZeroPoint() || scheme.getSecond() || scheme.getDynamic())
    return std::nullopt;
  if (isa<Float8E4M3FNType>(scheme.getStorage()) && scheme.getGranularity() == graph::Granularity::channel &&
      scheme.getScale().isF32())
    return kernel::WeightFormat::e4m3;
  if (scheme.getStorage().isInteger(4) && scheme.getGranularity() == graph::Granularity::group &&
      scheme.getScale().isBF16())
    return kernel::WeightFormat::s4;
  return std::nullopt;
}

graph::FragmentFormat fragmentOf(kernel::WeightFormat format) {
  switch (format) {
  case kernel::WeightFormat::bf16:
    return graph::FragmentFormat::bf16;
  case kernel::WeightFormat::e4m3:
    return graph::FragmentFormat::e4m3;
  case kernel::WeightFormat::s4:
    return graph::FragmentFormat::s4;
  }
  llvm_unreachable("all weight formats are listed");
}

} // namespace

FailureOr<std::pair<Value, Value>> Scheduler::packWeight(OpBuilder &builder, graph::LinearOp op,
                                                         kernel::WeightFormat &format) {
  if (op.getSparse24())
    return op.emitError("no product kernel for 2:4 sparse weights; compile without sparsity"), failure();
  std::optional<WeightView> view = WeightView::of(op.getW());
  if (!view)
    return op.emitError("its weight must be a derivation, or dequantized from one"), failure();
  graph::SchemeAttr scheme = view->scheme();
  std::optional<kernel::WeightFormat> found = formatOf(scheme, typeOf(view->get->getResult(0)).getElementType());
  if (!found) {
    InFlightDiagnostic error = op.emitError("no product kernel for weights ");
    if (scheme)
      error << scheme;
    else
      error << typeOf(op.getW());
    error << "; kernels exist for bf16, f8E4M3FN per channel and i4 in groups with bf16 scales";
    return failure();
  }
  format = *found;

  MLIRContext *context = builder.getContext();
  Location loc = op.getLoc();
  SmallVector<graph::LayoutAttr> layouts{
      graph::LayoutAttr::get(context, graph::LayoutKind::fragment, fragmentOf(format))};
  if (format == kernel::WeightFormat::e4m3)
    layouts.push_back(graph::LayoutAttr::get(context, graph::LayoutKind::scales_channel, std::nullopt));
  else if (format == kernel::WeightFormat::s4)
    layouts.push_back(graph::LayoutAttr::get(context, graph::LayoutKind::scales_group, std::nullopt));

  SmallVector<Type> types;
  SmallVector<Attribute> layers, schemes, layoutTexts;
  std::string label = op.getName().value_or("linear").str();
  for (auto [result, layout] : llvm::zip_equal(view->get->getResults(), layouts)) {
    types.push_back(RankedTensorType::get({layout.getPackedBytes(typeOf(result).getShape())}, builder.getI8Type()));
    layers.push_back(builder.getStringAttr(label));
    schemes.push_back(builder.getStringAttr(scheme ? textOf(scheme) : "bf16"));
    layoutTexts.push_back(builder.getStringAttr(textOf(layout)));
  }
  graph::DerivedOp &derived = packedWeights[{view->get.getSymbolAttr(), builder.getTypeArrayAttr(types)}];
  if (!derived) {
    OpBuilder at(function);
    derived = graph::DerivedOp::create(at, loc, label + ".packed", TypeRange(types));
    symbols.insert(derived); // renames it where the name is taken
    derived->setAttr("qcc.layers", builder.getArrayAttr(layers));
    derived->setAttr("qcc.schemes", builder.getArrayAttr(schemes));
    derived->setAttr("qcc.layouts", builder.getArrayAttr(layoutTexts));
    OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
    auto get = graph::GetOp::create(body, loc, view->get->getResultTypes(), view->get.getSymbolAttr());
    SmallVector<Value> packed;
    for (auto [result, layout, type] : llvm::zip_equal(get->getResults(), layouts, types))
      packed.push_back(graph::PackOp::create(body, loc, type, result, layout));
    graph::YieldOp::create(body, loc, packed);
  }
  auto get = graph::GetOp::create(builder, loc, types, FlatSymbolRefAttr::get(derived.getSymNameAttr()));
  return std::pair<Value, Value>(get->getResult(0), types.size() > 1 ? get->getResult(1) : Value());
}

LogicalResult Scheduler::scheduleLinear(graph::LinearOp op) {
  // The residual add behind it, if it is the only reader, becomes part of the epilogue; the kernel then stands where
  // the add stood.
  graph::AddOp residual;
  if (op->hasOneUse())
    if (auto add = dyn_cast<graph::AddOp>(*op->getUsers().begin());
        add && add.getA().getType() == add.getB().getType() && add.getA() != add.getB())
      residual = add;
  OpBuilder builder(residual ? residual.getOperation() : op.getOperation());
  Location loc = op.getLoc();

  kernel::WeightFormat format;
  FailureOr<std::pair<Value, Value>> weight = packWeight(builder, op, format);
  if (failed(weight))
    return failure();
  Value x = op.getX(), xScale;
  if (format == kernel::WeightFormat::e4m3) {
    auto dequantize = x.getDefiningOp<graph::DequantizeOp>();
    if (!dequantize || dequantize.getScheme().getGranularity() != graph::Granularity::token)
      return op.emitError("f8E4M3FN weights need activations dequantized from f8E4M3FN per token");
    x = dequantize.getCodes();
    xScale = dequantize.getScales();
  } else if (!typeOf(x).getElementType().isBF16()) {
    return op.emitError() << "activations must be bf16 for " << kernel::stringifyWeightFormat(format)
                          << " weights, are " << typeOf(x).getElementType();
  }

  SmallVector<Value> extras;
  if (op.getBias())
    extras.push_back(op.getBias());
  if (residual)
    extras.push_back(residual.getA() == op.getY() ? residual.getB() : residual.getA());
  auto type = typeOf(op.getY());
  IntegerAttr group = format == kernel::WeightFormat::s4
                          ? builder.getI64IntegerAttr(WeightView::of(op.getW())->scheme().getGroupSize())
                          : IntegerAttr();
  auto gemm =
      kernel::GemmOp::create(builder, loc, type, kernel::WeightFormatAttr::get(op.getContext(), format), rows(op),
                             group, weight->first, weight->second, x, xScale, extras, ArrayAttr(), op.getNameAttr());

  Block &body = gemm.getEpilogue().emplaceBlock();
  OpBuilder scalar = OpBuilder::atBlockEnd(&body);
  Value value = body.addArgument(scalar.getF32Type(), loc);
  for (Value extra : extras)
    body.addArgument(typeOf(extra).getElementType(), loc);
  // The rounding points are those of the graph: once after the bias, once after the residual.
  if (op.getBias())
    value = arith::AddFOp::create(scalar, loc, value, extendToF32(scalar, loc, body.getArgument(1)));
  value = roundTo(scalar, loc, value, type.getElementType());
  if (residual) {
    Value other = extendToF32(scalar, loc, body.getArguments().back());
    value = arith::AddFOp::create(scalar, loc, extendToF32(scalar, loc, value), other);
    value = roundTo(scalar, loc, value, type.getElementType());
  }
  kernel::YieldOp::create(scalar, loc, value);
  if (residual) {
    residual.getY().replaceAllUsesWith(gemm.getY());
    residual.erase();
  }
  op.getY().replaceAllUsesWith(gemm.getY());
  op.erase();
  return success();
}

} // namespace qcc
