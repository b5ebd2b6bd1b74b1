//===- LayerPlan.cpp ------------------------------------------------------===//

#include "qcc/Transforms/Quantize/LayerPlan.h"
#include "qcc/Interpreter/WeightFormat.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/LayerPatterns.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace qcc {
namespace {

/// The head's output decides the token directly, and it is a small part of the bytes: it stays in bf16 unless asked
/// for.
constexpr StringRef kHeadName = "lm_head";
/// compressed-tensors' target for every linear.
constexpr StringRef kAllLinears = "Linear";

bool isWeightOnly(QuantPreset preset) {
  switch (preset) {
  case QuantPreset::W8A16:
  case QuantPreset::W4A16:
  case QuantPreset::W4A16Asym:
  case QuantPreset::W3A16:
  case QuantPreset::W2A16:
    return true;
  default:
    return false;
  }
}

unsigned integerBits(QuantPreset preset) {
  switch (preset) {
  case QuantPreset::W2A16:
    return 2;
  case QuantPreset::W3A16:
    return 3;
  case QuantPreset::W8A16:
    return 8;
  default:
    return 4;
  }
}

/// Whether `mma.sp` multiplies such weights and activations.
bool hasSparseProduct(const PresetSchemes &schemes) {
  if (!schemes.weights)
    return true;
  using graph::Granularity;
  Granularity granularity = schemes.weights.getGranularity();
  return schemes.activations && schemes.weights.getStorage() == schemes.activations.getStorage() &&
         (granularity == Granularity::channel || granularity == Granularity::tensor);
}

/// What decides between targets that match one linear: compressed-tensors takes a name before a pattern, and a pattern
/// before the class.
enum class Precision { Name, Pattern, Class };

Precision precisionOf(StringRef target) {
  return target == kAllLinears ? Precision::Class : target.starts_with("re:") ? Precision::Pattern : Precision::Name;
}

/// Patterns where "Linear" stands for all.
class Targets {
public:
  static Expected<Targets> parse(const std::vector<std::string> &patterns) {
    Targets targets;
    std::vector<std::string> named;
    for (const std::string &pattern : patterns)
      if (pattern == kAllLinears)
        targets.all = true;
      else
        named.push_back(pattern);
    Expected<LayerPatterns> parsed = LayerPatterns::parse(named);
    if (!parsed)
      return parsed.takeError();
    targets.patterns = std::move(*parsed);
    return targets;
  }
  /// The most precise pattern that matches, or null.
  const std::string *match(StringRef name) {
    const std::string *found = patterns.bestMatch(std::string_view(name));
    return found || !all ? found : &kAll;
  }
  /// The same where patterns may also name a module around the linear: "model.layers.0" for all of a block.
  const std::string *matchAround(StringRef name) {
    const std::string *found = match(name);
    for (size_t dot = name.rfind('.'); dot != StringRef::npos; dot = name.take_front(dot).rfind('.'))
      if (const std::string *around = patterns.bestMatch(std::string_view(name.take_front(dot))); !found)
        found = around;
    return found;
  }
  Status checkUsed(const char *what) const {
    for (const std::string &pattern : patterns.unused())
      return Error{text(what, " ", quote(pattern),
                        " matches no linear layer; names are like model.layers.0.mlp.up_proj, patterns re:.*up_proj"),
                   ExitCode::Usage};
    return {};
  }

private:
  static inline const std::string kAll = kAllLinears.str();
  LayerPatterns patterns;
  bool all = false;
};

/// A rule of the options, its patterns and schemes ready.
struct Rule {
  Targets targets;
  PresetSchemes schemes;
  bool staticActivations;
};

class Planner {
public:
  Status prepare(MLIRContext *context, const QuantizeOptions &options) {
    std::vector<LayerRule> given = options.rules;
    if (given.empty())
      given.push_back({{kAllLinears.str()}, options.preset, options.groupSize, options.activations});
    for (const LayerRule &rule : given) {
      Expected<Targets> targets = Targets::parse(rule.targets);
      if (!targets)
        return targets.takeError();
      Expected<PresetSchemes> schemes = schemesOf(context, rule.preset, rule.groupSize);
      if (!schemes)
        return schemes.takeError();
      bool isStatic = schemes->activations && hasStaticActivations(rule.preset, rule.activations, options);
      rules.push_back({std::move(*targets), std::move(*schemes), isStatic});
    }
    prunes = options.prune != PruneKind::None;
    quantizeHead = options.quantizeHead;
    for (auto [into, patterns] : {std::pair(&excluded, &options.exclude), std::pair(&pruned, &options.pruneTargets),
                                  std::pair(&notPruned, &options.pruneExclude)}) {
      Expected<Targets> targets = Targets::parse(*patterns);
      if (!targets)
        return targets.takeError();
      *into = std::move(*targets);
    }
    prunesAll = options.pruneTargets.empty();
    hasRules = !options.rules.empty();
    return {};
  }

