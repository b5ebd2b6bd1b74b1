//===- GraphSymbols.cpp - Parameters, derivations and the cache -----------===//

#include "qcc/Dialect/Graph/GraphDialect.h"

#include <cmath>

using namespace mlir;
using namespace qcc::graph;

static ParseResult parseTypes(OpAsmParser &parser, ArrayAttr &types) {
  SmallVector<Type> parsed;
  if (parser.parseTypeList(parsed))
    return failure();
  types = parser.getBuilder().getTypeArrayAttr(parsed);
  return success();
}

static void printTypes(OpAsmPrinter &printer, Operation *, ArrayAttr types) {
  llvm::interleaveComma(types.getAsValueRange<TypeAttr>(), printer, [&](Type type) { printer << type; });
}

#define GET_OP_CLASSES
#include "qcc/Dialect/Graph/GraphOps.cpp.inc"

LogicalResult ParameterOp::verify() {
  // parameter_c1
  if (!cast<RankedTensorType>(getType()).hasStaticShape())
    return emitOpError() << "type " << getType() << " must have a static shape";
  // parameter_c2
  Type element = cast<RankedTensorType>(getType()).getElementType();
  if (!isa<Float32Type, BFloat16Type, Float16Type, Float8E4M3FNType>(element) && !element.isInteger(2) &&
      !element.isInteger(3) && !element.isInteger(4) && !element.isInteger(8))
    return emitOpError() << "element type " << element << " must be f32, bf16, f16, f8E4M3FN, i2, i3, i4 or i8";
  return success();
}

void DerivedOp::build(OpBuilder &builder, OperationState &state, StringRef name, TypeRange types) {
  state.addAttribute(SymbolTable::getSymbolAttrName(), builder.getStringAttr(name));
  state.addAttribute(getTypesAttrName(state.name), builder.getTypeArrayAttr(SmallVector<Type>(types)));
  state.addRegion()->emplaceBlock();
}

LogicalResult DerivedOp::verify() {
  // derived_c1
  if (getTypes().empty())
    return emitOpError() << "must have at least one type";
  SmallVector<Type> types(getTypes().getAsValueRange<TypeAttr>());
  for (Type type : types)
    if (auto tensor = dyn_cast<RankedTensorType>(type); !tensor || !tensor.hasStaticShape())
      return emitOpError() << "type " << type << " must be a ranked tensor of static shape";
  // derived_c2
  auto yield = getBody().front().empty() ? YieldOp() : dyn_cast<YieldOp>(getBody().front().back());
  if (!yield || yield.getValues().getTypes() != TypeRange(types))
    return emitOpError() << "region must end with a graph.yield of " << TypeRange(types);
  // derived_c3
  for (Operation &op : getBody().front())
    if (!isa<YieldOp, GetOp, CastOp, ConcatOp, SliceOp, TransposeOp, ReshapeOp, BroadcastOp, QuantizeOp, DequantizeOp,
             RopeTableOp, PackOp, AddOp, SubOp, MulOp, DivOp, NegOp>(op))
      return (op.emitOpError() << "must not be in a derivation").attachNote(getLoc()) << "in this derivation";
  return success();
}

LogicalResult KvCacheOp::verify() {
  // kv_cache_c1
  for (int64_t extent : {int64_t(getLayers()), int64_t(getKvHeads()), int64_t(getHeadDim()), int64_t(getPageSize())})
    if (extent <= 0)
      return emitOpError() << "layers, kv_heads, head_dim and page_size must be positive, one is " << extent;
  if (getHeadDim() % 2 != 0)
    return emitOpError() << "head_dim " << getHeadDim() << " must be even";
  // kv_cache_c2
  if (!isa<Float32Type, BFloat16Type, Float8E4M3FNType>(getElementType()) && !getElementType().isInteger(8))
    return emitOpError() << "element type " << getElementType() << " must be f32, bf16, f8E4M3FN or i8";
  // kv_cache_c3
  bool scaled = isa<Float8E4M3FNType>(getElementType());
  if (scaled != getKScale().has_value() || scaled != getVScale().has_value())
    return emitOpError() << "k_scale and v_scale must be present exactly when the element type is f8E4M3FN";
  if (!scaled)
    return success();
  // kv_cache_c4
  for (ArrayRef<float> scales : {*getKScale(), *getVScale()}) {
    if (scales.size() != getLayers() * getKvHeads())
      return emitOpError() << "has " << scales.size()
                           << " scales, must have layers x kv_heads = " << getLayers() * getKvHeads();
    for (float scale : scales)
      if (!std::isfinite(scale) || scale <= 0)
        return emitOpError() << "scale " << scale << " must be positive and finite";
  }
  return success();
}

LogicalResult GetOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // get_c1
  Operation *symbol = symbols.lookupNearestSymbolFrom(*this, getSymbolAttr());
  SmallVector<Type> types;
  if (auto parameter = dyn_cast_or_null<ParameterOp>(symbol))
    types.push_back(parameter.getType());
  else if (auto derived = dyn_cast_or_null<DerivedOp>(symbol))
    types.assign(derived.getTypes().getAsValueRange<TypeAttr>().begin(),
                 derived.getTypes().getAsValueRange<TypeAttr>().end());
  else
    return emitOpError() << getSymbolAttr() << " is not a graph.parameter or graph.derived";
  // get_c2
  if (getTensors().getTypes() != TypeRange(types))
    return (emitOpError() << "has type " << getTensors().getTypes() << ", the symbol has " << TypeRange(types))
               .attachNote(symbol->getLoc())
           << "declared here";
  return success();
}
