//===- Schemes.h - compressed-tensors' schemes as presets ---------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_SCHEMES_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_SCHEMES_H

#include "Fields.h"
#include "qcc/Transforms/Quantize/Recipe.h"

namespace qcc {

/// A scheme by compressed-tensors' name (PRESET_SCHEMES), in any case; nothing for one that it has not. Fails for one
/// that qcc cannot hold.
Expected<std::optional<LayerRule>> schemeByName(const std::string &name);

/// A QuantizationScheme: {targets, weights, input_activations, …}. Observers of weights choose `options.scales`,
/// actorder the order of GPTQ's columns.
Status readScheme(const yaml::Node &node, const std::string &file, const std::string &name, LayerRule &rule,
                  Recipe &recipe);

/// kv_cache_scheme, a QuantizationArgs.
Status readKvCacheScheme(const yaml::Node &node, const std::string &file, Recipe &recipe);

/// A field or QuantizationArgs member `actorder`.
void applyActivationOrder(Fields &fields, Recipe &recipe);
/// The name of a weight observer.
void applyObserver(Fields &fields, std::string_view key, const std::string &observer, Recipe &recipe);
/// weight_observer, input_observer, output_observer and observer of a modifier.
void readObservers(Fields &fields, Recipe &recipe);

/// Adds a note once.
void addNote(Recipe &recipe, const std::string &note);
/// Notes on what follows from all modifiers together, once the options are complete.
void addNotes(Recipe &recipe);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_SCHEMES_H
