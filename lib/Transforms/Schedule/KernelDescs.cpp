//===- KernelDescs.cpp - From kernel ops to CodeGen's descriptions --------===//

#include "qcc/Transforms/Schedule/KernelDescs.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace qcc {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
int64_t columnsOf(Value value) { return typeOf(value).getShape().back(); }
int64_t pitchOf(Value value) { return codegen::rowPitch(columnsOf(value), elemTypeOf(typeOf(value).getElementType())); }

codegen::ScalarOp unaryOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, codegen::ScalarOp>(&op)
      .Case([](math::ExpOp) { return codegen::ScalarOp::Exp; })
      .Case([](math::TanhOp) { return codegen::ScalarOp::Tanh; })
      .Case([](math::ErfOp) { return codegen::ScalarOp::Erf; })
      .Case([](math::SqrtOp) { return codegen::ScalarOp::Sqrt; })
      .Case([](math::RsqrtOp) { return codegen::ScalarOp::Rsqrt; })
      .Case([](arith::NegFOp) { return codegen::ScalarOp::Neg; })
      .Default([](Operation *) { return codegen::ScalarOp::Constant; });
}

codegen::ScalarOp binaryOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, codegen::ScalarOp>(&op)
      .Case([](arith::AddFOp) { return codegen::ScalarOp::Add; })
      .Case([](arith::SubFOp) { return codegen::ScalarOp::Sub; })
      .Case([](arith::MulFOp) { return codegen::ScalarOp::Mul; })
      .Case([](arith::DivFOp) { return codegen::ScalarOp::Div; })
      .Case([](arith::MaximumFOp) { return codegen::ScalarOp::Max; })
      .Case([](arith::MinimumFOp) { return codegen::ScalarOp::Min; })
      .Default([](Operation *) { return codegen::ScalarOp::Constant; });
}

static_assert(int(kernel::WeightFormat::s8_24) == int(codegen::WeightFormat::S8Sparse) &&
                  kernel::getMaxEnumValForWeightFormat() == int(codegen::WeightFormat::S8Sparse),
              "both enumerations list the same formats in the same order");

graph::KvCacheOp cacheOf(Operation *op, FlatSymbolRefAttr name) {
  return SymbolTable::lookupNearestSymbolFrom<graph::KvCacheOp>(op, name);
}

/// What normalize and pointwise store; the ops' verifiers say which types come together.
codegen::ActQuant actQuantOf(Value y, Value scale) {
  using codegen::ActQuant;
  Type element = typeOf(y).getElementType();
  if (element.isBF16())
    return ActQuant::None;
  bool isS8 = element.isInteger(8);
  if (!scale)
    return isS8 ? ActQuant::S8Static : ActQuant::E4M3Static;
  if (typeOf(scale).getRank() == 2)
    return ActQuant::E4M3Group128;
  return isS8 ? ActQuant::S8Token : ActQuant::E4M3Token;
}

FailureOr<codegen::KernelDesc> describeGemm(kernel::GemmOp op) {
  codegen::GemmDesc desc;
  desc.n = columnsOf(op.getY());
  desc.k = columnsOf(op.getX());
  desc.weights = codegen::WeightFormat(int(op.getFormat()));
  desc.group = op.getGroup().value_or(0);
  desc.xTensorScale = op.getXScale() && typeOf(op.getXScale()).getRank() == 0;
  desc.output = elemTypeOf(typeOf(op.getY()).getElementType());
  for (Value extra : op.getExtras())
    desc.operands.push_back(
        {typeOf(extra).getRank() == 1 ? codegen::GemmDesc::Operand::PerColumn : codegen::GemmDesc::Operand::PerElement,
         elemTypeOf(typeOf(extra).getElementType())});
  FailureOr<codegen::ScalarProgram> body = translateBody(op, op.getEpilogue().front());
  if (failed(body))
    return failure();
  desc.epilogue = *body;
  return codegen::KernelDesc(desc);
}

FailureOr<codegen::KernelDesc> describePointwise(kernel::PointwiseOp op) {
  codegen::PointwiseDesc desc;
  desc.columns = columnsOf(op.getY());
  for (auto [input, offset] : llvm::zip(op.getInputs(), op.getOffsets()))
    desc.inputs.push_back({pitchOf(input), offset});
  FailureOr<codegen::ScalarProgram> body = translateBody(op, op.getBody().front());
  if (failed(body))
    return failure();
  desc.program = *body;
  desc.quantize = actQuantOf(op.getY(), op.getScale());
  return codegen::KernelDesc(desc);
}

codegen::NormalizeDesc describeNormalize(kernel::NormalizeOp op) {
  codegen::NormalizeDesc desc;
  desc.columns = columnsOf(op.getX());
  desc.eps = op.getEps().convertToDouble();
  desc.addResidual = bool(op.getResidual());
  desc.quantize = actQuantOf(op.getY(), op.getScale());
  return desc;
}

