//===- Modifiers.cpp - Recipes to options ---------------------------------===//

#include "Schemes.h"
#include "qcc/Support/File.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace qcc {
namespace {

/// Fields that every modifier has and that say nothing about one-shot quantization.
void ignoreCommon(Fields &fields) {
  for (const char *key : {"index", "group", "start", "end", "update", "requires_calibration_data"})
    fields.ignore(key);
}

class RecipeReader {
public:
  RecipeReader(const yaml::Node &root, std::string file) : root(root), file(std::move(file)) {}

  Expected<Recipe> read() {
    if (!root.isMapping())
      return Error{text(file, ": a recipe is a mapping of stages, such as `quant_stage: {quant_modifiers: {…}}`")};
    for (const auto &[key, value] : root.members)
      if (Status s = readTop(key, value); !s)
        return s.takeError();
    if (recipe.steps.empty())
      return Error{
          text(file, ": has no modifiers; name one, such as GPTQModifier, below `quant_stage: quant_modifiers:`")};
    if (Status s = check(); !s)
      return s.takeError();
    return std::move(recipe);
  }

private:
  Error refuse(unsigned line, const std::string &why) const { return {text(file, ":", line, ": ", why)}; }

  Status readTop(const std::string &key, const yaml::Node &value) {
    if (key == "args" && (value.isNull() || (value.isMapping() && value.members.empty())))
      return {};
    if (key == "qcc")
      return readCarriedOut(value);
    if (llvm::StringRef(key).ends_with("_modifiers"))
      return readGroup(key, value);
    if (!llvm::StringRef(key).ends_with("_stage"))
      return refuse(value.line, text(quote(key), " is neither a stage (…_stage) nor a group (…_modifiers)"));
    if (!value.isMapping())
      return refuse(value.line, text(quote(key), " must hold groups (…_modifiers)"));
    for (const auto &[group, members] : value.members) {
      if (group == "run_type")
        continue;
      if (!llvm::StringRef(group).ends_with("_modifiers"))
        return refuse(members.line, text(quote(group), " in ", quote(key), " is not a group (…_modifiers)"));
      if (Status s = readGroup(group, members); !s)
        return s;
    }
    return {};
  }

  Status readGroup(const std::string &group, const yaml::Node &value) {
    if (!value.isMapping())
      return refuse(value.line, text(quote(group), " must hold modifiers by name"));
    for (const auto &[name, fields] : value.members)
      if (Status s = readModifier(name, fields); !s)
        return s;
    return {};
  }

  Status readModifier(const std::string &name, const yaml::Node &node) {
    Fields fields(node, file, name);
    ignoreCommon(fields);
    std::string known;
    if (name == "SmoothQuantModifier")
      known = readSmoothQuant(fields, node.line);
    else if (name == "AWQModifier")
      known = readAwq(fields, node.line);
    else if (name == "GPTQModifier")
      known = readGptq(fields, node.line);
    else if (name == "QuantizationModifier")
      known = readQuantization(fields, node.line);
    else if (name == "SparseGPTModifier" || name == "WandaPruningModifier")
      known = readPruning(fields, node.line, name);
    else
      return refuse(node.line, text("unknown modifier ", quote(name),
                                    "; known are SmoothQuantModifier, AWQModifier, GPTQModifier, QuantizationModifier, "
                                    "SparseGPTModifier and WandaPruningModifier"));
    if (Status s = fields.finish(known); !s)
      return s;
    return std::move(status);
  }

  void step(const char *name, unsigned line, const std::string &what) {
    recipe.steps.push_back(text(name, " (line ", line, "): ", what));
  }

  void addMethod(Fields &fields, QuantMethod method) {
    std::vector<QuantMethod> &methods = recipe.options.methods;
    if (llvm::is_contained(methods, method))
      fields.refuse("", "is given twice; join their targets in one modifier");
    else
      methods.push_back(method);
  }

  /// `mappings` of smoothing modifiers: qcc finds producers and consumers in the graph.
  void noteMappings(Fields &fields, const char *modifier) {
    if (fields.node("mappings"))
      addNote(recipe, text(modifier, ": mappings are found in the graph, by what reads a norm, v_proj or up_proj; "
                                     "those of the recipe are not used"));
  }

