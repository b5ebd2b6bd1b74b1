//===- Write.cpp - Options as a recipe ------------------------------------===//

#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Recipe.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace qcc {
namespace {

constexpr const char *kHead = "lm_head";

/// A YAML scalar: bare where nothing in it means something to YAML.
std::string scalar(llvm::StringRef value) {
  bool isBare = !value.empty() && llvm::isAlpha(value.front()) && llvm::all_of(value, [](char c) {
    return llvm::isAlnum(c) || c == '.' || c == '_' || c == '+' || c == '-';
  });
  if (isBare)
    return value.str();
  std::string quoted = "\"";
  for (unsigned char c : value)
    if (c == '"' || c == '\\')
      quoted += {'\\', char(c)};
    else if (c < 0x20 || c == 0x7f)
      quoted += "\\x" + llvm::utohexstr(c, /*LowerCase=*/false, /*Width=*/2);
    else
      quoted += char(c);
  return quoted + "\"";
}

std::string list(const std::vector<std::string> &values) {
  return "[" + llvm::join(llvm::map_range(values, [](const std::string &value) { return scalar(value); }), ", ") + "]";
}

std::string integers(int bits, int64_t group, bool symmetric = true) {
  std::string args =
      text("{num_bits: ", bits, ", type: int, symmetric: ", symmetric ? "true" : "false", ", strategy: ");
  return args + (group ? text("group, group_size: ", group, "}") : std::string("channel}"));
}

/// `weights` and `input_activations` of compressed-tensors, as Schemes.cpp reads them.
struct GroupArgs {
  std::string weights, activations;
};
GroupArgs argsOf(QuantPreset preset, int64_t group, ActivationScales scales) {
  using P = QuantPreset;
  auto activations = [&](const char *type) {
    return text("{num_bits: 8, type: ", type, ", symmetric: true, strategy: ",
                scales == ActivationScales::Static ? "tensor, dynamic: false}" : "token, dynamic: true}");
  };
  switch (preset) {
  case P::None:
    return {};
  case P::Fp8:
    return {"{num_bits: 8, type: float, symmetric: true, strategy: channel}", activations("float")};
  case P::Fp8Tensor:
    return {"{num_bits: 8, type: float, symmetric: true, strategy: tensor}", activations("float")};
  case P::Fp8Block:
    return {"{num_bits: 8, type: float, symmetric: true, strategy: block, block_structure: [128, 128]}",
            "{num_bits: 8, type: float, symmetric: true, strategy: group, group_size: 128, dynamic: true}"};
  case P::W8A16:
    return {integers(8, group), ""};
  case P::W4A16:
    return {integers(4, group), ""};
  case P::W4A16Asym:
    return {integers(4, group, /*symmetric=*/false), ""};
  case P::W3A16:
    return {integers(3, group), ""};
  case P::W2A16:
    return {integers(2, group), ""};
  case P::W8A8:
    return {integers(8, 0), activations("int")};
  case P::W4AFp8:
    return {integers(4, group), activations("float")};
  }
  return {};
}

class RecipeWriter {
public:
  explicit RecipeWriter(const QuantizeOptions &options) : options(options), rules(options.rules) {
    if (rules.empty() && options.preset != QuantPreset::None)
      rules.push_back({{"Linear"}, options.preset, options.groupSize, options.activations});
  }

  std::string write(const SearchedValues &searched, const RecipeSource &source) {
    out = "quant_stage:\n  quant_modifiers:\n";
    writePruning();
    for (QuantMethod method : options.methods)
      if (method == QuantMethod::SmoothQuant)
        writeSmoothQuant();
      else if (method == QuantMethod::Awq)
        out += "    AWQModifier: {}\n";
    writeRounding();
    out += "qcc:\n";
    writeSource(source);
    if (options.quantizeEmbeddings)
      out += "  embeddings: true\n";
    if (llvm::is_contained(options.methods, QuantMethod::SmoothQuant) && !options.smoothAlpha)
      out += "  smoothing: searched\n";
    if (options.prune == PruneKind::Magnitude || options.prune == PruneKind::Refit)
      out += text("  prune: ", options.prune == PruneKind::Refit ? "refit" : "magnitude", "\n");
    writeSearched(searched);
    return std::move(out);
  }

private:
  bool isHeadIgnored() const { return !options.quantizeHead; }

  std::vector<std::string> withHead(std::vector<std::string> patterns) const {
    if (isHeadIgnored() && !llvm::is_contained(patterns, kHead))
      patterns.insert(patterns.begin(), kHead);
    return patterns;
  }

  void writePruning() {
    if (options.prune == PruneKind::None)
      return;
    bool isSparseGpt = options.prune == PruneKind::SparseGpt || options.prune == PruneKind::Refit;
    std::vector<std::string> targets = options.pruneTargets;
    if (targets.empty())
      targets.push_back("Linear");
    out += text("    ", isSparseGpt ? "SparseGPTModifier" : "WandaPruningModifier", ":\n      sparsity: 0.5\n",
                "      mask_structure: \"2:4\"\n      targets: ", list(targets), "\n");
    if (std::vector<std::string> ignored = withHead(options.pruneExclude); !ignored.empty())
      out += text("      ignore: ", list(ignored), "\n");
    if (isSparseGpt && options.pruneDamping)
      out += text("      dampening_frac: ", exactly(*options.pruneDamping), "\n");
  }

