//===- JsonString.cpp -----------------------------------------------------===//

#include "JsonString.h"

#include <cstdint>
#include <optional>

namespace qcc::json {
namespace {

void appendUtf8(std::string &out, uint32_t point) {
  if (point < 0x80) {
    out += char(point);
  } else if (point < 0x800) {
    out += char(0xc0 | point >> 6);
    out += char(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    out += char(0xe0 | point >> 12);
    out += char(0x80 | (point >> 6 & 0x3f));
    out += char(0x80 | (point & 0x3f));
  } else {
    out += char(0xf0 | point >> 18);
    out += char(0x80 | (point >> 12 & 0x3f));
    out += char(0x80 | (point >> 6 & 0x3f));
    out += char(0x80 | (point & 0x3f));
  }
}

std::optional<uint32_t> hex4(std::string_view text, size_t at) {
  if (text.size() - at < 4)
    return std::nullopt;
  uint32_t value = 0;
  for (char c : text.substr(at, 4)) {
    uint32_t digit;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
      digit = c - 'A' + 10;
    else
      return std::nullopt;
    value = value * 16 + digit;
  }
  return value;
}

/// `at` is behind the "\u"; moves past the digits, and past a second escape for a surrogate pair.
StringError readUnicodeEscape(std::string_view text, size_t &at, std::string &out) {
  size_t begin = at - 2;
  std::optional<uint32_t> first = hex4(text, at);
  if (!first)
    return {"expected four hexadecimal digits after \\u", begin};
  at += 4;
  uint32_t point = *first;
  if (point >= 0xdc00 && point <= 0xdfff)
    return {"lone low surrogate", begin};
  if (point >= 0xd800 && point <= 0xdbff) {
    std::optional<uint32_t> second;
    if (text.substr(at, 2) == "\\u")
      second = hex4(text, at + 2);
    if (!second || *second < 0xdc00 || *second > 0xdfff)
      return {"lone high surrogate", begin};
    at += 6;
    point = 0x10000 + ((point - 0xd800) << 10) + (*second - 0xdc00);
  }
  appendUtf8(out, point);
  return {};
}

} // namespace

size_t utf8SequenceLength(std::string_view text, size_t at) {
  auto byte = [&](size_t i) -> unsigned { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0; };
  auto isTail = [&](size_t i) { return (byte(i) & 0xc0) == 0x80; };
  unsigned lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return isTail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    bool overlong = lead == 0xe0 && byte(1) < 0xa0, surrogate = lead == 0xed && byte(1) > 0x9f;
    return isTail(1) && isTail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    bool overlong = lead == 0xf0 && byte(1) < 0x90, tooLarge = lead == 0xf4 && byte(1) > 0x8f;
    return isTail(1) && isTail(2) && isTail(3) && !overlong && !tooLarge ? 4 : 0;
  }
  return 0;
}

StringError readString(std::string_view text, size_t &at, std::string &out) {
  size_t begin = at++;
  while (at < text.size()) {
    unsigned char c = text[at];
    if (c == '"') {
      ++at;
      return {};
    }
    if (c < 0x20)
      return {"control character in a string", at};
    if (c != '\\') {
      size_t length = utf8SequenceLength(text, at);
      if (length == 0)
        return {"invalid UTF-8", at};
      out.append(text, at, length);
      at += length;
      continue;
    }
    if (++at == text.size())
      break;
    constexpr std::string_view names = "\"\\/bfnrt", values = "\"\\/\b\f\n\r\t";
    char escape = text[at++];
    if (size_t i = names.find(escape); i != names.npos)
      out += values[i];
    else if (escape != 'u')
      return {"unknown escape in a string", at - 2};
    else if (StringError error = readUnicodeEscape(text, at, out); error.message)
      return error;
  }
  return {"string is not closed", begin};
}

} // namespace qcc::json
