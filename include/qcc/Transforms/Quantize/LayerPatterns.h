//===- LayerPatterns.h - Layers chosen by name --------------------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_LAYERPATTERNS_H
#define QCC_TRANSFORMS_QUANTIZE_LAYERPATTERNS_H

#include "qcc/Support/Error.h"

#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace qcc {

/// A list of names and `re:` patterns, as compressed-tensors' `ignore` and `targets` have them: a pattern must match at
/// the start of a name (Python's re.match), anything else is an exact name. Patterns are ECMAScript regular
/// expressions.
class LayerPatterns {
public:
  /// Fails on a pattern that is not a regular expression, naming it.
  static Expected<LayerPatterns> parse(const std::vector<std::string> &patterns);

  /// Whether any pattern matches; each that does counts as used.
  bool matches(std::string_view name) { return bestMatch(name) != nullptr; }
  /// The name itself, or else the first `re:` pattern that matches it, or null; all that match count as used.
  const std::string *bestMatch(std::string_view name);

  /// Patterns that have matched nothing so far.
  std::vector<std::string> unused() const;

private:
  struct Pattern {
    std::string text;
    std::regex expression; ///< of a `re:` pattern
    bool isRegex = false;
    bool isUsed = false;
  };
  std::vector<Pattern> patterns;
};

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_LAYERPATTERNS_H
