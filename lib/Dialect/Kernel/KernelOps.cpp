//===- KernelOps.cpp - Verifiers of the kernel dialect --------------------===//

#include "qcc/Dialect/Kernel/KernelDialect.h"

using namespace mlir;
using namespace qcc::kernel;

#define GET_OP_CLASSES
#include "qcc/Dialect/Kernel/KernelOps.cpp.inc"

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// [?, columns] with static columns.
bool isRows(RankedTensorType type) { return type.getRank() == 2 && !type.isDynamicDim(1); }
bool isRowsOf(RankedTensorType type, Type element) { return isRows(type) && type.getElementType() == element; }

bool isVectorOf(RankedTensorType type, int64_t size, Type element) {
  return type.getRank() == 1 && type.getDimSize(0) == size && type.getElementType() == element;
}

bool isCodes(Type element) { return isa<Float8E4M3FNType>(element) || element.isInteger(8); }

/// One f32 per row, or per row and group of 128 columns of e4m3 codes y.
bool isScalesOf(RankedTensorType y, RankedTensorType scales) {
  if (!scales.getElementType().isF32() || !scales.isDynamicDim(0))
    return false;
  if (scales.getRank() == 1)
    return true;
  return isRows(scales) && scales.getDimSize(1) == int64_t(llvm::divideCeil(y.getDimSize(1), 128)) &&
         isa<Float8E4M3FNType>(y.getElementType());
}

/// Shared by pointwise and normalize.
LogicalResult verifyQuantizedResult(Operation *op, RankedTensorType y, Value scale, Value staticScale) {
  if (y.getElementType().isBF16()) {
    if (scale || staticScale)
      return op->emitOpError() << "a bf16 result has no scales";
    return success();
  }
  if (!isCodes(y.getElementType()))
    return op->emitOpError() << "result element type " << y.getElementType() << " must be bf16, f8E4M3FN or i8";
  if (bool(scale) == bool(staticScale))
    return op->emitOpError() << "codes must have either computed scales as a result or a static_scale";
  if (staticScale && (typeOf(staticScale).getRank() != 0 || !typeOf(staticScale).getElementType().isF32()))
    return op->emitOpError() << "static_scale " << typeOf(staticScale) << " must be one f32, tensor<f32>";
  if (scale && (typeOf(scale).getRank() == 0 || !isScalesOf(y, typeOf(scale))))
    return op->emitOpError() << "scale " << typeOf(scale)
                             << " must be f32 of one per row, or for f8E4M3FN per row and group of 128 columns, [?, "
                             << llvm::divideCeil(y.getDimSize(1), 128) << "]";
  return success();
}

/// Codes of the activations that a weight format is multiplied with.
Type activationTypeOf(WeightFormat format, MLIRContext *context) {
  switch (format) {
  case WeightFormat::e4m3:
  case WeightFormat::e4m3_block:
  case WeightFormat::s4_e4m3:
  case WeightFormat::e4m3_24:
    return Float8E4M3FNType::get(context);
  case WeightFormat::s8a8:
  case WeightFormat::s8_24:
    return IntegerType::get(context, 8);
  default:
    return BFloat16Type::get(context);
  }
}

bool isSparse24(WeightFormat format) {
  return format == WeightFormat::bf16_24 || format == WeightFormat::e4m3_24 || format == WeightFormat::s8_24;
}

bool mayHaveGroups(WeightFormat format) {
  return format == WeightFormat::s4 || format == WeightFormat::s4_zero || format == WeightFormat::s8 ||
         format == WeightFormat::s4_e4m3;
}

/// One f32 per row of x, one for all, or (`blocks`) one per row and 128 columns.
bool isGemmScaleOf(RankedTensorType x, RankedTensorType scale, bool blocks) {
  if (blocks)
    return isScalesOf(x, scale) && scale.getRank() == 2;
  return scale.getElementType().isF32() && (scale.getRank() == 0 || (scale.getRank() == 1 && scale.isDynamicDim(0)));
}

/// The scalar body takes `arguments` and yields `result`.
LogicalResult verifyBody(Operation *op, Region &region, ArrayRef<Type> arguments, Type result) {
  Block &body = region.front();
  if (body.getArgumentTypes() != TypeRange(arguments))
    return op->emitOpError() << "body takes " << body.getArgumentTypes() << ", must take " << TypeRange(arguments);
  auto yield = cast<YieldOp>(body.getTerminator());
  if (!yield.getValue() || yield.getValue().getType() != result)
    return op->emitOpError() << "body must yield one " << result;
  return success();
}

LogicalResult verifyCache(Operation *op, SymbolTableCollection &symbols, FlatSymbolRefAttr name, int64_t layer,
                          int64_t kvHeads, int64_t headDim) {
  auto cache = symbols.lookupNearestSymbolFrom<qcc::graph::KvCacheOp>(op, name);
  if (!cache)
    return op->emitOpError() << "no graph.kv_cache " << name;
  if (layer < 0 || layer >= int64_t(cache.getLayers()))
    return op->emitOpError() << "layer " << layer << " is outside the cache's " << cache.getLayers() << " layers";
  if (kvHeads != int64_t(cache.getKvHeads()) || headDim != int64_t(cache.getHeadDim()))
    return op->emitOpError() << kvHeads << " heads of " << headDim << " differ from the cache's " << cache.getKvHeads()
                             << " heads of " << cache.getHeadDim();
  return success();
}

} // namespace

