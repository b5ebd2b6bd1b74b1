//===- ConfigReader.h - Typed look-ups that collect problems ----*- C++ -*-===//
#ifndef QCC_LIB_IMPORT_HUGGINGFACE_CONFIGREADER_H
#define QCC_LIB_IMPORT_HUGGINGFACE_CONFIGREADER_H

#include "qcc/Support/Json.h"
#include "qcc/Support/Text.h"

#include <optional>

namespace qcc::hf {

/// Reads members of one JSON object. A member of the wrong type or outside its range is added to `problems` and treated
/// as absent; null is absence.
class ConfigReader {
public:
  ConfigReader(const json::Value &object, std::string where, ErrorList &problems)
      : object(object), where(std::move(where)), problems(problems) {}

  /// The member unless it is absent or null.
  const json::Value *get(std::string_view key) const {
    const json::Value *value = object.find(key);
    return value && !value->isNull() ? value : nullptr;
  }
  bool has(std::string_view key) const { return get(key) != nullptr; }
  /// Present and null, which can differ from absent.
  bool isNull(std::string_view key) const {
    const json::Value *value = object.find(key);
    return value && value->isNull();
  }

  std::optional<int64_t> integer(std::string_view key, int64_t least, int64_t most) const;
  std::optional<double> real(std::string_view key, double least, double most) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> string(std::string_view key) const;

  void complain(const std::string &message) const { problems.add(text(where, ": ", message)); }
  const std::string &name() const { return where; }

private:
  const json::Value &object;
  std::string where;
  ErrorList &problems;
};

struct ModelConfig;
/// Fills config.rope from the root object (v4 and v5 spellings); maxPositions must be set.
void readRope(const ConfigReader &root, ErrorList &problems, ModelConfig &config);
/// Fills config.windows; family and layers must be set.
void readWindows(const ConfigReader &root, ModelConfig &config);
/// Complains about keys of other architectures or modes whose value changes the mathematics.
void rejectForeignKeys(const ConfigReader &root);

} // namespace qcc::hf

#endif // QCC_LIB_IMPORT_HUGGINGFACE_CONFIGREADER_H
