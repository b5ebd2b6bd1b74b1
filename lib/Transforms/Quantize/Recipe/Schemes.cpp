//===- Schemes.cpp --------------------------------------------------------===//

#include "Schemes.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringSwitch.h"

namespace qcc {
namespace {

/// compressed-tensors' QuantizationArgs, as far as they decide a format.
struct Args {
  int64_t bits = 8;
  bool isFloat = false, symmetric = true, dynamic = false;
  std::string strategy = "tensor";
  int64_t group = 0;
  std::vector<int64_t> block;

  bool is(int64_t wantedBits, bool wantedFloat, std::string_view wantedStrategy) const {
    return bits == wantedBits && isFloat == wantedFloat && strategy == wantedStrategy;
  }
  std::string described() const {
    std::string result = text(symmetric ? "" : "asymmetric ", dynamic ? "dynamic " : "", bits, "-bit ",
                              isFloat ? "float" : "integer", " per ", strategy);
    return group > 0 ? text(result, " of ", group) : result;
  }
};

constexpr const char *kArgsFields =
    "num_bits, type, symmetric, strategy, group_size, block_structure, dynamic, actorder, "
    "observer, observer_kwargs, scale_dtype, zp_dtype, is_online";

std::vector<int64_t> readBlock(Fields &fields) {
  std::vector<int64_t> result;
  if (!fields.has("block_structure"))
    return fields.ignore("block_structure"), result;
  std::vector<std::string> parts = *fields.strings("block_structure");
  if (parts.size() == 1) { // "128x128"
    llvm::SmallVector<llvm::StringRef> pieces;
    llvm::StringRef(parts[0]).split(pieces, 'x');
    parts.assign(pieces.begin(), pieces.end());
  }
  for (const std::string &part : parts)
    if (int64_t extent; llvm::StringRef(part).getAsInteger(10, extent))
      fields.refuse("block_structure", quote(part) + " must be two integers");
    else
      result.push_back(extent);
  return result;
}

Expected<Args> readArgs(const yaml::Node &node, const std::string &file, const std::string &name, Recipe &recipe,
                        bool isWeight) {
  Fields fields(node, file, name);
  Args args;
  args.bits = fields.integer("num_bits").value_or(8);
  std::string type = fields.text("type").value_or("int");
  args.isFloat = type == "float";
  if (type != "int" && type != "float")
    fields.refuse("type", quote(type) + " must be int or float");
  args.symmetric = fields.boolean("symmetric").value_or(true);
  args.group = fields.integer("group_size").value_or(0);
  args.block = readBlock(fields);
  std::optional<std::string> strategy = fields.text("strategy");
  args.strategy = strategy              ? *strategy
                  : !args.block.empty() ? "block"
                  : args.group > 0      ? "group"
                  : args.group == -1    ? "channel"
                                        : "tensor";
  std::string dynamic = fields.text("dynamic").value_or("false");
  args.dynamic = llvm::StringRef(dynamic).lower() == "true";
  if (llvm::StringRef(dynamic).lower() == "local")
    fields.refuse("dynamic", "'local' belongs to NVFP4, which qcc does not hold yet; use FP8 or W4A16");
  std::optional<std::string> observer = fields.text("observer");
  if (isWeight) {
    applyActivationOrder(fields, recipe);
    if (observer)
      applyObserver(fields, "observer", *observer, recipe);
  } else {
    fields.ignore("actorder");
  }
  if (fields.node("observer_kwargs"))
    addNote(recipe, "observer_kwargs: searches have grids of their own; these are not used");
  for (const char *key : {"scale_dtype", "zp_dtype", "is_online"})
    fields.ignore(key);
  if (Status s = fields.finish(kArgsFields); !s)
    return s.takeError();
  return args;
}

/// The preset of weights and activations, or why there is none.
Expected<LayerRule> ruleOf(const Args &weights, const std::optional<Args> &activations) {
  using P = QuantPreset;
  using A = ActivationScales;
  auto rule = [](P preset, int64_t group, A scales = A::Auto) { return LayerRule{{}, preset, group, scales}; };
  bool grouped = weights.strategy == "group", perChannel = weights.strategy == "channel";
  int64_t group = perChannel ? 0 : weights.group;
  bool validGroup = perChannel || (grouped && (group == 32 || group == 64 || group == 128));
  if (!activations && !weights.isFloat && validGroup) {
    if (weights.bits == 4)
      return rule(weights.symmetric ? P::W4A16 : P::W4A16Asym, group);
    if (weights.symmetric && (weights.bits == 8 || weights.bits == 3 || weights.bits == 2))
      return rule(weights.bits == 8 ? P::W8A16 : weights.bits == 3 ? P::W3A16 : P::W2A16, group);
  }
  if (activations && weights.symmetric && activations->symmetric) {
    A scales = activations->dynamic ? A::Dynamic : A::Static;
    bool token = activations->strategy == "token" && activations->dynamic;
    bool tensor = activations->strategy == "tensor" && !activations->dynamic;
    bool eightBits = activations->bits == 8;
    if (eightBits && !activations->isFloat && weights.is(8, false, "channel") && (token || tensor))
      return rule(P::W8A8, 0, scales);
    if (eightBits && activations->isFloat && (token || tensor)) {
      if (weights.is(8, true, "channel"))
        return rule(P::Fp8, 0, scales);
      if (weights.is(8, true, "tensor"))
        return rule(P::Fp8Tensor, 0, scales);
    }
    if (eightBits && activations->isFloat && token && weights.bits == 4 && !weights.isFloat && validGroup)
      return rule(P::W4AFp8, group);
    if (weights.is(8, true, "block") && weights.block == std::vector<int64_t>{128, 128} &&
        activations->is(8, true, "group") && activations->dynamic && activations->group == 128)
      return rule(P::Fp8Block, 0);
  }
  std::string what = text("weights ", weights.described());
  if (activations)
    what += text(" with activations ", activations->described());
  return Error{text(what,
                    " have no format in qcc; it has int 2, 3, 4, 8 in groups of 32, 64, 128 or per channel with bf16 "
                    "activations, int8 per channel with int8 activations per token or tensor, float 8 per channel or "
                    "tensor with float 8 per token or tensor, float 8 in blocks of 128 x 128, and int4 with float 8 "
                    "per token")};
}

} // namespace

void applyActivationOrder(Fields &fields, Recipe &recipe) {
  if (!fields.has("actorder"))
    return fields.ignore("actorder");
  std::string order = llvm::StringRef(*fields.text("actorder")).lower();
  if (order == "group" || order == "dynamic")
    addNote(recipe, "actorder group needs a gather of activations at run time; columns are taken in the same order, "
                    "but groups stay contiguous (actorder static)");
  else if (order == "false")
    recipe.options.activationOrder = false;
  else if (order != "weight" && order != "static")
    fields.refuse("actorder", quote(order) + " must be static, weight, group, dynamic or null");
}

void applyObserver(Fields &fields, std::string_view key, const std::string &observer, Recipe &recipe) {
  auto scales = llvm::StringSwitch<std::optional<WeightScales>>(llvm::StringRef(observer).lower())
                    .Cases({"minmax", "memoryless_minmax", "static_minmax"}, WeightScales::MinMax)
                    .Cases({"mse", "memoryless_mse"}, WeightScales::Grid)
                    .Case("imatrix_mse", WeightScales::Signed)
                    .Default(std::nullopt);
  if (!scales)
    return fields.refuse(key, quote(observer) + " is not known; known are minmax, mse and imatrix_mse");
  recipe.observer = *scales;
}

void readObservers(Fields &fields, Recipe &recipe) {
  // Those of inputs do not choose anything (addNotes).
  for (const char *key : {"input_observer", "output_observer"})
    fields.ignore(key);
  if (auto observer = fields.text("weight_observer"))
    applyObserver(fields, "weight_observer", *observer, recipe);
  const yaml::Node *observers = fields.node("observer");
  if (!observers)
    return;
  if (!observers->isMapping())
    return fields.refuse("observer", "must be a mapping such as {weights: mse, input: minmax}");
  for (const auto &[what, observer] : observers->members)
    if (what == "weights")
      applyObserver(fields, "observer", observer.scalar, recipe);
    else if (what != "input" && what != "output")
      fields.refuse("observer", quote(what) + " must be weights, input or output");
}

void addNote(Recipe &recipe, const std::string &note) {
  if (!llvm::is_contained(recipe.notes, note))
    recipe.notes.push_back(note);
}

void addNotes(Recipe &recipe) {
  const QuantizeOptions &options = recipe.options;
  auto has = [&](QuantMethod method) { return llvm::is_contained(options.methods, method); };
  if (hasStaticActivations(options))
    addNote(recipe, "static scales of activations are those of the least squared error over the calibration data "
                    "(observer mse), whatever observer is named");
  if (has(QuantMethod::Rtn) && options.scales != WeightScales::MinMax)
    addNote(recipe, "observers mse and imatrix_mse of weights that are rounded to nearest are one search: mse's grid, "
                    "both signs, scales refit to their codes; columns count alike");
  if (has(QuantMethod::SmoothQuant) && has(QuantMethod::Awq) && !options.smoothExclude.empty())
    addNote(recipe, "SmoothQuantModifier: AWQModifier searches no scales for what `ignore` names either");
}

Expected<std::optional<LayerRule>> schemeByName(const std::string &name) {
  using P = QuantPreset;
  std::string upper = llvm::StringRef(name).upper();
  auto rule = [](P preset, int64_t group, ActivationScales scales = ActivationScales::Auto) {
    return std::optional(LayerRule{{}, preset, group, scales});
  };
  constexpr auto dynamic = ActivationScales::Dynamic, fixed = ActivationScales::Static;
  auto found = llvm::StringSwitch<std::optional<LayerRule>>(upper)
                   .Case("UNQUANTIZED", rule(P::None, 0))
                   .Case("W4A16", rule(P::W4A16, 128))
                   .Case("W4A16_ASYM", rule(P::W4A16Asym, 128))
                   .Case("W8A16", rule(P::W8A16, 128))
                   .Case("W3A16", rule(P::W3A16, 128))
                   .Case("W2A16", rule(P::W2A16, 128))
                   .Cases({"W8A8", "INT8"}, rule(P::W8A8, 0, dynamic))
                   .Case("W4AFP8", rule(P::W4AFp8, 128))
                   .Case("FP8", rule(P::Fp8Tensor, 0, fixed))
                   .Case("FP8_DYNAMIC", rule(P::Fp8, 0, dynamic))
                   .Case("FP8_BLOCK", rule(P::Fp8Block, 0))
                   .Default(std::nullopt);
  if (found)
    return found;
  bool isKnown = llvm::is_contained({"NVFP4", "NVFP4A16", "MXFP4", "MXFP4A16", "MXFP8", "MXFP8A16"}, upper) ||
                 (upper.size() >= 4 && upper[0] == 'W' && upper[2] == 'A');
  if (isKnown)
    return Error{text("scheme ", quote(name),
                      " has no format in qcc; it has W4A16, W4A16_ASYM, W8A16, W8A8, W4AFP8, FP8, "
                      "FP8_DYNAMIC, FP8_BLOCK, and for evaluation W3A16 and W2A16")};
  return std::optional<LayerRule>();
}

Status readScheme(const yaml::Node &node, const std::string &file, const std::string &name, LayerRule &rule,
                  Recipe &recipe) {
  Fields fields(node, file, name);
  std::vector<std::string> targets = fields.strings("targets").value_or(std::vector<std::string>{"Linear"});
  const yaml::Node *weights = fields.node("weights"), *inputs = fields.node("input_activations");
  if (fields.node("output_activations"))
    fields.refuse("output_activations", "are not quantized by any product here; leave it out");
  fields.ignore("format");
  if (Status s = fields.finish("targets, weights, input_activations, output_activations, format"); !s)
    return s;
  if (!weights)
    return Error{text(file, ":", node.line, ": ", name, " quantizes no weights; give it `weights`")};
  Expected<Args> w = readArgs(*weights, file, name + ".weights", recipe, /*isWeight=*/true);
  if (!w)
    return w.takeError();
  std::optional<Args> a;
  if (inputs) {
    Expected<Args> read = readArgs(*inputs, file, name + ".input_activations", recipe, /*isWeight=*/false);
    if (!read)
      return read.takeError();
    a = *read;
  }
  Expected<LayerRule> found = ruleOf(*w, a);
  if (!found)
    return Error{text(file, ":", node.line, ": ", name, ": ", found.error().message)};
  rule = *found;
  rule.targets = std::move(targets);
  return {};
}

Status readKvCacheScheme(const yaml::Node &node, const std::string &file, Recipe &recipe) {
  Expected<Args> args = readArgs(node, file, "kv_cache_scheme", recipe, /*isWeight=*/false);
  if (!args)
    return args.takeError();
  QuantizeOptions &options = recipe.options;
  bool perHead = args->strategy == "attn_head", perTensor = args->strategy == "tensor";
  if (args->bits == 8 && args->isFloat && args->symmetric && !args->dynamic && (perHead || perTensor)) {
    options.kvCache = KvCacheType::Fp8;
    options.kvScales = perHead ? KvScales::Head : KvScales::Tensor;
    return {};
  }
  if (args->bits == 8 && !args->isFloat && args->symmetric) {
    options.kvCache = KvCacheType::Int8;
    if (!args->dynamic || !perHead)
      recipe.notes.push_back(
          "kv_cache_scheme: int8 keys and values have a scale per token and head, which is finer than " +
          args->described());
    return {};
  }
  return Error{text(file, ":", node.line, ": kv_cache_scheme ", args->described(),
                    " has no format in qcc; it has float 8 per tensor or attn_head, static, and int 8")};
}

} // namespace qcc
