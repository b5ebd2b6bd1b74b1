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

#include <map>
#include <string>
#include <vector>

namespace qcc {

struct Recipe {
  /// Modifiers in the order of the file, for explanations: "GPTQModifier (line 7): 4-bit …".
  std::vector<std::string> steps;
  /// What they ask. `calib`, `workDir` and `threads` are not part of a recipe.
  QuantizeOptions options;
  /// What qcc does otherwise than llm-compressor would, with the reason.
  std::vector<std::string> notes;
  /// Searched values of a recipe that was carried out: layer → name → value.
  std::map<std::string, std::map<std::string, std::string>> searched;
};

/// Fails on text that is not a recipe, unknown modifiers or fields, values out of range, and modifiers that contradict
/// each other; messages name file, line, modifier, field, value and remedy.
Expected<Recipe> parseRecipe(std::string_view text, const std::string &name);
Expected<Recipe> readRecipe(const std::string &path);

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_RECIPE_H
