//===- LayerPatterns.cpp - Layers chosen by name --------------------------===//

#include "qcc/Transforms/Quantize/LayerPatterns.h"

using namespace qcc;

Expected<LayerPatterns> LayerPatterns::parse(const std::vector<std::string> &patterns) {
  LayerPatterns result;
  for (const std::string &text : patterns) {
    Pattern pattern;
    pattern.text = text;
    pattern.isRegex = text.starts_with("re:");
    if (pattern.isRegex) {
      try {
        pattern.expression = std::regex(text.substr(3), std::regex::ECMAScript);
      } catch (const std::regex_error &error) {
        return Error{"pattern '" + text + "' is not a regular expression: " + error.what(), ExitCode::Usage};
      }
    }
    result.patterns.push_back(std::move(pattern));
  }
  return result;
}

const std::string *LayerPatterns::bestMatch(std::string_view name) {
  const Pattern *best = nullptr;
  for (Pattern &pattern : patterns) {
    bool matched = pattern.isRegex ? std::regex_search(name.begin(), name.end(), pattern.expression,
                                                       std::regex_constants::match_continuous)
                                   : pattern.text == name;
    pattern.isUsed |= matched;
    if (matched && (!best || (best->isRegex && !pattern.isRegex)))
      best = &pattern;
  }
  return best ? &best->text : nullptr;
}

std::vector<std::string> LayerPatterns::unused() const {
  std::vector<std::string> result;
  for (const Pattern &pattern : patterns)
    if (!pattern.isUsed)
      result.push_back(pattern.text);
  return result;
}