/// The kernels hold the size of a page as a constant.
template <typename OpT> LogicalResult checkPages(OpT op) {
  graph::KvCacheOp cache = cacheOf(op, op.getCacheAttr());
  if (int64_t(cache.getPageSize()) == codegen::kPageSize)
    return success();
  return (op.emitError() << "no kernel for a cache with pages of " << cache.getPageSize()
                         << " tokens; page_size must be " << codegen::kPageSize)
             .attachNote(cache.getLoc())
         << "declared here";
}

codegen::RopeAppendDesc describeRopeAppend(kernel::RopeAppendOp op) {
  codegen::RopeAppendDesc desc;
  desc.heads = op.getHeads();
  desc.kvHeads = op.getKvHeads();
  desc.headDim = op.getHeadDim();
  desc.kv = elemTypeOf(cacheOf(op, op.getCacheAttr()).getElementType());
  desc.qkNorm = bool(op.getQNorm());
  desc.eps = op.getEps() ? op.getEps()->convertToDouble() : 0;
  desc.qIn = {pitchOf(op.getQ()), op.getOffsets()[0]};
  desc.kIn = {pitchOf(op.getK()), op.getOffsets()[1]};
  desc.vIn = {pitchOf(op.getV()), op.getOffsets()[2]};
  desc.qPitch = pitchOf(op.getRotated());
  desc.tableRows = typeOf(op.getTable()).getDimSize(0);
  return desc;
}

codegen::AttentionDesc describeAttention(kernel::AttentionOp op) {
  codegen::AttentionDesc desc;
  desc.heads = op.getHeads();
  desc.kvHeads = op.getKvHeads();
  desc.headDim = op.getHeadDim();
  desc.kv = elemTypeOf(cacheOf(op, op.getCacheAttr()).getElementType());
  desc.window = op.getWindow().value_or(0);
  desc.scale = op.getScale().convertToDouble();
  desc.qPitch = pitchOf(op.getQ());
  desc.outPitch = pitchOf(op.getY());
  return desc;
}

codegen::GatherDesc describeGather(kernel::GatherOp op) {
  // A constant table lies dense in the engine; rows of an activation start aligned.
  bool isConstant = op.getTable().getDefiningOp<graph::GetOp>() != nullptr;
  return {columnsOf(op.getY()), isConstant ? columnsOf(op.getTable()) : pitchOf(op.getTable()),
          elemTypeOf(typeOf(op.getTable()).getElementType())};
}

} // namespace

codegen::ElemType elemTypeOf(Type type) {
  if (type.isBF16())
    return codegen::ElemType::BF16;
  if (isa<Float8E4M3FNType>(type))
    return codegen::ElemType::E4M3;
  if (type.isInteger(32))
    return codegen::ElemType::I32;
  if (type.isInteger(8))
    return codegen::ElemType::S8;
  assert(type.isF32() && "kernel ops hold f32, bf16, f8E4M3FN, i8 and i32 only");
  return codegen::ElemType::F32;
}

FailureOr<codegen::ScalarProgram> translateBody(Operation *owner, Block &body) {
  codegen::ScalarProgram program;
  llvm::DenseMap<Value, int32_t> numbers;
  for (BlockArgument argument : body.getArguments())
    numbers[argument] = program.numInputs++;
  auto append = [&](codegen::ScalarInst inst) {
    program.body.push_back(inst);
    return program.numInputs + int32_t(program.body.size()) - 1;
  };
  for (Operation &op : body) {
    // Canonicalization hoists constants out of regions; a kernel sees its own body only.
    for (Value operand : op.getOperands())
      if (!numbers.contains(operand))
        return op.emitError(
                   "reads a value from outside its kernel body; only arguments and ops of the body can be read"),
               failure();
    if (auto yield = dyn_cast<kernel::YieldOp>(op)) {
      program.result = numbers[yield.getValue()];
      return program;
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<FloatAttr>(constant.getValue());
      if (!value)
        return op.emitError("constant in a kernel body must be a float"), failure();
      numbers[constant] = append({codegen::ScalarOp::Constant, -1, -1, float(value.getValueAsDouble())});
    } else if (isa<arith::ExtFOp>(op)) {
      numbers[op.getResult(0)] = numbers[op.getOperand(0)]; // every narrower value is exact in f32
    } else if (auto truncate = dyn_cast<arith::TruncFOp>(op); truncate && truncate.getType().isBF16()) {
      numbers[truncate] = append({codegen::ScalarOp::RoundBF16, numbers[truncate.getIn()]});
    } else if (auto code = unaryOf(op); code != codegen::ScalarOp::Constant && op.getResult(0).getType().isF32()) {
      numbers[op.getResult(0)] = append({code, numbers[op.getOperand(0)]});
    } else if (auto code = binaryOf(op); code != codegen::ScalarOp::Constant && op.getResult(0).getType().isF32()) {
      numbers[op.getResult(0)] = append({code, numbers[op.getOperand(0)], numbers[op.getOperand(1)]});
    } else {
      return op.emitError("op has no form in a kernel body; f32 arith and math ops, extf and truncf to bf16 do"),
             failure();
    }
  }
  return owner->emitError("kernel body does not end with kernel.yield"), failure();
}

