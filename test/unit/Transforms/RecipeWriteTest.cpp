//===- RecipeWriteTest.cpp - Options as recipes, and back -----------------===//
//
// What is written must be read as the same request (the reader is tested on llm-compressor's own files), and written
// again as the same text: an engine made from the recipe of another engine carries that recipe.
//
//===----------------------------------------------------------------------===//

#include "qcc/Transforms/Quantize/Recipe.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace qcc;

namespace {

const RecipeSource kSource{"0.1.0", "0123abcd", "my calib.txt", "77aa"};

Recipe parsed(const std::string &text) {
  Expected<Recipe> recipe = parseRecipe(text, "r.yaml");
  EXPECT_TRUE(recipe) << recipe.error().message << "\n" << text;
  return recipe ? *recipe : Recipe();
}

std::string errorOf(const std::string &text) {
  Expected<Recipe> recipe = parseRecipe(text, "r.yaml");
  return recipe ? "no error" : recipe.error().message;
}

/// The options that reading gives, as the tools take them.
QuantizeOptions reread(const QuantizeOptions &options, const SearchedValues &searched = {}) {
  std::string text = writeRecipe(options, searched, kSource);
  QuantizeOptions again = simplified(parsed(text).options);
  again.calib = options.calib;
  again = resolved(again);
  EXPECT_EQ(writeRecipe(again, again.given, kSource), text);
  return again;
}

TEST(RecipeWrite, EveryPresetComesBack) {
  using P = QuantPreset;
  using A = ActivationScales;
  for (P preset : {P::None, P::Fp8, P::Fp8Tensor, P::Fp8Block, P::W8A16, P::W4A16, P::W4A16Asym, P::W8A8, P::W4AFp8,
                   P::W3A16, P::W2A16})
    for (A scales : {A::Dynamic, A::Static})
      for (int64_t group : {0, 32, 64, 128}) {
        QuantizeOptions options;
        options.preset = preset;
        options.groupSize = group;
        options.activations = scales;
        options.calib = "c.txt";
        bool grouped = preset == P::W8A16 || preset == P::W4A16 || preset == P::W4A16Asym || preset == P::W4AFp8 ||
                       preset == P::W3A16 || preset == P::W2A16;
        bool hasChoice = preset == P::Fp8 || preset == P::Fp8Tensor || preset == P::W8A8;
        if (!hasChoice && scales == A::Static)
          continue; // the flags refuse it
        options = resolved(options);
        QuantizeOptions again = reread(options);
        EXPECT_EQ(again.preset, preset);
        EXPECT_TRUE(again.rules.empty());
        EXPECT_EQ(again.activations, options.activations) << int(preset);
        EXPECT_EQ(again.methods, options.methods);
        EXPECT_EQ(again.scales, options.scales);
        EXPECT_EQ(again.quantizeHead, false);
        if (grouped) {
          EXPECT_EQ(again.groupSize, group) << int(preset);
        }
      }
}

TEST(RecipeWrite, EveryMethodComesBack) {
  using M = QuantMethod;
  for (const std::vector<M> &methods :
       {std::vector{M::Rtn}, {M::Gptq}, {M::Awq, M::Gptq}, {M::SmoothQuant, M::Rtn}, {M::Awq, M::SmoothQuant, M::Gptq}})
    for (WeightScales scales : {WeightScales::Signed, WeightScales::Grid, WeightScales::MinMax})
      for (bool isHeadToo : {false, true}) {
        QuantizeOptions options;
        options.preset = QuantPreset::W4A16;
        options.calib = "c.txt";
        options.methods = methods;
        options.scales = scales;
        options.quantizeHead = isHeadToo;
        options.quantizeEmbeddings = isHeadToo;
        options.activationOrder = !isHeadToo;
        options.exclude = {"re:.*\\.layers\\.0\\..*", "odd \"name\\'\x01"};
        options.damping = 1.0 / 3;
        QuantizeOptions again = reread(resolved(options));
        EXPECT_EQ(again.methods, methods);
        EXPECT_EQ(again.scales, scales);
        EXPECT_EQ(again.quantizeHead, isHeadToo);
        EXPECT_EQ(again.quantizeEmbeddings, isHeadToo);
        EXPECT_EQ(again.exclude, options.exclude);
        EXPECT_EQ(again.smoothAlpha, std::nullopt);
        if (methods.back() == M::Gptq) {
          EXPECT_EQ(again.damping, options.damping);
          EXPECT_EQ(again.activationOrder, options.activationOrder);
        }
      }
  QuantizeOptions fixed;
  fixed.preset = QuantPreset::W8A8;
  fixed.methods = {M::SmoothQuant};
  fixed.smoothAlpha = 0.1 + 0.2;
  fixed.smoothExclude = {"re:.*down_proj"};
  QuantizeOptions again = reread(resolved(fixed));
  EXPECT_EQ(again.smoothAlpha, 0.1 + 0.2);
  EXPECT_EQ(again.smoothExclude, fixed.smoothExclude);
}

TEST(RecipeWrite, PruningAndCachesComeBack) {
  for (PruneKind prune : {PruneKind::Magnitude, PruneKind::Wanda, PruneKind::SparseGpt, PruneKind::Refit})
    for (QuantPreset preset : {QuantPreset::None, QuantPreset::Fp8})
      for (KvCacheType cache : {KvCacheType::BF16, KvCacheType::Fp8, KvCacheType::Int8}) {
        QuantizeOptions options;
        options.preset = preset;
        options.prune = prune;
        options.exclude = options.pruneExclude = {"re:.*k_proj"};
        options.kvCache = cache;
        options.kvScales = KvScales::Tensor;
        options.calib = "c.txt";
        if (prune == PruneKind::SparseGpt || prune == PruneKind::Refit)
          options.pruneDamping = 0.7;
        QuantizeOptions again = reread(resolved(options));
        EXPECT_EQ(again.prune, prune);
        EXPECT_EQ(again.preset, preset);
        EXPECT_EQ(again.pruneDamping, options.pruneDamping);
        EXPECT_EQ(again.pruneExclude, options.pruneExclude);
        EXPECT_EQ(again.quantizeHead, false);
        EXPECT_TRUE(again.pruneTargets.empty());
        EXPECT_EQ(again.kvCache, cache);
        if (cache == KvCacheType::Fp8) {
          EXPECT_EQ(again.kvScales, KvScales::Tensor);
        }
      }
}

TEST(RecipeWrite, RulesKeepTheirOrder) {
  QuantizeOptions options;
  options.rules = {{{"re:.*k_proj"}, QuantPreset::None, 0, ActivationScales::Auto},
                   {{"re:.*_proj", "lm_head"}, QuantPreset::Fp8, 0, ActivationScales::Dynamic},
                   {{"Linear"}, QuantPreset::W4A16Asym, 64, ActivationScales::Auto}};
  options.quantizeHead = true;
  QuantizeOptions again = reread(resolved(options));
  ASSERT_EQ(again.rules.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(again.rules[i].targets, options.rules[i].targets);
    EXPECT_EQ(again.rules[i].preset, options.rules[i].preset);
  }
  EXPECT_EQ(again.rules[2].groupSize, 64);
  EXPECT_TRUE(again.quantizeHead);
}

TEST(RecipeWrite, SearchedValuesComeBackExactly) {
  QuantizeOptions options;
  options.preset = QuantPreset::W4A16;
  options.methods = {QuantMethod::Awq, QuantMethod::Gptq};
  options.calib = "c.txt";
  options.calibTokens = 12345;
  SearchedValues searched{
      {"model.layers.0.mlp.up_proj",
       {{"damping", exactly(0.05 * 10 * 10)}, {"correction", "0.75"}, {"order", "activation"}, {"clip", "true"}}},
      {"model.layers.0.self_attn.q_proj+2", {{"awq", "duo 0.35"}}},
      {"model.layers.1.self_attn.q_proj+2", {{"awq", "none"}}}};
  QuantizeOptions again = reread(resolved(options), searched);
  EXPECT_EQ(again.given, searched);
  EXPECT_EQ(again.calibTokens, 12345);
  EXPECT_EQ(std::stod(again.given["model.layers.0.mlp.up_proj"]["damping"]), 0.05 * 10 * 10);
  EXPECT_EQ(parsed(writeRecipe(options, searched, kSource)).calibrationHash, "77aa");
}

TEST(RecipeWrite, NumbersReadBackAsTheSame) {
  for (double value : {0.05, 1.0 / 3, 1e-300, 0.1 + 0.2, double(0.1f), std::nextafter(1.0, 2.0)})
    EXPECT_EQ(std::stod(exactly(value)), value);
}

TEST(RecipeRead, WhatIsNotIgnoredIsMeant) {
  const std::string stage = "quant_stage:\n  quant_modifiers:\n";
  EXPECT_TRUE(simplified(parsed(stage + "    QuantizationModifier: {scheme: W4A16}\n").options).quantizeHead);
  QuantizeOptions usual =
      simplified(parsed(stage + "    QuantizationModifier: {scheme: W4A16, ignore: [lm_head, x]}\n").options);
  EXPECT_FALSE(usual.quantizeHead);
  EXPECT_EQ(usual.exclude, std::vector<std::string>{"x"});
  EXPECT_EQ(usual.preset, QuantPreset::W4A16);
}

TEST(RecipeRead, RoundToNearestHasTheObserverOfItsModifier) {
  const std::string stage = "quant_stage:\n  quant_modifiers:\n";
  auto scales = [&](const std::string &modifier) { return parsed(stage + "    " + modifier + "\n").options.scales; };
  EXPECT_EQ(scales("QuantizationModifier: {scheme: W4A16}"), WeightScales::MinMax);
  EXPECT_EQ(scales("QuantizationModifier: {scheme: W4A16, weight_observer: mse}"), WeightScales::Grid);
  EXPECT_EQ(scales("GPTQModifier: {scheme: W4A16}"), WeightScales::Signed);
  EXPECT_EQ(scales("GPTQModifier: {scheme: W4A16, weight_observer: minmax}"), WeightScales::MinMax);
  EXPECT_EQ(scales("AWQModifier: {scheme: W4A16}"), WeightScales::MinMax);
}

TEST(RecipeRead, RefusesWrongNotesOfARun) {
  const std::string modifiers = "quant_stage:\n  quant_modifiers:\n    GPTQModifier: {scheme: W4A16}\nqcc:\n";
  auto layer = [&](const std::string &values) { return errorOf(modifiers + "  layers:\n    a.b: {" + values + "}\n"); };
  EXPECT_EQ(layer("damping: x"), "r.yaml:6: qcc: layer 'a.b': damping 'x' must be a number of at least 0");
  EXPECT_NE(layer("correction: 3").find("must be a number from 0 to 1"), std::string::npos);
  EXPECT_NE(layer("order: best").find("must be activation or natural"), std::string::npos);
  EXPECT_NE(layer("smooth: 0.5").find("must be none or alpha A"), std::string::npos);
  EXPECT_NE(layer("awq: 0.5").find("must be none, ratio R or duo R"), std::string::npos);
  EXPECT_NE(layer("clip: 1").find("must be true or false"), std::string::npos);
  EXPECT_NE(layer("input_scale: 0").find("must be a positive number"), std::string::npos);
  EXPECT_NE(layer("alpha: 0.5").find("'alpha' is not a searched value; known are damping"), std::string::npos);
  EXPECT_NE(errorOf(modifiers + "  stuff: 1\n").find("qcc has no field 'stuff'; known are version"), std::string::npos);
  EXPECT_NE(errorOf(modifiers + "  prune: refit\n").find("prune refit needs SparseGPTModifier"), std::string::npos);
  EXPECT_NE(errorOf(modifiers + "  prune: best\n").find("must be magnitude or refit"), std::string::npos);
  EXPECT_NE(errorOf(modifiers + "  smoothing: 0.5\n").find("must be searched"), std::string::npos);
  EXPECT_NE(errorOf(modifiers + "  calibration_tokens: 3\n").find("must be at least 64"), std::string::npos);
}

} // namespace
