//===- Explain.cpp - What will happen to each layer -----------------------===//

#include "../SmoothPairs.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/ExplainQuantization.h"
#include "qcc/Transforms/Quantize/LayerPatterns.h"
#include "qcc/Transforms/Quantize/LayerPlan.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <array>

using namespace mlir;

namespace qcc {
namespace {

std::string describeType(Type storage) {
  return isa<Float8E4M3FNType>(storage) ? "e4m3" : text("int", storage.getIntOrFloatBitWidth());
}

std::string describeWeights(graph::SchemeAttr scheme) {
  if (!scheme)
    return "bf16";
  std::string type = describeType(scheme.getStorage()) + (scheme.getZeroPoint() ? " with zeros" : "");
  switch (scheme.getGranularity()) {
  case graph::Granularity::tensor:
    return type + " per tensor";
  case graph::Granularity::channel:
  case graph::Granularity::token:
    return type + " per channel";
  case graph::Granularity::group:
    return text(type, " per ", scheme.getGroupSize());
  case graph::Granularity::block:
    return text(type, " per ", scheme.getBlockRows(), "x", scheme.getBlockColumns());
  }
  return type;
}

std::string describeActivations(const LayerPlan &layer) {
  graph::SchemeAttr scheme = layer.schemes.activations;
  if (!scheme)
    return "bf16";
  std::string type = describeType(scheme.getStorage());
  if (layer.staticActivations)
    return type + " per tensor, static";
  return scheme.getGranularity() == graph::Granularity::group ? text(type, " per token and ", scheme.getGroupSize())
                                                              : type + " per token";
}

const char *describePruning(PruneKind kind) {
  switch (kind) {
  case PruneKind::None:
    return "-";
  case PruneKind::Magnitude:
    return "2:4 magnitude";
  case PruneKind::Wanda:
    return "2:4 wanda";
  case PruneKind::SparseGpt:
    return "2:4 sparsegpt";
  case PruneKind::Refit:
    return "2:4 refit";
  }
  return "";
}

class Explanation {
public:
  Explanation(ModuleOp module, const QuantizeOptions &options) : module(module), options(resolved(options)) {}

  Expected<std::string> run(const Recipe *recipe) {
    Expected<std::vector<LayerPlan>> layers = planAllLayers(module, options);
    if (!layers)
      return layers.takeError();
    if (Status status = findSmoothed(); !status)
      return status.takeError();
    if (recipe)
      addSteps(*recipe);
    else
      out += text("methods: ", methodsOfFlags(), "\n\n");
    addLayers(*layers);
    addRest();
    return std::move(out);
  }

private:
  /// A vector divides the input of all linears that read it, so one that is left out leaves out the others.
  Status findSmoothed() {
    Expected<LayerPatterns> excluded = LayerPatterns::parse(options.smoothExclude);
    if (!excluded)
      return excluded.takeError();
    for (SmoothPair &pair : findSmoothPairs(module.lookupSymbol<func::FuncOp>("forward")))
      if (llvm::none_of(pair.consumers, [&](graph::LinearOp linear) {
            return excluded->matches(std::string_view(linear.getName().value_or("")));
          }))
        smoothed.insert(pair.consumers.begin(), pair.consumers.end());
    return {};
  }

  void addSteps(const Recipe &recipe) {
    out += "steps\n";
    for (auto [number, step] : llvm::enumerate(recipe.steps))
      out += text("  ", number + 1, ". ", step, "\n");
    if (!recipe.notes.empty())
      out += "notes\n";
    for (const std::string &note : recipe.notes)
      out += text("  - ", note, "\n");
    if (!options.given.empty())
      out += text("searched values of ", options.given.size(), " layers are taken from the recipe\n");
    out += "\n";
  }

  std::string methodsOfFlags() {
    std::string methods = rounding();
    for (QuantMethod method : llvm::reverse(options.methods))
      if (method == QuantMethod::Awq || method == QuantMethod::SmoothQuant)
        methods = text(method == QuantMethod::Awq ? "awq, " : "smoothquant, ", methods);
    if (options.methods.empty())
      return "none, nothing is quantized";
    return methods + (options.calib.empty() && options.stats.empty() ? "; without calibration data" : "");
  }

  std::string rounding() const {
    if (llvm::is_contained(options.methods, QuantMethod::Gptq))
      return "gptq";
    return options.scales == WeightScales::MinMax ? "round to nearest" : "round to nearest, searched scales";
  }

  std::string methodsOf(LayerPlan &layer) {
    if (!layer.schemes.weights)
      return "-";
    std::string methods;
    const bool isSmoothed = smoothed.contains(layer.linear);
    for (QuantMethod method : options.methods)
      if (method == QuantMethod::Awq)
        methods += isSmoothed ? "awq, " : "awq without scales, ";
      else if (method == QuantMethod::SmoothQuant && isSmoothed)
        methods += options.smoothAlpha ? text("smoothquant ", exactly(*options.smoothAlpha), ", ")
                                       : std::string("smoothquant, ");
    return methods + rounding();
  }

  void addLayers(std::vector<LayerPlan> &layers) {
    constexpr size_t kColumns = 6;
    std::vector<std::array<std::string, kColumns>> rows{
        {"layer", "weights", "activations", "pruning", "methods", "why"}};
    for (LayerPlan &layer : layers)
      rows.push_back({layer.name(), describeWeights(layer.schemes.weights), describeActivations(layer),
                      describePruning(layer.prune ? options.prune : PruneKind::None), methodsOf(layer), layer.reason});
    std::array<size_t, kColumns> widths{};
    for (const auto &row : rows)
      for (size_t column = 0; column < kColumns; ++column)
        widths[column] = std::max(widths[column], row[column].size());
    for (const auto &row : rows) {
      for (size_t column = 0; column + 1 < kColumns; ++column)
        out += row[column] + std::string(widths[column] - row[column].size() + 2, ' ');
      out += row.back() + "\n";
    }
  }

  void addRest() {
    bool isCalibrated = !options.calib.empty() || !options.stats.empty();
    std::string cache = "bf16";
    if (options.kvCache == KvCacheType::Int8)
      cache = "int8, a scale per token and head";
    if (options.kvCache == KvCacheType::Fp8)
      cache = !isCalibrated                        ? "e4m3, scale 1 without calibration data"
              : options.kvScales == KvScales::Head ? "e4m3, a calibrated scale per layer and head"
                                                   : "e4m3, a calibrated scale per layer";
    QuantPreset preset = presetsOf(options).front();
    bool isFp8 = preset == QuantPreset::Fp8 || preset == QuantPreset::Fp8Tensor || preset == QuantPreset::Fp8Block;
    out += text("\nkeys and values  ", cache, "\nembeddings       ",
                !options.quantizeEmbeddings ? "bf16"
                : isFp8                     ? "e4m3 per row"
                                            : "int8 per row",
                "\n");
  }

  ModuleOp module;
  QuantizeOptions options;
  llvm::DenseSet<Operation *> smoothed; ///< linears whose input SmoothQuant and AWQ may divide
  std::string out;
};

} // namespace

Expected<std::string> explainQuantization(ModuleOp module, const QuantizeOptions &options, const Recipe *recipe) {
  return Explanation(module, options).run(recipe);
}

} // namespace qcc
