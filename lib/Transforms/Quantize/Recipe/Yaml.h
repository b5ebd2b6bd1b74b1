//===- Yaml.h - A YAML document as a tree -------------------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_YAML_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_YAML_H

#include "qcc/Support/Error.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qcc::yaml {

struct Node {
  enum class Kind { Null, Scalar, Sequence, Mapping } kind = Kind::Null;
  unsigned line = 0;
  std::string scalar; ///< without quotes
  std::vector<Node> items;
  std::vector<std::pair<std::string, Node>> members; ///< keys are unique

  bool isNull() const { return kind == Kind::Null; }
  bool isScalar() const { return kind == Kind::Scalar; }
  bool isSequence() const { return kind == Kind::Sequence; }
  bool isMapping() const { return kind == Kind::Mapping; }
  const Node *find(std::string_view key) const;
};

/// The single document of a text, parsed by LLVM's YAML parser. Anchors and tags are refused. `name` is the file's name
/// for messages, which also give the line.
Expected<Node> parse(std::string_view text, const std::string &name);

} // namespace qcc::yaml

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_RECIPE_YAML_H
