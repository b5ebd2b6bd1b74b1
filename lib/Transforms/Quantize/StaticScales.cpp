//===- StaticScales.cpp - Activation scales fixed by calibration ----------===//

#include "CalibrationInput.h"
#include "PassOptions.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Support/SafetensorsWriter.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/LayerPlan.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_STATICSCALESPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

constexpr const char *kFile = "quantized/static-scales.safetensors";
/// The searched value (SearchedValues.h).
constexpr const char *kInputScale = "input_scale";

/// Quantizes what linears read with scales of their own.
class StaticScales {
public:
  StaticScales(ModuleOp module, const QuantizeOptions &options, StaticScaleRule rule, double percentile)
      : module(module), options(options), rule(rule), percentile(percentile), symbols(module) {}

  LogicalResult run() {
    Expected<std::vector<LayerPlan>> layers = planLayers(module, options);
    if (!layers)
      return module.emitError() << layers.error().message;
    // A value is quantized once, as the first of its linears asks.
    llvm::MapVector<Value, LayerPlan *> values;
    for (LayerPlan &layer : *layers)
      if (layer.staticActivations && !layer.linear.getX().getDefiningOp<graph::DequantizeOp>())
        values.insert({layer.linear.getX(), &layer});
    if (values.empty())
      return success();
    if (options.workDir.empty())
      return module.emitError() << "static scales need a directory; name one with work-dir";
    std::optional<calib::Statistics> statistics;
    for (auto &[value, layer] : values)
      if (Status status = findScale(value, *layer, statistics); !status)
        return layer->linear.emitError() << status.error().message;
    std::filesystem::path path = std::filesystem::path(options.workDir) / kFile;
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error)
      return module.emitError() << path.parent_path().string() << ": cannot create: " << error.message();
    if (Status status = writer.write(path.string()); !status)
      return module.emitError() << status.error().message;
    for (LayerPlan &layer : *layers)
      if (values.contains(layer.linear.getX()))
        layer.linear.getXMutable().assign(quantized(layer.linear.getX(), *values.lookup(layer.linear.getX())));
    return success();
  }
  size_t valuesQuantized() const { return scales.size(); }

private:
  Status findScale(Value value, LayerPlan &layer, std::optional<calib::Statistics> &statistics) {
    float scale = 1;
    if (const std::string *given = findGiven(options.given, layer.name(), kInputScale)) {
      double number;
      if (!llvm::to_float(*given, number))
        return Error{text(layer.name(), ": input_scale ", quote(*given), " must be a number")};
      scale = float(number);
    } else {
      if (!statistics) {
        Expected<calib::Statistics> gathered = statisticsFor(module, options);
        if (!gathered)
          return gathered.takeError();
        statistics = std::move(*gathered);
      }
      Expected<float> searched = searchScale(value, layer, *statistics);
      if (!searched)
        return searched.takeError();
      scale = *searched;
    }
    writer.add(calib::observedName(value) + "_scale", {}, std::span<const float>(&scale, 1));
    addSearched(module, {{layer.name(), {{kInputScale, exactly(scale)}}}});
    scales[value] = scale;
    return {};
  }

  Expected<float> searchScale(Value value, LayerPlan &layer, const calib::Statistics &statistics) const {
    const std::string name = calib::observedName(value);
    auto seen = statistics.find(name, calib::ValueStatistics::AbsMax | calib::ValueStatistics::Distribution);
    if (!seen)
      return seen.takeError();
    const bool isInt = layer.schemes.activations.getStorage().isInteger(8);
    const auto format = isInt ? calib::StaticFormat::Int8 : calib::StaticFormat::E4M3;
    const calib::Histogram &histogram = (*seen)->histogram();
    float absMax = (*seen)->tensorAbsMax();
    float scale = absMax / (isInt ? 127.0f : 448.0f);
    if (rule == StaticScaleRule::Percentile)
      scale = std::min(scale, float(histogram.percentile(percentile / 100)) / (isInt ? 127.0f : 448.0f));
    if (rule == StaticScaleRule::Mse)
      scale = calib::searchStaticScale(histogram, absMax, format);
    return std::isnormal(scale) ? scale : 1.0f;
  }

  /// The dequantization of the value's codes.
  Value quantized(Value value, LayerPlan &layer) {
    Value &result = dequantized[value];
    if (result)
      return result;
    Type f32 = Float32Type::get(module.getContext());
    auto scheme = graph::SchemeAttr::getSimple(layer.schemes.activations.getStorage(), graph::Granularity::tensor, f32);
    auto scaleType = RankedTensorType::get({}, f32);
    const std::string name = calib::observedName(value) + "_scale";
    auto function = layer.linear->getParentOfType<func::FuncOp>();
    Location loc = value.getLoc();
    OpBuilder builder(function);
    auto parameter = graph::ParameterOp::create(builder, loc, name + ".f32", scaleType, kFile, name);
    symbols.insert(parameter);
    auto derived = graph::DerivedOp::create(builder, loc, name, TypeRange(scaleType));
    symbols.insert(derived);
    OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
    Value stored = graph::GetOp::create(body, loc, TypeRange(scaleType), parameter.getSymName()).getResult(0);
    graph::YieldOp::create(body, loc, stored);

    builder.setInsertionPointAfterValue(value);
    auto type = cast<RankedTensorType>(value.getType());
    Value scale = graph::GetOp::create(builder, loc, TypeRange(scaleType), derived.getSymName()).getResult(0);
    auto codes = graph::QuantizeOp::create(builder, loc, RankedTensorType::get(type.getShape(), scheme.getStorage()),
                                           Type(), value, scale, scheme);
    result = graph::DequantizeOp::create(builder, loc, RankedTensorType::get(type.getShape(), f32), codes.getCodes(),
                                         scale, scheme);
    return result;
  }

  ModuleOp module;
  const QuantizeOptions &options;
  StaticScaleRule rule;
  double percentile;
  SymbolTable symbols;
  SafetensorsWriter writer;
  llvm::DenseMap<Value, float> scales;
  llvm::DenseMap<Value, Value> dequantized;
};

struct StaticScalesPass : OfQuantizeOptions<impl::StaticScalesPassBase<StaticScalesPass>> {
  using OfQuantizeOptions::OfQuantizeOptions;

  void runOnOperation() override {
    QuantizeOptions asked = readOptions();
    if (!isGiven())
      asked.activations = ActivationScales::Static;
    StaticScales statics(getOperation(), asked, rule, percentile);
    if (failed(statics.run()))
      return signalPassFailure();
    quantized += unsigned(statics.valuesQuantized());
  }
};

} // namespace

std::unique_ptr<Pass> createStaticScalesPass(const QuantizeOptions &options) {
  return std::make_unique<StaticScalesPass>(options);
}

} // namespace qcc
