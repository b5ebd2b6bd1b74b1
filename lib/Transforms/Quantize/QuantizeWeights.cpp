//===- QuantizeWeights.cpp - Round-to-nearest weights of linears ----------===//

#include "qcc/Transforms/Quantize/LayerPatterns.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_QUANTIZEWEIGHTSPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

/// The head's output decides the token directly, and it is a small part of the bytes: it stays in bf16.
constexpr StringRef kHeadName = "lm_head";

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Rewrites the linears of one module for one weight scheme.
class WeightQuantizer {
public:
  WeightQuantizer(ModuleOp module, graph::SchemeAttr weightScheme, graph::SchemeAttr activationScheme, StringRef suffix)
      : symbols(module), weightScheme(weightScheme), activationScheme(activationScheme), suffix(suffix) {}

  LogicalResult quantize(graph::LinearOp linear) {
    auto get = linear.getW().getDefiningOp<graph::GetOp>();
    auto derived = get ? symbols.lookup<graph::DerivedOp>(get.getSymbol()) : graph::DerivedOp();
    if (!derived || derived.getNumDerived() != 1)
      return linear.emitError() << "weight must be read from a derivation; run qcc-lower-precision first";
    if (activationScheme && typeOf(linear.getX()).getRank() != 2)
      return linear.emitError() << "activations " << linear.getX().getType()
                                << " must have rank 2 to be quantized per token";
    graph::DerivedOp codes = deriveCodes(linear, derived);
    linear.getWMutable().assign(readCodes(linear, codes));
    if (activationScheme)
      linear.getXMutable().assign(quantizeActivations(linear));
    if (get.use_empty())
      get.erase();
    return success();
  }

  /// Derivations that only the replaced weights read.
  void eraseReplaced() {
    for (auto &[derived, codes] : derivations)
      if (SymbolTable::symbolKnownUseEmpty(derived, symbols.getOp()))
        symbols.erase(derived);
  }

private:
  /// Codes and scales of what `derived` holds. Rounding to bf16 first would only lose precision, so a cast of a
  /// parameter is looked through.
  graph::DerivedOp deriveCodes(graph::LinearOp linear, graph::DerivedOp derived) {
    graph::DerivedOp &codes = derivations[derived];
    if (codes)
      return codes;
    Location loc = linear.getLoc();
    auto yield = cast<graph::YieldOp>(derived.getBody().front().getTerminator());
    Value source = yield.getValues().front();
    if (auto cast = source.getDefiningOp<graph::CastOp>())
      source = cast.getX();
    auto stored = source.getDefiningOp<graph::GetOp>();
    StringRef symbol = stored && stored->getNumResults() == 1 ? stored.getSymbol() : derived.getSymName();
    Type sourceType = stored && stored->getNumResults() == 1 ? source.getType() : derived.getDerivedType(0);

    ArrayRef<int64_t> shape = cast<RankedTensorType>(sourceType).getShape();
    Type types[] = {RankedTensorType::get(shape, weightScheme.getStorage()),
                    RankedTensorType::get(weightScheme.getScaleShape(shape), weightScheme.getScale())};
    OpBuilder builder(derived);
    codes = graph::DerivedOp::create(builder, loc, (symbol + "." + suffix).str(), TypeRange(types));
    symbols.insert(codes);
    OpBuilder body = OpBuilder::atBlockEnd(&codes.getBody().front());
    Value weight = graph::GetOp::create(body, loc, TypeRange(sourceType), symbol).getResult(0);
    auto quantized = graph::QuantizeOp::create(body, loc, types[0], types[1], weight, Value(), weightScheme);
    graph::YieldOp::create(body, loc, quantized->getResults());
    return codes;
  }

  Value readCodes(graph::LinearOp linear, graph::DerivedOp codes) {
    OpBuilder builder(linear);
    Type types[] = {codes.getDerivedType(0), codes.getDerivedType(1)};
    auto get = graph::GetOp::create(builder, linear.getLoc(), TypeRange(types), codes.getSymName());
    auto type = RankedTensorType::get(codes.getDerivedType(0).getShape(), builder.getF32Type());
    return graph::DequantizeOp::create(builder, linear.getLoc(), type, get->getResult(0), get->getResult(1),
                                       weightScheme);
  }