  std::string readSmoothQuant(Fields &fields, unsigned line) {
    addMethod(fields, QuantMethod::SmoothQuant);
    double alpha = fields.number("smoothing_strength").value_or(0.5);
    if (!(alpha >= 0 && alpha <= 1))
      fields.refuse("smoothing_strength", text(alpha, " must lie in [0, 1]"));
    recipe.options.smoothAlpha = alpha;
    noteMappings(fields, "SmoothQuantModifier");
    recipe.options.smoothExclude = fields.strings("ignore").value_or(std::vector<std::string>());
    if (fields.node("num_calibration_steps"))
      addNote(recipe, "SmoothQuantModifier: num_calibration_steps is not used; --calib-tokens says how much data is");
    fields.ignore("calibration_function");
    if (std::string algorithm = fields.text("algorithm").value_or("smoothquant"); algorithm != "smoothquant")
      fields.refuse("algorithm", quote(algorithm) + " is not built; use smoothquant");
    step("SmoothQuantModifier", line, text("move range from activations into weights, strength ", alpha));
    return "smoothing_strength, mappings, ignore, num_calibration_steps, calibration_function, algorithm";
  }

  std::string readAwq(Fields &fields, unsigned line) {
    addMethod(fields, QuantMethod::Awq);
    noteMappings(fields, "AWQModifier");
    for (const char *key : {"offload_device", "max_chunk_memory"})
      fields.ignore(key);
    if (fields.has("n_grid") || fields.has("duo_scaling"))
      addNote(recipe, "AWQModifier: qcc searches its own grid, which holds the identity and both forms of scales; "
                      "n_grid and duo_scaling are not used");
    fields.ignore("n_grid");
    fields.ignore("duo_scaling");
    bool quantizes = fields.has("config_groups") || fields.has("scheme");
    step("AWQModifier", line,
         quantizes ? "search scales of input channels, then round" : "search scales of input channels");
    if (quantizes) {
      readTargets(fields);
    } else {
      if (fields.has("targets") || fields.has("ignore"))
        addNote(recipe, "AWQModifier: without a scheme it searches scales for every layer that another modifier "
                        "quantizes; its targets and ignore are not used");
      for (const char *key : {"targets", "ignore"})
        fields.ignore(key);
    }
    return "scheme, config_groups, targets, ignore, mappings, duo_scaling, n_grid, offload_device, max_chunk_memory";
  }

  std::optional<double> readDamping(Fields &fields) {
    std::optional<double> damping = fields.number("dampening_frac");
    if (damping && !(*damping > 0 && *damping < 1))
      fields.refuse("dampening_frac", text(*damping, " must lie between 0 and 1"));
    return damping;
  }

  std::string readGptq(Fields &fields, unsigned line) {
    addMethod(fields, QuantMethod::Gptq);
    readTargets(fields);
    recipe.options.damping = readDamping(fields);
    applyActivationOrder(fields, recipe);
    for (const char *key :
         {"block_size", "batched_quantization", "sequential_update", "sequential_targets", "offload_hessians"})
      fields.ignore(key);
    step("GPTQModifier", line, "round with error feedback");
    return "scheme, config_groups, targets, ignore, kv_cache_scheme, dampening_frac, block_size, actorder, "
           "weight_observer, "
           "observer";
  }

  std::string readQuantization(Fields &fields, unsigned line) {
    bool quantizes = fields.has("config_groups") || fields.has("scheme");
    readTargets(fields);
    step("QuantizationModifier", line, quantizes ? "round to nearest" : "choose the K/V cache's type");
    if (quantizes) {
      addMethod(fields, QuantMethod::Rtn);
    }
    return "scheme, config_groups, targets, ignore, kv_cache_scheme, weight_observer, input_observer, observer";
  }

  std::string readPruning(Fields &fields, unsigned line, const std::string &name) {
    std::string structure = fields.text("mask_structure").value_or("0:0");
    if (structure != "2:4")
      fields.refuse("mask_structure",
                    quote(structure) + " has no product here; only 2:4 is multiplied faster than dense weights");
    double sparsity = fields.number("sparsity").value_or(0.5);
    if (sparsity != 0.5)
      fields.refuse("sparsity", text(sparsity, " must be 0.5, the share that 2:4 prunes"));
    if (fields.has("sparsity_profile") || fields.has("owl_m") || fields.has("owl_lmbda"))
      fields.refuse("sparsity_profile", "cannot vary the share of 2:4; leave it and owl_* out");
    if (fields.boolean("preserve_sparsity_mask").value_or(false))
      addNote(recipe, name + ": preserve_sparsity_mask is not used; the mask is chosen anew");
    for (const char *key : {"sparsity_profile", "owl_m", "owl_lmbda", "block_size", "sequential_update",
                            "sequential_targets", "offload_hessians"})
      fields.ignore(key);
    if (recipe.options.prune != PruneKind::None)
      fields.refuse("mask_structure", "is asked for by two modifiers; keep one");
    bool isSparseGpt = name == "SparseGPTModifier";
    recipe.options.prune = isSparseGpt ? PruneKind::SparseGpt : PruneKind::Wanda;
    if (isSparseGpt)
      recipe.options.pruneDamping = readDamping(fields);
    fields.ignore("dampening_frac");
    recipe.options.pruneTargets = fields.strings("targets").value_or(std::vector<std::string>{"Linear"});
    recipe.options.pruneExclude = fields.strings("ignore").value_or(std::vector<std::string>());
    step(name.c_str(), line, "keep two of each four weights");
    return "sparsity, mask_structure, targets, ignore, block_size, dampening_frac, sequential_update, "
           "sequential_targets, "
           "preserve_sparsity_mask, offload_hessians";
  }

