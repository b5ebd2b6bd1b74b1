//===- Json.h - Writing JSON --------------------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_INSPECT_JSON_H
#define QCC_TOOLS_QCC_INSPECT_JSON_H

#include <cstdint>
#include <string>
#include <string_view>

namespace qcc_inspect {

/// Builds one JSON document; keys are given inside objects and must be plain ASCII. Strings that are not UTF-8 are
/// escaped byte by byte, so that the document is always valid.
class Json {
public:
  Json &object(std::string_view key = {}) { return open(key, '{'); }
  Json &array(std::string_view key = {}) { return open(key, '['); }
  Json &end();
  Json &string(std::string_view key, std::string_view value);
  Json &number(std::string_view key, uint64_t value) { return raw(key, std::to_string(value)); }
  Json &signedNumber(std::string_view key, int64_t value) { return raw(key, std::to_string(value)); }
  Json &boolean(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  const std::string &text() const { return document; }

private:
  Json &open(std::string_view key, char bracket);
  Json &raw(std::string_view key, const std::string &value);
  void begin(std::string_view key);
  std::string document, brackets;
  bool first = true; ///< nothing in the innermost bracket yet
};

} // namespace qcc_inspect

#endif // QCC_TOOLS_QCC_INSPECT_JSON_H
