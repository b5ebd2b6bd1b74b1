//===- Lexer.cpp - Tokens of a PTX text -----------------------------------===//

#include "ptx/Lexer.h"

#include "qccsim/Error.h"

#include <cctype>
#include <charconv>
#include <cstring>

using namespace qccsim;
using namespace qccsim::ptx;

namespace {

bool isWordStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.';
}

bool isWordChar(char c) { return isWordStart(c) || std::isdigit(static_cast<unsigned char>(c)); }

class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) {}

  std::vector<Token> run() {
    while (skipSpace(), pos < text.size())
      tokens.push_back(next());
    tokens.push_back({TokenKind::End, {}, 0, line});
    return std::move(tokens);
  }

private:
  char peek(size_t ahead = 0) const { return pos + ahead < text.size() ? text[pos + ahead] : '\0'; }

  [[noreturn]] void fail(const std::string &message) {
    throw SimError(ErrorKind::InvalidPtx, "line " + std::to_string(line) + ": " + message, line);
  }

  void skipSpace() {
    while (pos < text.size()) {
      char c = text[pos];
      if (c == '\n') {
        ++line;
        ++pos;
      } else if (std::isspace(static_cast<unsigned char>(c)) || c == '\0') {
        ++pos; // a trailing NUL is common: module images are C strings
      } else if (c == '/' && peek(1) == '/') {
        while (pos < text.size() && text[pos] != '\n')
          ++pos;
      } else if (c == '/' && peek(1) == '*') {
        size_t end = text.find("*/", pos + 2);
        if (end == std::string_view::npos)
          fail("comment is not closed");
        for (; pos < end + 2; ++pos)
          line += text[pos] == '\n';
      } else {
        return;
      }
    }
  }

  Token next() {
    size_t start = pos;
    char c = text[pos];
    if (std::isdigit(static_cast<unsigned char>(c)))
      return number();
    if (isWordStart(c)) {
      while (isWordChar(peek()) || (peek() == ':' && peek(1) == ':')) {
        pos += peek() == ':' ? 2 : 1;
      }
      return {TokenKind::Word, text.substr(start, pos - start), 0, line};
    }
    if (c == '"') {
      size_t end = text.find('"', pos + 1);
      if (end == std::string_view::npos)
        fail("string is not closed");
      pos = end + 1;
      return {TokenKind::String, text.substr(start + 1, end - start - 1), 0, line};
    }
    if (std::strchr("{}[]()<>,;:+-!|@=*", c)) {
      ++pos;
      return {TokenKind::Punct, text.substr(start, 1), 0, line};
    }
    fail(std::string("unexpected character '") + c + "'");
  }

  Token number() {
    size_t start = pos;
    char second = peek(1);
    if (peek() == '0' && (second == 'f' || second == 'F'))
      return hexFloat(8, TokenKind::Float32);
    if (peek() == '0' && (second == 'd' || second == 'D'))
      return hexFloat(16, TokenKind::Float64);
    int base = 10;
    if (peek() == '0' && (second == 'x' || second == 'X')) {
      base = 16;
      pos += 2;
    } else if (peek() == '0' && (second == 'b' || second == 'B')) {
      base = 2;
      pos += 2;
    } else if (peek() == '0' && std::isdigit(static_cast<unsigned char>(second))) {
      base = 8;
    }
    uint64_t value = 0;
    auto result = std::from_chars(text.data() + pos, text.data() + text.size(), value, base);
    if (result.ec != std::errc())
      fail("bad integer literal");
    pos = result.ptr - text.data();
    if (base == 10 && (peek() == '.' || peek() == 'e' || peek() == 'E')) {
      double real = 0;
      auto end = std::from_chars(text.data() + start, text.data() + text.size(), real);
      pos = end.ptr - text.data();
      uint64_t bits;
      std::memcpy(&bits, &real, 8);
      return {TokenKind::Float64, text.substr(start, pos - start), bits, line};
    }
    if (peek() == 'U')
      ++pos;
    if (isWordChar(peek()))
      fail("bad integer literal '" + std::string(text.substr(start, pos + 1 - start)) + "'");
    return {TokenKind::Integer, text.substr(start, pos - start), value, line};
  }

  Token hexFloat(unsigned digits, TokenKind kind) {
    size_t start = pos;
    uint64_t bits = 0;
    pos += 2;
    auto result = std::from_chars(text.data() + pos, text.data() + text.size(), bits, 16);
    if (result.ec != std::errc() || result.ptr != text.data() + pos + digits)
      fail("a " + std::string(text.substr(start, 2)) + " literal has " + std::to_string(digits) +
           " hexadecimal digits");
    pos += digits;
    return {kind, text.substr(start, pos - start), bits, line};
  }

  std::string_view text;
  size_t pos = 0;
  unsigned line = 1;
  std::vector<Token> tokens;
};

} // namespace

std::vector<Token> ptx::tokenize(std::string_view text) { return Lexer(text).run(); }
