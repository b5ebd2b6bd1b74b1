//===- Fields.h - Fields of a mapping, each used once -------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_FIELDS_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_FIELDS_H

#include "Yaml.h"

#include <optional>
#include <set>

namespace qcc {

/// Typed access to a mapping. The first error is kept and every later access gives a default, so that a reader asks for
/// what it needs and checks once, with `finish`, which also refuses fields that nobody asked for.
class Fields {
public:
  /// `where` begins every message: "recipe.yaml:7: GPTQModifier".
  Fields(const yaml::Node &node, std::string file, std::string name);

  std::optional<std::string> text(std::string_view key);
  std::optional<double> number(std::string_view key);
  std::optional<int64_t> integer(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  /// A list of strings, or one string.
  std::optional<std::vector<std::string>> strings(std::string_view key);
  /// Any value; null where absent or `null`.
  const yaml::Node *node(std::string_view key);
  /// Accepts a field that changes nothing here.
  void ignore(std::string_view key) { node(key); }

  void refuse(std::string_view key, const std::string &why);
  bool has(std::string_view key) const;
  const std::string &file() const { return fileName; }
  /// Error so far, or the first field that is not known. `known` lists what would be, for the message.
  Status finish(std::string_view known);

private:
  const yaml::Node &mapping;
  std::string fileName, name;
  std::set<std::string, std::less<>> used;
  Status status;
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_FIELDS_H