FailureOr<codegen::KernelDesc> describe(Operation *op) {
  return llvm::TypeSwitch<Operation *, FailureOr<codegen::KernelDesc>>(op)
      .Case([](kernel::GemmOp op) { return describeGemm(op); })
      .Case([](kernel::PointwiseOp op) { return describePointwise(op); })
      .Case([](kernel::NormalizeOp op) { return codegen::KernelDesc(describeNormalize(op)); })
      .Case([](kernel::RopeAppendOp op) -> FailureOr<codegen::KernelDesc> {
        if (failed(checkPages(op)))
          return failure();
        return codegen::KernelDesc(describeRopeAppend(op));
      })
      .Case([](kernel::AttentionOp op) -> FailureOr<codegen::KernelDesc> {
        if (failed(checkPages(op)))
          return failure();
        return codegen::KernelDesc(describeAttention(op));
      })
      .Case([](kernel::GatherOp op) { return codegen::KernelDesc(describeGather(op)); })
      .Case([](kernel::ArgmaxOp op) { return codegen::KernelDesc(codegen::ArgmaxDesc{columnsOf(op.getX())}); })
      .Default([](Operation *op) -> FailureOr<codegen::KernelDesc> {
        return op->emitError("is not a kernel op"), failure();
      });
}

codegen::AttentionDesc describeDecode(kernel::AttentionOp op, codegen::AttentionDesc::Stage stage, int64_t maxSplits) {
  codegen::AttentionDesc desc = describeAttention(op);
  desc.stage = stage;
  desc.maxSplits = maxSplits;
  return desc;
}

codegen::Size rowsOf(Operation *op) {
  auto rows = op->getAttrOfType<kernel::SizeAttr>("rows");
  return rows && rows.getValue() == kernel::Size::R ? codegen::Size::R : codegen::Size::T;
}

DictionaryAttr toDictionary(Builder &builder, const codegen::KernelConfig &config) {
  SmallVector<NamedAttribute> items;
  for (const auto &[name, value] : config.values)
    items.push_back(builder.getNamedAttr(name, builder.getI64IntegerAttr(value)));
  return builder.getDictionaryAttr(items);
}

std::optional<DecodeConfig> DecodeConfig::of(kernel::VariantAttr variant) {
  if (!variant.getConfig().contains("SPLITS"))
    return std::nullopt;
  DecodeConfig decode;
  for (NamedAttribute item : variant.getConfig()) {
    StringRef name = item.getName().getValue();
    int64_t value = cast<IntegerAttr>(item.getValue()).getInt();
    if (name.consume_front("PARTIAL_"))
      decode.partial.values[name.str()] = value;
    else if (name.consume_front("COMBINE_"))
      decode.combine.values[name.str()] = value;
    else if (name == "SPLITS")
      decode.maxSplits = value;
    else
      decode.partial.values[name.str()] = value; // unknown: the instantiation refuses it by name
  }
  return decode;
}

codegen::KernelConfig DecodeConfig::joined() const {
  codegen::KernelConfig config;
  config.values["SPLITS"] = maxSplits;
  for (const auto &[name, value] : partial.values)
    config.values["PARTIAL_" + name] = value;
  for (const auto &[name, value] : combine.values)
    config.values["COMBINE_" + name] = value;
  return config;
}

kernel::VariantAttr toAttr(MLIRContext *context, const codegen::KernelVariant &variant) {
  Builder builder(context);
  SmallVector<NamedAttribute> bounds;
  for (auto [size, bound] : variant.bounds)
    bounds.push_back(
        builder.getNamedAttr(kernel::stringifySize(kernel::Size(int(size))), builder.getI64IntegerAttr(bound)));
  return kernel::VariantAttr::get(context, builder.getDictionaryAttr(bounds), toDictionary(builder, variant.config));
}

codegen::KernelVariant fromAttr(kernel::VariantAttr attr) {
  codegen::KernelVariant variant;
  for (NamedAttribute bound : attr.getBounds())
    variant.bounds.push_back({codegen::Size(int(*kernel::symbolizeSize(bound.getName().getValue()))),
                              cast<IntegerAttr>(bound.getValue()).getInt()});
  for (NamedAttribute item : attr.getConfig())
    variant.config.values[item.getName().str()] = cast<IntegerAttr>(item.getValue()).getInt();
  return variant;
}

} // namespace qcc