  /// targets, ignore, scheme, config_groups, kv_cache_scheme and observers of modifiers that quantize.
  void readTargets(Fields &fields) {
    QuantizeOptions &options = recipe.options;
    std::vector<std::string> targets = fields.strings("targets").value_or(std::vector<std::string>{"Linear"});
    for (const std::string &pattern : fields.strings("ignore").value_or(std::vector<std::string>()))
      if (!llvm::is_contained(options.exclude, pattern))
        options.exclude.push_back(pattern);
    const yaml::Node *groups = fields.node("config_groups"), *scheme = fields.node("scheme"),
                     *cache = fields.node("kv_cache_scheme");
    if (groups && scheme)
      fields.refuse("scheme", "and config_groups are both given; keep one");
    if (scheme)
      readSchemeField(fields, *scheme, targets);
    if (groups)
      readConfigGroups(fields, *groups);
    if (cache)
      keep(readKvCacheScheme(*cache, file, recipe));
    fields.ignore("bypass_divisibility_checks");
    readObservers(fields, recipe);
  }

  /// `scheme: W4A16`, or `scheme: {W4A16: [targets]}`.
  void readSchemeField(Fields &fields, const yaml::Node &scheme, const std::vector<std::string> &targets) {
    auto add = [&](const std::string &name, std::vector<std::string> names) {
      Expected<std::optional<LayerRule>> rule = schemeByName(name);
      if (!rule)
        return fields.refuse("", rule.error().message);
      if (!*rule)
        return fields.refuse("scheme", quote(name) + " is not a scheme of compressed-tensors");
      (*rule)->targets = std::move(names);
      recipe.options.rules.push_back(std::move(**rule));
    };
    if (scheme.isScalar())
      return add(scheme.scalar, targets);
    if (!scheme.isMapping() || scheme.members.empty())
      return fields.refuse("scheme", "must be a name, or a mapping of names to targets");
    for (const auto &[name, members] : scheme.members) {
      std::vector<std::string> names;
      if (members.isScalar())
        names.push_back(members.scalar);
      for (const yaml::Node &item : members.items)
        names.push_back(item.scalar);
      add(name, names);
    }
  }

  void readConfigGroups(Fields &fields, const yaml::Node &groups) {
    if (!groups.isMapping() || groups.members.empty())
      return fields.refuse("config_groups", "must be a mapping of groups, with one at least");
    for (const auto &[name, group] : groups.members) {
      // `W4A16: [targets]`, or a group of any name with its arguments.
      Expected<std::optional<LayerRule>> named = schemeByName(name);
      if (group.isSequence() && named && *named) {
        for (const yaml::Node &item : group.items)
          (*named)->targets.push_back(item.scalar);
        recipe.options.rules.push_back(**named);
        continue;
      }
      LayerRule rule;
      keep(readScheme(group, file, name, rule, recipe));
      recipe.options.rules.push_back(std::move(rule));
    }
  }

  /// What an earlier run noted beside the modifiers (writeRecipe).
  Status readCarriedOut(const yaml::Node &node) {
    Fields fields(node, file, "qcc");
    wasCarriedOut = true;
    QuantizeOptions &options = recipe.options;
    for (const char *key : {"version", "model", "calibration"})
      fields.ignore(key);
    recipe.calibrationHash = fields.text("calibration_sha256").value_or("");
    options.calibTokens = fields.integer("calibration_tokens").value_or(options.calibTokens);
    if (options.calibTokens < 64)
      fields.refuse("calibration_tokens", text(options.calibTokens, " must be at least 64"));
    options.quantizeEmbeddings = fields.boolean("embeddings").value_or(false);
    searchesSmoothing = fields.text("smoothing").value_or("") == "searched";
    if (std::string smoothing = fields.text("smoothing").value_or("searched"); smoothing != "searched")
      fields.refuse("smoothing", quote(smoothing) + " must be searched");
    prune = fields.text("prune").value_or("");
    if (!prune.empty() && prune != "magnitude" && prune != "refit")
      fields.refuse("prune", quote(prune) + " must be magnitude or refit");
    const yaml::Node *layers = fields.node("layers");
    if (Status s = fields.finish("version, model, calibration, calibration_sha256, calibration_tokens, embeddings, "
                                 "smoothing, prune, layers");
        !s)
      return s;
    return layers ? readSearched(*layers) : Status();
  }