  void writeSmoothQuant() {
    out += "    SmoothQuantModifier:";
    if (!options.smoothAlpha && options.smoothExclude.empty())
      out += " {}";
    out += "\n";
    if (options.smoothAlpha)
      out += text("      smoothing_strength: ", exactly(*options.smoothAlpha), "\n");
    if (!options.smoothExclude.empty())
      out += text("      ignore: ", list(options.smoothExclude), "\n");
  }

  void writeRounding() {
    bool solves = llvm::is_contained(options.methods, QuantMethod::Gptq);
    bool hasCache = options.kvCache != KvCacheType::BF16;
    if (rules.empty() && !hasCache && options.prune != PruneKind::None)
      return;
    out += text("    ", solves ? "GPTQModifier" : "QuantizationModifier", ":", rules.empty() && !hasCache ? " {}" : "",
                "\n");
    if (!rules.empty())
      writeRules(solves);
    if (hasCache)
      writeCache();
  }

  void writeRules(bool solves) {
    if (std::vector<std::string> ignored = withHead(options.exclude); !ignored.empty())
      out += text("      ignore: ", list(ignored), "\n");
    WeightScales usual = solves ? WeightScales::Signed : WeightScales::MinMax;
    if (options.scales != usual)
      out += text("      weight_observer: ",
                  options.scales == WeightScales::Signed ? "imatrix_mse"
                  : options.scales == WeightScales::Grid ? "mse"
                                                         : "minmax",
                  "\n");
    if (solves && options.damping)
      out += text("      dampening_frac: ", exactly(*options.damping), "\n");
    if (solves)
      out += text("      actorder: ", options.activationOrder ? "static" : "false", "\n");
    out += "      config_groups:\n";
    for (auto [number, rule] : llvm::enumerate(rules)) {
      GroupArgs args = argsOf(rule.preset, rule.groupSize, rule.activations);
      if (args.weights.empty()) {
        out += text("        UNQUANTIZED: ", list(rule.targets), "\n");
        continue;
      }
      out += text("        group_", number, ":\n          targets: ", list(rule.targets),
                  "\n          weights: ", args.weights, "\n");
      if (!args.activations.empty())
        out += text("          input_activations: ", args.activations, "\n");
    }
  }

  void writeCache() {
    if (options.kvCache == KvCacheType::Int8)
      out += "      kv_cache_scheme: {num_bits: 8, type: int, symmetric: true, strategy: attn_head, dynamic: true}\n";
    else
      out += text("      kv_cache_scheme: {num_bits: 8, type: float, symmetric: true, strategy: ",
                  options.kvScales == KvScales::Head ? "attn_head" : "tensor", ", dynamic: false}\n");
  }

  void writeSource(const RecipeSource &source) {
    auto line = [&](const char *key, const std::string &value) {
      if (!value.empty())
        out += text("  ", key, ": ", scalar(value), "\n");
    };
    line("version", source.version);
    line("model", source.model);
    line("calibration", source.calibration);
    line("calibration_sha256", source.calibrationHash);
    if (!options.calib.empty())
      out += text("  calibration_tokens: ", options.calibTokens, "\n");
  }

  void writeSearched(const SearchedValues &searched) {
    if (searched.empty())
      return;
    out += "  layers:\n";
    for (const auto &[layer, values] : searched) {
      out += text("    ", scalar(layer), ": {");
      for (const auto &[name, value] : values)
        out += text(name == values.begin()->first ? "" : ", ", name, ": ", value);
      out += "}\n";
    }
  }

  const QuantizeOptions &options;
  std::vector<LayerRule> rules;
  std::string out;
};

} // namespace

QuantizeOptions simplified(QuantizeOptions options) {
  bool isPruned = options.prune != PruneKind::None;
  bool headStays = options.rules.empty() ? isPruned && llvm::is_contained(options.pruneExclude, kHead)
                                         : llvm::is_contained(options.exclude, kHead);
  if (headStays) {
    options.quantizeHead = false;
    llvm::erase(options.exclude, kHead);
    llvm::erase(options.pruneExclude, kHead);
  }
  if (options.rules.empty() && isPruned)
    options.exclude = options.pruneExclude;
  if (options.rules.size() == 1 && options.rules[0].targets == std::vector<std::string>{"Linear"}) {
    options.preset = options.rules[0].preset;
    options.groupSize = options.rules[0].groupSize;
    options.activations = options.rules[0].activations;
    options.rules.clear();
  }
  if (options.pruneTargets == std::vector<std::string>{"Linear"})
    options.pruneTargets.clear();
  return options;
}

std::string writeRecipe(const QuantizeOptions &options, const SearchedValues &searched, const RecipeSource &source) {
  return RecipeWriter(options).write(searched, source);
}

} // namespace qcc
