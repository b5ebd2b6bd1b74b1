//===- Recipe.h - llm-compressor's recipes ------------------------*- C++ -*-===//
//
// A recipe is YAML: stages (`…_stage`), in them groups (`…_modifiers`), in them modifiers by class name with their
// fields; groups may also stand at the top (llm-compressor 0.14). The fields are those of llm-compressor's classes and
// of compressed-tensors' QuantizationScheme and QuantizationArgs; what qcc does not know or cannot do is refused by
// name.
//
// A recipe that qcc carried out is a recipe again: the same modifiers, and below `qcc` the values that were searched.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TRANSFORMS_QUANTIZE_RECIPE_H
#define QCC_TRANSFORMS_QUANTIZE_RECIPE_H

#include "qcc/Support/Error.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include <optional>
#include <string>
#include <vector>

namespace qcc {

struct Recipe {
  /// Modifiers in the order of the file, for explanations: "GPTQModifier (line 7): 4-bit …".
  std::vector<std::string> steps;
  /// What they ask, with the searched values of a recipe that was carried out. `calib`, `workDir` and `threads` are not
  /// part of a recipe.
  QuantizeOptions options;
  /// What qcc does otherwise than llm-compressor would, with the reason.
  std::vector<std::string> notes;
  /// An observer of weights that a modifier names; else that of llm-compressor's class, which is the plain range.
  std::optional<WeightScales> observer;
  std::string calibrationHash; ///< SHA-256 of the calibration file of a recipe that was carried out; else empty

  /// The step of a modifier, "GPTQModifier (line 7)", or its name alone.
  std::string where(const std::string &modifier) const;
};

/// Fails on text that is not a recipe, unknown modifiers or fields, values out of range, and modifiers that contradict
/// each other; messages name file, line, modifier, field, value and remedy.
Expected<Recipe> parseRecipe(std::string_view text, const std::string &name);
Expected<Recipe> readRecipe(const std::string &path);

/// The same options in the form that flags give: one rule for all linears as the preset, an ignored lm_head as a head
/// that stays as it is.
QuantizeOptions simplified(QuantizeOptions options);

/// Where a carried out recipe came from; empty strings are left out.
struct RecipeSource {
  std::string version;         ///< of qcc
  std::string model;           ///< fingerprint (CollectStatistics.h)
  std::string calibration;     ///< file name without its folder
  std::string calibrationHash; ///< SHA-256 of the file
};
/// A recipe that asks for `options` (resolved), with `searched` in place of searches. Reading it and writing that again
/// gives the same text.
std::string writeRecipe(const QuantizeOptions &options, const SearchedValues &searched, const RecipeSource &source);

/// The module attribute that holds the recipe after the quantize phase.
inline constexpr const char *kRecipeAttr = "qcc.recipe";

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_RECIPE_H
