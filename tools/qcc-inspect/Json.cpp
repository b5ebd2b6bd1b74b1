//===- Json.cpp -----------------------------------------------------------===//

#include "Json.h"

#include <cstdio>

namespace qcc_inspect {
namespace {

std::string quote(std::string_view value) {
  std::string text = "\"";
  for (unsigned char c : value) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += char(c);
    } else if (c >= 0x20 && c < 0x7f) {
      text += char(c);
    } else {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", c);
      text += escape;
    }
  }
  return text + "\"";
}

} // namespace

void Json::begin(std::string_view key) {
  if (!brackets.empty()) {
    document += first ? "\n" : ",\n";
    document.append(brackets.size() * 2, ' ');
  }
  first = false;
  if (!key.empty())
    document += quote(key) + ": ";
}

Json &Json::open(std::string_view key, char bracket) {
  begin(key);
  document += bracket;
  brackets += bracket == '{' ? '}' : ']';
  first = true;
  return *this;
}

Json &Json::end() {
  char bracket = brackets.back();
  brackets.pop_back();
  if (!first) {
    document += '\n';
    document.append(brackets.size() * 2, ' ');
  }
  document += bracket;
  first = false;
  if (brackets.empty())
    document += '\n';
  return *this;
}

Json &Json::raw(std::string_view key, const std::string &value) {
  begin(key);
  document += value;
  return *this;
}

Json &Json::string(std::string_view key, std::string_view value) { return raw(key, quote(value)); }

} // namespace qcc_inspect