  /// One quantization for all linears of a value: they see the same codes, and the kernel that makes the value writes
  /// them once.
  Value quantizeActivations(graph::LinearOp linear) {
    Value &dequantized = activations[linear.getX()];
    if (dequantized)
      return dequantized;
    OpBuilder builder(linear);
    builder.setInsertionPointAfterValue(linear.getX());
    Location loc = linear.getX().getLoc();
    RankedTensorType x = typeOf(linear.getX());
    auto codes = graph::QuantizeOp::create(
        builder, loc, RankedTensorType::get(x.getShape(), activationScheme.getStorage()),
        RankedTensorType::get(activationScheme.getScaleShape(x.getShape()), activationScheme.getScale()), linear.getX(),
        Value(), activationScheme);
    dequantized = graph::DequantizeOp::create(builder, loc, RankedTensorType::get(x.getShape(), builder.getF32Type()),
                                              codes.getCodes(), codes.getScales(), activationScheme);
    return dequantized;
  }

  SymbolTable symbols;
  graph::SchemeAttr weightScheme, activationScheme;
  StringRef suffix;
  llvm::MapVector<graph::DerivedOp, graph::DerivedOp> derivations; ///< of a weight → of its codes
  llvm::DenseMap<Value, Value> activations;                        ///< value → its dequantization
};

struct QuantizeWeightsPass : impl::QuantizeWeightsPassBase<QuantizeWeightsPass> {
  using QuantizeWeightsPassBase::QuantizeWeightsPassBase;

  void runOnOperation() override {
    if (groupSize != 32 && groupSize != 64 && groupSize != 128) {
      getOperation().emitError() << "group size " << groupSize.getValue() << " must be 32, 64 or 128";
      return signalPassFailure();
    }
    FailureOr<SmallVector<graph::LinearOp>> linears = chooseLinears();
    if (failed(linears))
      return signalPassFailure();
    if (preset == QuantPreset::None)
      return;
    WeightQuantizer quantizer = makeQuantizer();
    for (graph::LinearOp linear : *linears) {
      if (failed(quantizer.quantize(linear)))
        return signalPassFailure();
      ++quantized;
    }
    quantizer.eraseReplaced();
  }

  FailureOr<SmallVector<graph::LinearOp>> chooseLinears() {
    Expected<LayerPatterns> patterns = LayerPatterns::parse(std::vector<std::string>(exclude.begin(), exclude.end()));
    if (!patterns)
      return getOperation().emitError() << patterns.error().message;
    SmallVector<graph::LinearOp> chosen;
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.walk([&](graph::LinearOp linear) {
        StringRef name = linear.getName().value_or("");
        if (patterns->matches(std::string_view(name)) || name == kHeadName)
          ++excluded;
        else
          chosen.push_back(linear);
      });
    for (const std::string &pattern : patterns->unused())
      return getOperation().emitError()
             << "exclude pattern '" << pattern
             << "' matches no linear layer; names are like model.layers.0.mlp.up_proj, patterns re:.*up_proj";
    return chosen;
  }

  WeightQuantizer makeQuantizer() {
    MLIRContext *context = &getContext();
    Type e4m3 = Float8E4M3FNType::get(context), f32 = Float32Type::get(context);
    if (preset == QuantPreset::Fp8)
      return {getOperation(), graph::SchemeAttr::getSimple(e4m3, graph::Granularity::channel, f32),
              graph::SchemeAttr::getSimple(e4m3, graph::Granularity::token, f32, /*dynamic=*/true), "fp8"};
    suffix = "w4g" + std::to_string(groupSize);
    return {getOperation(),
            graph::SchemeAttr::getGroup(IntegerType::get(context, 4), groupSize, BFloat16Type::get(context)),
            graph::SchemeAttr(), suffix};
  }

  std::string suffix; ///< outlives the quantizer that refers to it
};

} // namespace
} // namespace qcc