LogicalResult GemmOp::verify() {
  RankedTensorType x = typeOf(getX()), y = typeOf(getY());
  WeightFormat format = getFormat();
  // gemm_c1
  if (!isRows(x) || !isRows(y))
    return emitOpError() << "x " << x << " and y " << y << " must be [?, columns] with static columns";
  if (x.getElementType() != activationTypeOf(format, getContext()))
    return emitOpError() << "x of element type " << x.getElementType() << " does not fit the weight format "
                         << stringifyWeightFormat(format);
  // gemm_c2
  if (x.getElementType().isBF16() == bool(getXScale()))
    return emitOpError() << "x_scale must be present exactly when x is not bf16";
  if (getXScale() && !isGemmScaleOf(x, typeOf(getXScale()), format == WeightFormat::e4m3_block))
    return emitOpError() << "x_scale " << typeOf(getXScale()) << " must be f32 "
                         << (format == WeightFormat::e4m3_block ? "[?, ceil(K / 128)]"
                                                                : "of one per row or one for all");
  // gemm_c3
  if ((format == WeightFormat::bf16 || format == WeightFormat::bf16_24) == bool(getWeightScale()))
    return emitOpError() << "weight_scale must be present exactly when the format is neither bf16 nor bf16_24";
  // gemm_c4
  int64_t unit = format == WeightFormat::s4_e4m3 ? 32 : 16;
  if (getGroup() && (!mayHaveGroups(format) || *getGroup() <= 0 || *getGroup() % unit != 0))
    return emitOpError() << "group " << *getGroup()
                         << " must be a positive multiple of 16 (s4_e4m3: 32), only with s4, s4_zero, s8 and s4_e4m3";
  // gemm_c7
  if (isSparse24(format) != bool(getMetadata()))
    return emitOpError() << "metadata must be present exactly when the format is 2:4 sparse";
  // gemm_c8
  if ((format == WeightFormat::s4_zero) != bool(getZeros()))
    return emitOpError() << "zeros must be present exactly when the format is s4_zero";
  // gemm_c5
  SmallVector<Type> arguments{Float32Type::get(getContext())};
  for (Value operand : getExtras()) {
    RankedTensorType type = typeOf(operand);
    bool fits = type.getRank() == 1 ? type.getDimSize(0) == y.getDimSize(1)
                                    : isRows(type) && type.getDimSize(1) == y.getDimSize(1);
    if (!fits || !(type.getElementType().isF32() || type.getElementType().isBF16()))
      return emitOpError() << "epilogue operand " << type << " must have y's " << y.getDimSize(1)
                           << " columns of f32 or bf16";
    arguments.push_back(type.getElementType());
  }
  // gemm_c6
  if (failed(verifyBody(*this, getEpilogue(), arguments, y.getElementType())))
    return failure();
  // gemm_c9
  int64_t n = y.getDimSize(1), k = x.getDimSize(1);
  PackedSizes sizes = packedSizesOf(format, n, k, getGroup(), getContext());
  struct Packed {
    StringRef name;
    Value value;
    int64_t bytes;
  };
  for (Packed packed : {Packed{"weights", getWeights(), sizes.weights},
                        {"weight_scale", getWeightScale(), sizes.scales},
                        {"metadata", getMetadata(), sizes.metadata},
                        {"zeros", getZeros(), sizes.zeros}}) {
    auto expected = RankedTensorType::get({packed.bytes}, IntegerType::get(getContext(), 8));
    if (packed.value && packed.value.getType() != expected)
      return emitOpError() << packed.name << " " << packed.value.getType() << " must be " << expected << ", which "
                           << stringifyWeightFormat(format) << " weights of " << n << " x " << k << " take";
  }
  return success();
}

LogicalResult NormalizeOp::verify() {
  RankedTensorType x = typeOf(getX()), weight = typeOf(getWeight());
  // normalize_c1
  if (!isRowsOf(x, BFloat16Type::get(getContext())) || !isVectorOf(weight, x.getDimSize(1), x.getElementType()))
    return emitOpError() << "x " << x << " must be [?, H] bf16 and weight " << weight << " must be [H] bf16";
  // normalize_c2
  if (bool(getResidual()) != bool(getSum()) ||
      (getSum() && (getSum().getType() != getX().getType() || getResidual().getType() != getX().getType())))
    return emitOpError() << "sum must be present exactly when residual is, both with x's type " << x;
  // normalize_c3
  return verifyQuantizedResult(*this, typeOf(getY()), getScale(), getStaticScale());
}

