//===- LinearRewriter.cpp -------------------------------------------------===//

#include "LinearRewriter.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace qcc {
namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Types of codes, scales and, where the scheme has them, zero points of a weight.
SmallVector<Type> storedTypes(graph::SchemeAttr scheme, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> scales = scheme.getScaleShape(shape);
  SmallVector<Type> types{RankedTensorType::get(shape, scheme.getStorage()),
                          RankedTensorType::get(scales, scheme.getScale())};
  if (Type zero = scheme.getZeroPoint())
    types.push_back(RankedTensorType::get(scales, zero));
  return types;
}

constexpr StringLiteral kStoredParts[] = {"codes", "scales", "zeros"};

} // namespace

graph::DerivedOp LinearRewriter::derivationOf(OpOperand &weight) const {
  auto get = weight.get().getDefiningOp<graph::GetOp>();
  return get ? symbols.lookup<graph::DerivedOp>(get.getSymbol()) : graph::DerivedOp();
}

FailureOr<WeightSource> LinearRewriter::sourceOf(OpOperand &weight) {
  graph::DerivedOp derived = derivationOf(weight);
  if (!derived || derived.getNumDerived() != 1)
    return weight.getOwner()->emitError() << "weight must be read from a derivation; run qcc-lower-precision first";
  Value source = derived.getBody().front().getTerminator()->getOperand(0);
  if (auto cast = source.getDefiningOp<graph::CastOp>())
    source = cast.getX();
  auto stored = source.getDefiningOp<graph::GetOp>();
  if (stored && stored->getNumResults() == 1)
    return WeightSource{symbols.lookup(stored.getSymbol()), stored.getSymbol(), typeOf(source)};
  return WeightSource{derived, derived.getSymName(), derived.getDerivedType(0)};
}

FailureOr<Operation *> LinearRewriter::quantizeActivations(graph::LinearOp linear, graph::SchemeAttr scheme) {
  Value x = linear.getX();
  if (auto dequantize = x.getDefiningOp<graph::DequantizeOp>())
    return dequantize.getCodes().getDefiningOp();
  if (!scheme)
    return static_cast<Operation *>(nullptr);
  RankedTensorType type = typeOf(x);
  if (type.getRank() != 2)
    return linear.emitError() << "activations " << type << " must have rank 2 to be quantized";
  Value &dequantized = activations[{x, scheme}];
  if (!dequantized) {
    OpBuilder builder(linear);
    Location loc = x.getLoc();
    auto codes = graph::QuantizeOp::create(
        builder, loc, RankedTensorType::get(type.getShape(), scheme.getStorage()),
        RankedTensorType::get(scheme.getScaleShape(type.getShape()), scheme.getScale()), x, Value(), scheme);
    dequantized =
        graph::DequantizeOp::create(builder, loc, RankedTensorType::get(type.getShape(), builder.getF32Type()),
                                    codes.getCodes(), codes.getScales(), scheme);
  }
  linear.getXMutable().assign(dequantized);
  return dequantized.getDefiningOp<graph::DequantizeOp>().getCodes().getDefiningOp();
}

graph::DerivedOp LinearRewriter::createCodes(OpOperand &operand, const WeightSource &source,
                                             const PresetSchemes &schemes) {
  graph::DerivedOp replaced = derivationOf(operand);
  OpBuilder builder(replaced);
  auto codes =
      graph::DerivedOp::create(builder, operand.getOwner()->getLoc(), (source.name + "." + schemes.suffix).str(),
                               TypeRange(storedTypes(schemes.weights, source.type.getShape())));
  symbols.insert(codes);
  derivations[{replaced, schemes.weights}] = codes;
  return codes;
}

Value LinearRewriter::getStored(graph::DerivedOp derived, StringRef name, StringRef part, Type type, StringRef file) {
  OpBuilder builder(derived);
  std::string tensor = (name + "." + part).str();
  auto parameter =
      graph::ParameterOp::create(builder, derived.getLoc(), tensor, cast<RankedTensorType>(type), file, tensor);
  symbols.insert(parameter);
  OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
  return graph::GetOp::create(body, derived.getLoc(), TypeRange(type), parameter.getSymName()).getResult(0);
}

