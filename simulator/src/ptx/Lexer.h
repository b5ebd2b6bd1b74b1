//===- Lexer.h - Tokens of a PTX text -------------------------------------===//

#ifndef QCCSIM_PTX_LEXER_H
#define QCCSIM_PTX_LEXER_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace qccsim::ptx {

enum class TokenKind : uint8_t {
  Word,    ///< identifier, register, directive or opcode with its modifiers
  Integer, ///< value in `bits`
  Float32, ///< 0fXXXXXXXX, the bits in `bits`
  Float64, ///< 0dXXXXXXXXXXXXXXXX or a decimal fraction, the bits of a double
  String,  ///< without its quotes
  Punct,   ///< one character
  End,
};

struct Token {
  TokenKind kind;
  std::string_view text;
  uint64_t bits = 0;
  unsigned line = 0;

  bool is(char c) const { return kind == TokenKind::Punct && text[0] == c; }
  bool isWord(std::string_view word) const { return kind == TokenKind::Word && text == word; }
};

/// Splits `text`; comments are dropped, the last token is End. Throws SimError(InvalidPtx).
/// The tokens point into `text`.
std::vector<Token> tokenize(std::string_view text);

} // namespace qccsim::ptx

#endif // QCCSIM_PTX_LEXER_H