  LayerPlan plan(graph::LinearOp linear) {
    LayerPlan layer{linear, {}};
    StringRef name = linear.getName().value_or("");
    // Every list sees every name, so that only patterns that match nothing count as unused.
    const std::string *exclusion = excluded.match(name), *kept = notPruned.matchAround(name);
    const std::string *prunedBy = pruned.matchAround(name), *target = nullptr;
    const Rule *chosen = nullptr;
    for (Rule &rule : rules)
      if (const std::string *found = rule.targets.match(name);
          found && (!target || precisionOf(*found) < precisionOf(*target))) {
        target = found;
        chosen = &rule;
      }
    if (name == kHeadName && !quantizeHead) {
      layer.reason = "lm_head decides the token: bf16 unless asked for";
      return layer;
    }
    if (chosen && !exclusion) {
      layer.schemes = chosen->schemes;
      layer.staticActivations = chosen->staticActivations;
    }
    layer.prune = prunes && (prunesAll || prunedBy) && !kept;
    layer.reason = exclusion  ? text("excluded by ", quote(*exclusion))
                   : !target  ? std::string("no target matches")
                   : hasRules ? text("target ", quote(*target))
                              : std::string("every linear");
    if (prunes)
      layer.reason += kept          ? text("; pruning leaves out ", quote(*kept))
                      : prunedBy    ? text("; pruning target ", quote(*prunedBy))
                      : layer.prune ? std::string("; every linear is pruned")
                                    : std::string("; no pruning target matches");
    return layer;
  }

  Status checkUsed() const {
    for (const Rule &rule : rules)
      if (Status status = rule.targets.checkUsed("target"); !status)
        return status;
    if (Status status = excluded.checkUsed("exclude pattern"); !status)
      return status;
    if (Status status = pruned.checkUsed("pruning target"); !status)
      return status;
    return notPruned.checkUsed("pruning's exclude pattern");
  }

private:
  std::vector<Rule> rules;
  Targets excluded, pruned, notPruned;
  bool prunes = false, prunesAll = true, quantizeHead = false, hasRules = false;
};

} // namespace

Expected<PresetSchemes> schemesOf(MLIRContext *context, QuantPreset preset, int64_t groupSize) {
  using graph::Granularity;
  using graph::SchemeAttr;
  Type e4m3 = Float8E4M3FNType::get(context), f32 = Float32Type::get(context), bf16 = BFloat16Type::get(context);
  Type i8 = IntegerType::get(context, 8);
  if (groupSize != 0 && groupSize != 32 && groupSize != 64 && groupSize != 128)
    return Error{text("group size ", groupSize, " must be 32, 64 or 128, or 0 for a scale per channel"),
                 ExitCode::Usage};
  SchemeAttr e4m3Tokens = SchemeAttr::getSimple(e4m3, Granularity::token, f32, /*dynamic=*/true);
  if (isWeightOnly(preset) || preset == QuantPreset::W4AFp8) {
    Type codes = IntegerType::get(context, integerBits(preset));
    SchemeAttr weights = groupSize ? SchemeAttr::getGroup(codes, groupSize, bf16)
                                   : SchemeAttr::getSimple(codes, Granularity::channel, bf16);
    if (preset == QuantPreset::W4A16Asym)
      weights = weights.withZeroPoint();
    std::string suffix = text("w", integerBits(preset), preset == QuantPreset::W4A16Asym ? "z" : "");
    if (groupSize)
      suffix += text("g", groupSize);
    return PresetSchemes{weights, preset == QuantPreset::W4AFp8 ? e4m3Tokens : SchemeAttr(), suffix};
  }
  switch (preset) {
  case QuantPreset::Fp8:
    return PresetSchemes{SchemeAttr::getSimple(e4m3, Granularity::channel, f32), e4m3Tokens, "fp8"};
  case QuantPreset::Fp8Tensor:
    return PresetSchemes{SchemeAttr::getSimple(e4m3, Granularity::tensor, f32), e4m3Tokens, "fp8t"};
  case QuantPreset::Fp8Block:
    return PresetSchemes{SchemeAttr::getBlock(e4m3, 128, 128, f32),
                         SchemeAttr::getGroup(e4m3, 128, f32, /*dynamic=*/true), "fp8b"};
  case QuantPreset::W8A8:
    return PresetSchemes{SchemeAttr::getSimple(i8, Granularity::channel, f32),
                         SchemeAttr::getSimple(i8, Granularity::token, f32, /*dynamic=*/true), "w8a8"};
  default:
    return PresetSchemes{};
  }
}

quant::CodeFormat codeFormat(graph::SchemeAttr weights) { return *interp::weightFormat(weights); }

Expected<std::vector<LayerPlan>> planAllLayers(ModuleOp module, const QuantizeOptions &options) {
  Planner planner;
  if (Status status = planner.prepare(module.getContext(), options); !status)
    return status.takeError();
  std::vector<LayerPlan> layers;
  for (auto function : module.getOps<func::FuncOp>())
    function.walk([&](graph::LinearOp linear) { layers.push_back(planner.plan(linear)); });
  if (Status status = planner.checkUsed(); !status)
    return status.takeError();
  return layers;
}

Expected<std::vector<LayerPlan>> planLayers(ModuleOp module, const QuantizeOptions &options) {
  Expected<std::vector<LayerPlan>> layers = planAllLayers(module, options);
  if (layers)
    llvm::erase_if(*layers, [](const LayerPlan &layer) { return !layer.schemes.weights && !layer.prune; });
  return layers;
}

Status checkProducts(ModuleOp module, const QuantizeOptions &options) {
  Expected<std::vector<LayerPlan>> layers = planAllLayers(module, options);
  if (!layers)
    return layers.takeError();
  for (LayerPlan &layer : *layers)
    if (layer.prune && !hasSparseProduct(layer.schemes))
      return Error{text("layer ", layer.name(), ": there is no 2:4 product of ", layer.schemes.suffix,
                        " weights, only of bf16, fp8, fp8_tensor and w8a8; leave it out of pruning, or hold it so"),
                   ExitCode::Unavailable};
  return {};
}

} // namespace qcc
