//===- StaticScales.cpp - Activation scales fixed by calibration ----------===//

#include "CalibrationInput.h"
#include "PassOptions.h"
#include "WorkFile.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/LayerPlan.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_STATICSCALESPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

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
    for (LayerPlan &layer : *layers)
      if (layer.staticActivations && !layer.linear.getX().getDefiningOp<graph::DequantizeOp>())
        addReader(layer);
    if (values.empty())
      return success();
    if (options.workDir.empty())
      return module.emitError() << "static scales need a directory; name one with work-dir";
    std::optional<calib::Statistics> statistics;
    for (auto &[key, value] : values)
      if (Status status = findScale(value, statistics); !status)
        return value.readers.front()->linear.emitError() << status.error().message;
    file = workFileName("static-scales", writer.contentHash());
    if (Status status = writer.write(options.workDir, file); !status)
      return module.emitError() << status.error().message;
    // Calibration says so too, but where a recipe gives all scales there is none.
    module->setAttr(kWorkAttr, StringAttr::get(module.getContext(), options.workDir));
    for (auto &[key, value] : values) {
      Value dequantized = quantize(value);
      for (LayerPlan *layer : value.readers)
        layer->linear.getXMutable().assign(dequantized);
    }
    return success();
  }
  size_t valuesQuantized() const { return values.size(); }

private:
  /// A value in one type of codes: quantized once for all linears that ask for these, and for no others.
  struct StaticValue {
    Value value;
    std::string observed; ///< its name in statistics
    std::string name;     ///< of its scale
    SmallVector<LayerPlan *> readers;
  };

  void addReader(LayerPlan &layer) {
    Value x = layer.linear.getX();
    Type codes = layer.schemes.activations.getStorage();
    StaticValue &value = values[{x, codes}];
    if (value.readers.empty()) {
      bool isFirst =
          llvm::none_of(values, [&](auto &other) { return other.first.first == x && &other.second != &value; });
      value.value = x;
      value.observed = calib::observedName(x);
      value.name = value.observed + (isFirst ? "_scale" : codes.isInteger(8) ? "_scale.int8" : "_scale.e4m3");
    }
    value.readers.push_back(&layer);
  }

  Status findScale(const StaticValue &value, std::optional<calib::Statistics> &statistics) {
    LayerPlan &layer = *value.readers.front();
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
      Expected<float> searched = searchScale(value, *statistics);
      if (!searched)
        return searched.takeError();
      scale = *searched;
    }
    writer.add(value.name, {}, std::span<const float>(&scale, 1));
    addSearched(module, {{layer.name(), {{kInputScale, exactly(scale)}}}});
    return {};
  }

  Expected<float> searchScale(const StaticValue &value, const calib::Statistics &statistics) const {
    auto seen = statistics.find(value.observed, calib::ValueStatistics::AbsMax | calib::ValueStatistics::Distribution);
    if (!seen)
      return seen.takeError();
    const bool isInt = storageOf(value).isInteger(8);
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

  static Type storageOf(const StaticValue &value) { return value.readers.front()->schemes.activations.getStorage(); }

  /// The dequantization of the value's codes.
  Value quantize(const StaticValue &value) {
    Type f32 = Float32Type::get(module.getContext());
    auto scheme = graph::SchemeAttr::getSimple(storageOf(value), graph::Granularity::tensor, f32);
    auto scaleType = RankedTensorType::get({}, f32);
    graph::LinearOp first = value.readers.front()->linear;
    auto function = first->getParentOfType<func::FuncOp>();
    Location loc = value.value.getLoc();
    OpBuilder builder(function);
    auto parameter = graph::ParameterOp::create(builder, loc, value.name + ".f32", scaleType, file, value.name);
    symbols.insert(parameter);
    auto derived = graph::DerivedOp::create(builder, loc, value.name, TypeRange(scaleType));
    symbols.insert(derived);
    OpBuilder body = OpBuilder::atBlockEnd(&derived.getBody().front());
    Value stored = graph::GetOp::create(body, loc, TypeRange(scaleType), parameter.getSymName()).getResult(0);
    graph::YieldOp::create(body, loc, stored);

    builder.setInsertionPointAfterValue(value.value);
    auto type = cast<RankedTensorType>(value.value.getType());
    Value scale = graph::GetOp::create(builder, loc, TypeRange(scaleType), derived.getSymName()).getResult(0);
    auto codes = graph::QuantizeOp::create(builder, loc, RankedTensorType::get(type.getShape(), scheme.getStorage()),
                                           Type(), value.value, scale, scheme);
    return graph::DequantizeOp::create(builder, loc, RankedTensorType::get(type.getShape(), f32), codes.getCodes(),
                                       scale, scheme);
  }

  ModuleOp module;
  const QuantizeOptions &options;
  StaticScaleRule rule;
  double percentile;
  SymbolTable symbols;
  WorkFileWriter writer;
  std::string file;                                            ///< named after what it holds
  llvm::MapVector<std::pair<Value, Type>, StaticValue> values; ///< by value and type of codes
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
