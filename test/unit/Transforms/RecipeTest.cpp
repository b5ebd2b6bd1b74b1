//===- RecipeTest.cpp - llm-compressor's YAML as options ------------------===//
//
// Recipes are written as llm-compressor's examples and its own saved recipes write them.
//
//===----------------------------------------------------------------------===//

#include "qcc/Transforms/Quantize/Recipe.h"

#include <gtest/gtest.h>

using namespace qcc;

namespace {

Recipe parsed(std::string_view text) {
  Expected<Recipe> recipe = parseRecipe(text, "r.yaml");
  EXPECT_TRUE(recipe) << recipe.error().message;
  return recipe ? *recipe : Recipe();
}

std::string errorOf(std::string_view text) {
  Expected<Recipe> recipe = parseRecipe(text, "r.yaml");
  return recipe ? "no error" : recipe.error().message;
}

std::string modifier(const std::string &name, const std::string &fields) {
  return "quant_stage:\n  quant_modifiers:\n    " + name + ": {" + fields + "}\n";
}

TEST(Recipe, ReadsSmoothQuantThenGptqOfConfigGroups) {
  Recipe recipe = parsed(R"(
quant_stage:
  quant_modifiers:
    SmoothQuantModifier: {smoothing_strength: 0.8}
    GPTQModifier:
      ignore: ["lm_head"]
      config_groups:
        group_0:
          targets: ["Linear"]
          weights: {num_bits: 8, type: int, symmetric: true, strategy: channel}
          input_activations: {num_bits: 8, type: int, symmetric: true, strategy: token, dynamic: true}
)");
  const QuantizeOptions &options = recipe.options;
  EXPECT_EQ(options.methods, (std::vector{QuantMethod::SmoothQuant, QuantMethod::Gptq}));
  EXPECT_EQ(options.smoothAlpha, 0.8);
  EXPECT_EQ(options.exclude, std::vector<std::string>{"lm_head"});
  ASSERT_EQ(options.rules.size(), 1u);
  EXPECT_EQ(options.rules[0].preset, QuantPreset::W8A8);
  EXPECT_EQ(options.rules[0].activations, ActivationScales::Dynamic);
  EXPECT_EQ(options.rules[0].targets, std::vector<std::string>{"Linear"});
  EXPECT_EQ(recipe.steps.size(), 2u);
}

TEST(Recipe, ReadsSavedRecipeWithNamedScheme) {
  Recipe recipe = parsed(R"(
default_stage:
  default_modifiers:
    GPTQModifier:
      targets: [Linear]
      ignore: [lm_head, 're:.*down_proj']
      scheme: W4A16
      block_size: 128
      dampening_frac: 0.01
      actorder: static
      offload_hessians: false
)");
  EXPECT_EQ(recipe.options.damping, 0.01);
  EXPECT_TRUE(recipe.options.activationOrder);
  ASSERT_EQ(recipe.options.rules.size(), 1u);
  EXPECT_EQ(recipe.options.rules[0].preset, QuantPreset::W4A16);
  EXPECT_EQ(recipe.options.rules[0].groupSize, 128);
  EXPECT_EQ(recipe.options.exclude, (std::vector<std::string>{"lm_head", "re:.*down_proj"}));
}

TEST(Recipe, ReadsGroupsThatMixFormats) {
  Recipe recipe = parsed(R"(
quant_stage:
  quant_modifiers:
    QuantizationModifier:
      ignore: [lm_head]
      config_groups:
        attention:
          targets: ['re:.*self_attn.*']
          weights: {num_bits: 8, type: float, strategy: channel}
          input_activations: {num_bits: 8, type: float, strategy: token, dynamic: true}
        mlp:
          targets: ['re:.*mlp.*']
          weights: {num_bits: 4, type: int, strategy: group, group_size: 64, symmetric: false, observer: mse}
      kv_cache_scheme: {num_bits: 8, type: float, strategy: attn_head, dynamic: false, symmetric: true}
)");
  ASSERT_EQ(recipe.options.rules.size(), 2u);
  EXPECT_EQ(recipe.options.rules[0].preset, QuantPreset::Fp8);
  EXPECT_EQ(recipe.options.rules[1].preset, QuantPreset::W4A16Asym);
  EXPECT_EQ(recipe.options.rules[1].groupSize, 64);
  EXPECT_EQ(recipe.options.kvCache, KvCacheType::Fp8);
  EXPECT_EQ(recipe.options.kvScales, KvScales::Head);
  EXPECT_EQ(recipe.options.scales, WeightScales::Grid);
}

TEST(Recipe, ReadsPruningThenFp8) {
  Recipe recipe = parsed(R"(
sparsity_stage:
  run_type: oneshot
  sparsity_modifiers:
    SparseGPTModifier: {sparsity: 0.5, mask_structure: "2:4", targets: ['re:model.layers.\d*$'], block_size: 128}
quantization_stage:
  run_type: oneshot
  quantization_modifiers:
    QuantizationModifier: {targets: ["Linear"], scheme: "FP8_DYNAMIC", ignore: ["lm_head"]}
)");
  EXPECT_EQ(recipe.options.prune, PruneKind::SparseGpt);
  EXPECT_EQ(recipe.options.pruneTargets, std::vector<std::string>{"re:model.layers.\\d*$"});
  EXPECT_EQ(recipe.options.methods, std::vector{QuantMethod::Rtn});
  EXPECT_EQ(recipe.options.rules[0].preset, QuantPreset::Fp8);
}

TEST(Recipe, ReadsAwqWithAndWithoutItsOwnScheme) {
  Recipe own = parsed("default_stage:\n  default_modifiers:\n    AWQModifier: {scheme: W4A16_ASYM, targets: [Linear], "
                      "ignore: [lm_head], duo_scaling: both}\n");
  EXPECT_EQ(own.options.methods, (std::vector{QuantMethod::Awq, QuantMethod::Rtn}));
  EXPECT_EQ(own.options.rules[0].preset, QuantPreset::W4A16Asym);
  EXPECT_EQ(own.notes.size(), 1u);
  Recipe split = parsed("quant_stage:\n  quant_modifiers:\n    AWQModifier: {}\n    GPTQModifier: {scheme: W4A16}\n");
  EXPECT_EQ(split.options.methods, (std::vector{QuantMethod::Awq, QuantMethod::Gptq}));
}

TEST(Recipe, ReadsEveryPresetOfCompressedTensorsThatHasAFormat) {
  using P = QuantPreset;
  for (auto [name, preset, group] : {std::tuple{"W4A16", P::W4A16, 128},
                                     {"w4a16_asym", P::W4A16Asym, 128},
                                     {"W8A16", P::W8A16, 128},
                                     {"W8A8", P::W8A8, 0},
                                     {"INT8", P::W8A8, 0},
                                     {"W4AFP8", P::W4AFp8, 128},
                                     {"FP8", P::Fp8Tensor, 0},
                                     {"FP8_DYNAMIC", P::Fp8, 0},
                                     {"FP8_BLOCK", P::Fp8Block, 0},
                                     {"W3A16", P::W3A16, 128}}) {
    Recipe recipe = parsed(modifier("QuantizationModifier", std::string("scheme: ") + name));
    ASSERT_EQ(recipe.options.rules.size(), 1u) << name;
    EXPECT_EQ(recipe.options.rules[0].preset, preset) << name;
    EXPECT_EQ(recipe.options.rules[0].groupSize, group) << name;
  }
}

TEST(Recipe, DampsPruningAndRoundingEachAsItsModifierSays) {
  const std::string fp8 = "scheme: FP8_DYNAMIC, ignore: [lm_head]";
  auto both = [&](const std::string &pruning, const std::string &rounding) {
    return parsed("quant_stage:\n  quant_modifiers:\n    SparseGPTModifier: {mask_structure: \"2:4\"" + pruning +
                  "}\n    GPTQModifier: {" + fp8 + rounding + "}\n")
        .options;
  };
  EXPECT_EQ(both(", dampening_frac: 0.1", "").pruneDamping, 0.1);
  EXPECT_EQ(both(", dampening_frac: 0.1", "").damping, std::nullopt);
  EXPECT_EQ(both("", ", dampening_frac: 0.02").pruneDamping, std::nullopt);
  EXPECT_EQ(both("", ", dampening_frac: 0.02").damping, 0.02);
  EXPECT_NE(errorOf(modifier("SparseGPTModifier", "mask_structure: \"2:4\", dampening_frac: 1"))
                .find("SparseGPTModifier: dampening_frac 1 must lie between 0 and 1"),
            std::string::npos);
}

/// The notes of a modifier that quantizes, joined.
std::string notesOf(const std::string &name, const std::string &fields, const std::string &before = "") {
  std::string all;
  for (const std::string &note :
       parsed("quant_stage:\n  quant_modifiers:\n" + before + "    " + name + ": {" + fields + "}\n").notes)
    all += note + "\n";
  return all;
}

TEST(Recipe, NotesWhatItDoesOtherwise) {
  const std::string rtn = "QuantizationModifier", gptq = "GPTQModifier";
  auto says = [](const std::string &notes, const char *what) { return notes.find(what) != std::string::npos; };
  // Static scales are searched whatever observer is named; dynamic ones have none.
  EXPECT_TRUE(says(notesOf(rtn, "scheme: FP8, input_observer: minmax"), "static scales of activations"));
  EXPECT_TRUE(says(notesOf(rtn, "scheme: FP8, observer: {input: minmax}"), "static scales of activations"));
  EXPECT_EQ(notesOf(rtn, "scheme: FP8_DYNAMIC, input_observer: minmax"), "");
  // Rounding to nearest has one search for all observers but the range; GPTQ has each.
  for (const char *observer : {"weight_observer: mse", "observer: {weights: mse}", "weight_observer: imatrix_mse"}) {
    EXPECT_TRUE(says(notesOf(rtn, std::string("scheme: W4A16, ") + observer), "are one search")) << observer;
    EXPECT_EQ(notesOf(gptq, std::string("scheme: W4A16, ") + observer), "") << observer;
  }
  EXPECT_EQ(notesOf(rtn, "scheme: W4A16, weight_observer: minmax"), "");
  // Without a scheme AWQ takes the layers of the modifier that has one.
  EXPECT_TRUE(says(notesOf(gptq, "scheme: W4A16", "    AWQModifier: {ignore: ['re:.*down_proj']}\n"),
                   "its targets and ignore are not used"));
  EXPECT_EQ(notesOf(gptq, "scheme: W4A16", "    AWQModifier: {}\n"), "");
  EXPECT_EQ(notesOf("AWQModifier", "scheme: W4A16, ignore: [lm_head]"), "");
  EXPECT_TRUE(says(
      notesOf(gptq, "scheme: W8A8", "    SmoothQuantModifier: {ignore: ['re:.*down_proj']}\n    AWQModifier: {}\n"),
      "AWQModifier searches no scales for what `ignore` names either"));
  EXPECT_TRUE(says(notesOf(gptq, "scheme: W8A8", "    SmoothQuantModifier: {num_calibration_steps: 512}\n"),
                   "num_calibration_steps is not used"));
  const std::string observed =
      "targets: [Linear], weights: {num_bits: 4, strategy: channel, observer_kwargs: {grid: 9}}";
  EXPECT_TRUE(says(notesOf(gptq, "config_groups: {g: {" + observed + "}}"), "observer_kwargs"));
  EXPECT_TRUE(says(notesOf("SparseGPTModifier", "mask_structure: \"2:4\", preserve_sparsity_mask: true"),
                   "the mask is chosen anew"));
}

TEST(Recipe, KeepsSearchedValues) {
  Recipe recipe =
      parsed("quant_stage:\n  quant_modifiers:\n    GPTQModifier: {scheme: W4A16}\nqcc:\n  version: 1\n  layers:\n"
             "    model.layers.0.mlp.up_proj: {damping: 0.05, correction: 0.75}\n");
  EXPECT_EQ(recipe.options.given["model.layers.0.mlp.up_proj"]["correction"], "0.75");
}

TEST(Recipe, RefusesWhatItDoesNotKnow) {
  EXPECT_NE(errorOf("").find("r.yaml: a recipe is a mapping of stages"), std::string::npos);
  EXPECT_NE(errorOf(modifier("MagnitudeModifier", ""))
                .find("r.yaml:3: unknown modifier 'MagnitudeModifier'; known are SmoothQuantModifier"),
            std::string::npos);
  EXPECT_NE(errorOf(modifier("GPTQModifier", "scheme: W4A16, dampening: 0.1"))
                .find("GPTQModifier has no field 'dampening'; known are scheme"),
            std::string::npos);
  EXPECT_NE(
      errorOf(modifier("GPTQModifier", "scheme: NVFP4")).find("scheme 'NVFP4' has no format in qcc; it has W4A16"),
      std::string::npos);
  EXPECT_NE(errorOf(modifier("GPTQModifier", "scheme: W4A17X")).find("'W4A17X'"), std::string::npos);
  EXPECT_NE(errorOf("quant_stage: [1, 2]\n").find("must hold groups"), std::string::npos);
  EXPECT_NE(errorOf("stuff: {}\n").find("'stuff' is neither a stage"), std::string::npos);
}

TEST(Recipe, RefusesValuesOutOfRange) {
  EXPECT_NE(errorOf(modifier("GPTQModifier", "scheme: W4A16, dampening_frac: 2"))
                .find("dampening_frac 2 must lie between 0 and 1"),
            std::string::npos);
  EXPECT_NE(
      errorOf(modifier("GPTQModifier", "scheme: W4A16, dampening_frac: x")).find("dampening_frac 'x' must be a number"),
      std::string::npos);
  EXPECT_NE(errorOf(modifier("SmoothQuantModifier", "smoothing_strength: 1.5"))
                .find("smoothing_strength 1.5 must lie in [0, 1]"),
            std::string::npos);
  EXPECT_NE(
      errorOf(modifier("SparseGPTModifier", "sparsity: 0.7, mask_structure: \"2:4\"")).find("sparsity 0.7 must be 0.5"),
      std::string::npos);
  EXPECT_NE(errorOf(modifier("GPTQModifier", "scheme: W4A16, observer: mse"))
                .find("observer must be a mapping such as {weights: mse"),
            std::string::npos);
  EXPECT_NE(errorOf(modifier("GPTQModifier", "scheme: W4A16, observer: {weight: mse}"))
                .find("observer 'weight' must be weights, input or output"),
            std::string::npos);
  EXPECT_NE(errorOf(modifier("WandaPruningModifier", "sparsity: 0.5")).find("mask_structure '0:0' has no product here"),
            std::string::npos);
  EXPECT_NE(errorOf(modifier("QuantizationModifier", "config_groups: {g: {weights: {num_bits: 5, strategy: channel}}}"))
                .find("weights 5-bit integer per channel have no format"),
            std::string::npos);
}

TEST(Recipe, RefusesContradictions) {
  EXPECT_NE(errorOf("quant_stage:\n  quant_modifiers:\n    GPTQModifier: {scheme: W4A16}\n    QuantizationModifier: "
                    "{scheme: FP8}\n")
                .find("both round weights"),
            std::string::npos);
  EXPECT_NE(errorOf(modifier("SmoothQuantModifier", "smoothing_strength: 0.5")).find("no modifier quantizes"),
            std::string::npos);
  EXPECT_NE(errorOf(modifier("GPTQModifier", "scheme: W4A16, config_groups: {g: {weights: {num_bits: 4}}}"))
                .find("both given"),
            std::string::npos);
  EXPECT_NE(errorOf("a_stage:\n  a_modifiers:\n    GPTQModifier: {scheme: W4A16}\n    GPTQModifier: {scheme: W4A16}\n")
                .find("'GPTQModifier' is given twice"),
            std::string::npos);
}

TEST(Recipe, RefusesBrokenYaml) {
  EXPECT_NE(errorOf("quant_stage: {a: [1, 2\n").find("r.yaml:"), std::string::npos);
  EXPECT_NE(errorOf("a: &x {b: 1}\n").find("anchors"), std::string::npos);
  EXPECT_NE(errorOf("a: 1\n---\nb: 2\n").find("several YAML documents"), std::string::npos);
  std::string deep;
  for (int i = 0; i < 100; ++i)
    deep += "{a: ";
  EXPECT_NE(errorOf(deep + "1" + std::string(100, '}')).find("nested deeper"), std::string::npos);
}

} // namespace