LogicalResult RopeAppendOp::verify() {
  int64_t columns[] = {int64_t(getHeads() * getHeadDim()), int64_t(getKvHeads() * getHeadDim()),
                       int64_t(getKvHeads() * getHeadDim())};
  Value rows[] = {getQ(), getK(), getV()};
  // rope_append_c1
  if (getOffsets().size() != 3)
    return emitOpError() << "must have three column offsets, has " << getOffsets().size();
  for (int i = 0; i < 3; ++i) {
    RankedTensorType type = typeOf(rows[i]);
    if (!isRowsOf(type, BFloat16Type::get(getContext())) || getOffsets()[i] < 0 ||
        getOffsets()[i] + columns[i] > type.getDimSize(1))
      return emitOpError() << "columns " << getOffsets()[i] << " to " << getOffsets()[i] + columns[i] << " of operand "
                           << i << " lie outside " << type;
  }
  // rope_append_c2
  RankedTensorType table = typeOf(getTable());
  if (table.getRank() != 3 || !table.getElementType().isF32() || table.getDimSize(1) != int64_t(getHeadDim() / 2) ||
      table.getDimSize(2) != 2)
    return emitOpError() << "table " << table << " must be f32 [positions, " << getHeadDim() / 2 << ", 2]";
  // rope_append_c3
  if (bool(getQNorm()) != bool(getKNorm()) || bool(getQNorm()) != getEps().has_value())
    return emitOpError() << "q_norm, k_norm and eps must come together";
  // rope_append_c5
  for (Value norm : {getQNorm(), getKNorm()})
    if (norm && !isVectorOf(typeOf(norm), getHeadDim(), BFloat16Type::get(getContext())))
      return emitOpError() << "norm weight " << typeOf(norm) << " must be [" << getHeadDim() << "] bf16";
  return success();
}

LogicalResult RopeAppendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // rope_append_c4
  return verifyCache(*this, symbols, getCacheAttr(), getLayer(), getKvHeads(), getHeadDim());
}

LogicalResult AttentionOp::verify() {
  int64_t columns = getHeads() * getHeadDim();
  // attention_c1
  for (Value value : {getQ(), getY()})
    if (RankedTensorType type = typeOf(value);
        !isRowsOf(type, BFloat16Type::get(getContext())) || type.getDimSize(1) != columns)
      return emitOpError() << type << " must be [?, " << columns << "] bf16";
  // attention_c2
  if (getKvHeads() <= 0 || getHeads() % getKvHeads() != 0)
    return emitOpError() << "heads " << getHeads() << " must be a multiple of kv_heads " << getKvHeads();
  // attention_c4
  if (getWindow() && *getWindow() <= 0)
    return emitOpError() << "window " << *getWindow() << " must be positive";
  return success();
}

LogicalResult AttentionOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // attention_c3
  return verifyCache(*this, symbols, getCacheAttr(), getLayer(), getKvHeads(), getHeadDim());
}

LogicalResult PointwiseOp::verify() {
  RankedTensorType y = typeOf(getY());
  if (!isRows(y))
    return emitOpError() << "y " << y << " must be [?, columns] with static columns";
  // pointwise_c2
  if (getOffsets().size() != getInputs().size())
    return emitOpError() << getOffsets().size() << " offsets for " << getInputs().size() << " inputs";
  // pointwise_c1
  for (auto [input, offset] : llvm::zip(getInputs(), getOffsets()))
    if (RankedTensorType type = typeOf(input);
        !isRowsOf(type, BFloat16Type::get(getContext())) || offset < 0 || offset + y.getDimSize(1) > type.getDimSize(1))
      return emitOpError() << "columns " << offset << " to " << offset + y.getDimSize(1) << " lie outside " << type;
  // pointwise_c3
  if (failed(verifyQuantizedResult(*this, y, getScale(), getStaticScale())))
    return failure();
  // pointwise_c4
  SmallVector<Type> arguments(getInputs().size(), BFloat16Type::get(getContext()));
  return verifyBody(*this, getBody(), arguments, BFloat16Type::get(getContext()));
}

LogicalResult GatherOp::verify() {
  RankedTensorType table = typeOf(getTable()), index = typeOf(getIndex()), y = typeOf(getY());
  // gather_c1
  if (!isRows(table) || index.getRank() != 1 || !index.getElementType().isInteger(32) ||
      !isRowsOf(y, BFloat16Type::get(getContext())) || y.getDimSize(1) != table.getDimSize(1))
    return emitOpError() << "table " << table << ", index " << index << " and y " << y
                         << " must be [rows, H], [?] i32 and [?, H] bf16";
  // gather_c2
  if (getScale() ? !isCodes(table.getElementType()) ||
                       !isVectorOf(typeOf(getScale()), table.getDimSize(0), Float32Type::get(getContext()))
                 : !table.getElementType().isBF16())
    return emitOpError() << "table " << table
                         << " must be bf16 without scales, or f8E4M3FN or i8 with an f32 scale for "
                         << "each of its rows";
  return success();
}

LogicalResult ArgmaxOp::verify() {
  RankedTensorType x = typeOf(getX()), y = typeOf(getY());
  // argmax_c1
  if (!isRowsOf(x, Float32Type::get(getContext())) || y.getRank() != 1 || !y.getElementType().isInteger(32))
    return emitOpError() << "x " << x << " must be f32 [?, V] and y " << y << " must be i32 [?]";
  return success();
}
