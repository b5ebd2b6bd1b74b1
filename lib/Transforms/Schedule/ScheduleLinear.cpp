//===- ScheduleLinear.cpp - Linears to GEMM kernels -----------------------===//

#include "Scheduler.h"

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

} // namespace

SmallVector<Value> Scheduler::packWeight(OpBuilder &builder, graph::LinearOp op, const WeightView &weight,
                                         ArrayRef<PackedPart> parts) {
  Location loc = op.getLoc();
  int64_t weightRows = typeOf(op.getW()).getDimSize(0);
  std::string label = op.getName().value_or("linear").str();
  SmallVector<RankedTensorType> shapes;
  SmallVector<Type> types;
  SmallVector<Attribute> layers, schemes, layouts, layoutTexts;
  for (const PackedPart &part : parts) {
    shapes.push_back(typeForLayout(typeOf(weight.parts[part.part]), part.layout, weightRows));
    int64_t bytes = part.layout.getPackedBytes(shapes.back().getShape());
    types.push_back(RankedTensorType::get({bytes}, builder.getI8Type()));
    layers.push_back(builder.getStringAttr(label));
    schemes.push_back(builder.getStringAttr(weight.scheme ? textOf(weight.scheme) : "bf16"));
    layouts.push_back(part.layout);
    layoutTexts.push_back(builder.getStringAttr(textOf(part.layout)));
  }
  graph::DerivedOp &derived = packedWeights[{weight.key(builder), builder.getArrayAttr(layouts)}];
  if (!derived) {
    OpBuilder at(function);
    derived = graph::DerivedOp::create(at, loc, label + ".packed", TypeRange(types));
    symbols.insert(derived); // renames it where the name is taken
    derived->setAttr("qcc.layers", builder.getArrayAttr(layers));
    derived->setAttr("qcc.schemes", builder.getArrayAttr(schemes));
    derived->setAttr("qcc.layouts", builder.getArrayAttr(layoutTexts));
    OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
    SmallVector<Value> values = weight.get(body, loc), packed;
    for (auto [part, shape, type] : llvm::zip_equal(parts, shapes, types))
      packed.push_back(
          graph::PackOp::create(body, loc, type, castForLayout(body, values[part.part], shape), part.layout));
    graph::YieldOp::create(body, loc, packed);
  }
  auto get = graph::GetOp::create(builder, loc, types, FlatSymbolRefAttr::get(derived.getSymNameAttr()));
  return SmallVector<Value>(get->getResults());
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

  std::optional<WeightView> weight = WeightView::of(op.getW());
  if (!weight)
    return op.emitError("its weight must be a derivation, or dequantized from one");
  ActivationView activations = ActivationView::of(op.getX());
  FailureOr<kernel::WeightFormat> format = chooseFormat(op, *weight, activations);
  if (failed(format))
    return failure();
  SmallVector<PackedPart> parts = packedParts(*format, op.getContext());
  SmallVector<Value> packed = packWeight(builder, op, *weight, parts);
  auto packedAs = [&](std::initializer_list<graph::LayoutKind> kinds) {
    for (auto [part, value] : llvm::zip_equal(parts, packed))
      if (llvm::is_contained(kinds, part.layout.getKind()))
        return value;
    return Value();
  };

  SmallVector<Value> extras;
  if (op.getBias())
    extras.push_back(op.getBias());
  if (residual)
    extras.push_back(residual.getA() == op.getY() ? residual.getB() : residual.getA());
  auto type = typeOf(op.getY());
  bool grouped = weight->scheme && weight->scheme.getGranularity() == graph::Granularity::group;
  using Kind = graph::LayoutKind;
  auto gemm = kernel::GemmOp::create(
      builder, loc, type, kernel::WeightFormatAttr::get(op.getContext(), *format), rows(op),
      grouped ? builder.getI64IntegerAttr(weight->scheme.getGroupSize()) : IntegerAttr(), packedAs({Kind::fragment}),
      packedAs({Kind::scales_channel, Kind::scales_group, Kind::scales_block}), packedAs({Kind::metadata24}),
      packedAs({Kind::zeros_group}), activations.x, activations.scale, extras, ArrayAttr(), op.getNameAttr());

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
