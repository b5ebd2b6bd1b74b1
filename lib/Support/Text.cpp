//===- Text.cpp -----------------------------------------------------------===//

#include "qcc/Support/Text.h"

namespace qcc {

std::string quote(std::string_view name) {
  constexpr size_t limit = 128;
  constexpr char hex[] = "0123456789abcdef";
  std::string out = "'";
  for (unsigned char c : name.substr(0, limit)) {
    if (c == '\'' || c == '\\')
      (out += '\\') += char(c);
    else if (c >= 0x20 && c < 0x7f)
      out += char(c);
    else
      ((out += "\\x") += hex[c >> 4]) += hex[c & 15];
  }
  return out + (name.size() > limit ? "…'" : "'");
}

std::string grouped(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3;)
    digits.insert(at -= 3, ",");
  return digits;
}

std::string shapeText(std::span<const int64_t> shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + std::to_string(shape[i]);
  return out + "]";
}

} // namespace qcc