  /// layer: {name: value}
  Status readSearched(const yaml::Node &layers) {
    for (const auto &[layer, values] : layers.members)
      for (const auto &[key, value] : values.members) {
        if (!value.isScalar())
          return refuse(value.line, text("qcc: layer ", quote(layer), ": ", quote(key), " must be a single value"));
        if (Status s = checkSearched(key, value.scalar); !s)
          return refuse(value.line, text("qcc: layer ", quote(layer), ": ", s.error().message));
        recipe.options.given[layer][key] = value.scalar;
      }
    return {};
  }

  Status check() {
    QuantizeOptions &options = recipe.options;
    auto has = [&](QuantMethod method) { return llvm::is_contained(options.methods, method); };
    if (has(QuantMethod::Rtn) && has(QuantMethod::Gptq))
      return Error{text(file,
                        ": QuantizationModifier and GPTQModifier both round weights; one recipe has one way for all "
                        "layers, so remove one of them")};
    bool smooths = has(QuantMethod::SmoothQuant) || has(QuantMethod::Awq);
    if (smooths && options.rules.empty())
      return Error{text(file, ": scales are searched for codes, but no modifier quantizes; add GPTQModifier or "
                              "QuantizationModifier behind it, or a scheme to AWQModifier")};
    bool roundsKeys = options.kvCache != KvCacheType::BF16;
    if (!wasCarriedOut && options.rules.empty() && (has(QuantMethod::Gptq) || (has(QuantMethod::Rtn) && !roundsKeys)))
      return Error{text(file, ": ", has(QuantMethod::Gptq) ? "GPTQModifier" : "QuantizationModifier",
                        " has neither scheme nor config_groups, so nothing would be quantized; give it one, as in "
                        "`scheme: W4A16`")};
    if (has(QuantMethod::Awq) && !has(QuantMethod::Gptq) && !has(QuantMethod::Rtn))
      options.methods.push_back(QuantMethod::Rtn);
    options.scales = recipe.observer.value_or(has(QuantMethod::Rtn) ? WeightScales::MinMax : WeightScales::Signed);
    if (searchesSmoothing)
      options.smoothAlpha.reset();
    if (!prune.empty() && options.prune == PruneKind::None)
      return Error{text(file, ": qcc: prune ", prune, " needs SparseGPTModifier, which says what is pruned")};
    if (!prune.empty())
      options.prune = prune == "refit" ? PruneKind::Refit : PruneKind::Magnitude;
    // What a recipe does not ignore it means, lm_head too.
    options.quantizeHead = !options.rules.empty() || options.prune != PruneKind::None;
    // Smoothing comes before rounding, wherever the recipe has it.
    llvm::stable_sort(options.methods, [](QuantMethod a, QuantMethod b) {
      auto roundsWeights = [](QuantMethod m) { return m == QuantMethod::Rtn || m == QuantMethod::Gptq; };
      return !roundsWeights(a) && roundsWeights(b);
    });
    addNotes(recipe);
    return {};
  }

  void keep(Status found) {
    if (status && !found)
      status = std::move(found);
  }

  const yaml::Node &root;
  std::string file;
  std::string prune; ///< a way that llm-compressor has no modifier for
  bool searchesSmoothing = false;
  bool wasCarriedOut = false; ///< what qcc writes may say that nothing was quantized
  Recipe recipe;
  Status status;
};

} // namespace

std::string Recipe::where(const std::string &modifier) const {
  for (const std::string &step : steps)
    if (llvm::StringRef(step).starts_with(modifier + " "))
      return step.substr(0, step.find(':'));
  return modifier;
}

Expected<Recipe> parseRecipe(std::string_view content, const std::string &name) {
  Expected<yaml::Node> root = yaml::parse(content, name);
  if (!root)
    return root.takeError();
  return RecipeReader(*root, name).read();
}

Expected<Recipe> readRecipe(const std::string &path) {
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  constexpr size_t limit = size_t(4) << 20;
  if (file->bytes().size() > limit)
    return Error{text(path, ": ", file->bytes().size(), " bytes are no recipe; the limit is ", limit)};
  return parseRecipe(file->chars(), path);
}

} // namespace qcc