LogicalResult LinearRewriter::deriveWeight(OpOperand &operand, const PresetSchemes &schemes, bool search) {
  FailureOr<WeightSource> source = sourceOf(operand);
  if (failed(source))
    return failure();
  graph::DerivedOp replaced = derivationOf(operand);
  graph::DerivedOp codes = derivations.lookup({replaced, schemes.weights});
  if (!codes) {
    codes = createCodes(operand, *source, schemes);
    Location loc = operand.getOwner()->getLoc();
    OpBuilder body = OpBuilder::atBlockEnd(&codes.getBody().front());
    Value weight = graph::GetOp::create(body, loc, TypeRange(source->type), source->name).getResult(0);
    SmallVector<Type> types = storedTypes(schemes.weights, source->type.getShape());
    auto quantized = graph::QuantizeOp::create(body, loc, types[0], TypeRange(types).drop_front(), weight, Value(),
                                               schemes.weights, search);
    graph::YieldOp::create(body, loc, quantized->getResults());
  }
  readCodes(operand, codes, schemes.weights);
  return success();
}

LogicalResult LinearRewriter::readStoredCodes(OpOperand &operand, const PresetSchemes &schemes, StringRef file) {
  FailureOr<WeightSource> source = sourceOf(operand);
  if (failed(source))
    return failure();
  graph::DerivedOp codes = createCodes(operand, *source, schemes);
  SmallVector<Value> values;
  SmallVector<Type> types = storedTypes(schemes.weights, source->type.getShape());
  for (auto [part, type] : llvm::zip(kStoredParts, types))
    values.push_back(getStored(codes, source->name, part, type, file));
  OpBuilder body = OpBuilder::atBlockEnd(&codes.getBody().front());
  graph::YieldOp::create(body, operand.getOwner()->getLoc(), values);
  readCodes(operand, codes, schemes.weights);
  return success();
}

LogicalResult LinearRewriter::readStored(OpOperand &operand, StringRef part, StringRef file) {
  FailureOr<WeightSource> source = sourceOf(operand);
  if (failed(source))
    return failure();
  graph::DerivedOp replaced = derivationOf(operand);
  OpBuilder builder(replaced);
  auto type = RankedTensorType::get(source->type.getShape(), builder.getBF16Type());
  auto derived = graph::DerivedOp::create(builder, operand.getOwner()->getLoc(),
                                          (source->name + "." + part + ".bf16").str(), TypeRange(type));
  symbols.insert(derived);
  derivations[{replaced, graph::SchemeAttr()}] = derived;
  Value value = getStored(derived, source->name, part, type, file);
  OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
  graph::YieldOp::create(body, operand.getOwner()->getLoc(), value);
  OpBuilder before(operand.getOwner());
  replace(
      operand,
      graph::GetOp::create(before, operand.getOwner()->getLoc(), TypeRange(type), derived.getSymName()).getResult(0));
  return success();
}

void LinearRewriter::readCodes(OpOperand &operand, graph::DerivedOp codes, graph::SchemeAttr scheme) {
  OpBuilder builder(operand.getOwner());
  SmallVector<Type> types;
  for (unsigned i = 0; i < codes.getNumDerived(); ++i)
    types.push_back(codes.getDerivedType(i));
  auto get = graph::GetOp::create(builder, operand.getOwner()->getLoc(), TypeRange(types), codes.getSymName());
  auto type = RankedTensorType::get(codes.getDerivedType(0).getShape(), builder.getF32Type());
  Value zeros = types.size() > 2 ? get->getResult(2) : Value();
  replace(operand, graph::DequantizeOp::create(builder, operand.getOwner()->getLoc(), type, get->getResult(0),
                                               get->getResult(1), zeros, scheme));
}

void LinearRewriter::replace(OpOperand &weight, Value value) {
  Operation *get = weight.get().getDefiningOp();
  weight.set(value);
  if (get->use_empty())
    get->erase();
}

void LinearRewriter::eraseReplaced() {
  llvm::SmallSetVector<graph::DerivedOp, 8> replaced;
  for (auto &[key, derived] : derivations)
    replaced.insert(key.first);
  for (graph::DerivedOp derived : replaced)
    if (SymbolTable::symbolKnownUseEmpty(derived, symbols.getOp()))
      symbols.erase(derived);
}

} // namespace qcc
