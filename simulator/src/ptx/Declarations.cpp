//===- Declarations.cpp - Variables, initialisers and names ---------------===//

#include "ptx/Parser.h"

#include <bit>
#include <cstring>

using namespace qccsim;
using namespace qccsim::ptx;

void Parser::parseVariable(Space space, bool isExtern, std::vector<Symbol *> &list) {
  uint64_t alignment = 0;
  unsigned vector = 1;
  Type type = Type::None;
  while (peek().kind == TokenKind::Word && peek().text[0] == '.') {
    Token token = take();
    std::string_view word = token.text.substr(1);
    if (word == "align") {
      alignment = expectInteger("an alignment");
      if (!std::has_single_bit(alignment))
        fail(token.line, "alignment " + std::to_string(alignment) + " is not a power of two");
    } else if (word == "v2" || word == "v4") {
      vector = word[1] - '0';
    } else if (word == "ptr" || word == "global" || word == "shared" || word == "const" || word == "local" ||
               word.starts_with("attribute")) {
      // What a pointer parameter points to is advice to the optimiser. Its .align is the
      // pointee's, and must not be taken for the parameter's.
      if (word == "ptr") {
        while (peek().isWord(".global") || peek().isWord(".shared") || peek().isWord(".const") ||
               peek().isWord(".local"))
          ++pos;
        if (acceptWord(".align"))
          expectInteger("an alignment");
      } else {
        unsupported(token.line, "'" + std::string(token.text) + "' in a declaration");
      }
    } else {
      type = parseType(word);
      if (type == Type::None || type == Type::Pred)
        unsupported(token.line, "variable type '" + std::string(token.text) + "'");
    }
  }
  if (type == Type::None)
    fail(peek().line, "expected a type");
  do {
    bool isParameter = space == Space::Param;
    Symbol &symbol = declare(expectWord("a variable name"), Symbol::Variable);
    symbol.type = type;
    symbol.space = space;
    symbol.isExtern = isExtern;
    uint64_t element = bitsOf(type) / 8 * vector;
    symbol.alignment = alignment ? alignment : element;
    symbol.bytes = element;
    bool unsized = false;
    while (accept('[')) {
      if (accept(']')) {
        unsized = true;
        continue;
      }
      int64_t count = expectInteger("an array size");
      if (count < 0 || uint64_t(count) > (uint64_t(1) << 40) / std::max<uint64_t>(symbol.bytes, 1))
        fail(symbol.line, "bad array size " + std::to_string(count));
      symbol.bytes *= count;
      expect(']');
    }
    if (unsized)
      symbol.bytes = 0;
    if (isExtern && space != Space::Shared)
      unsupported(symbol.line, "extern variable '" + symbol.name + "' outside shared memory");
    if (accept('='))
      parseInitialiser(symbol);
    list.push_back(&symbol);
    if (isParameter)
      return; // the list of parameters is its caller's
  } while (accept(','));
  expect(';');
}

void Parser::parseInitialiser(Symbol &symbol) {
  if (symbol.space == Space::Shared || symbol.space == Space::Local)
    fail(symbol.line, "'" + symbol.name + "' cannot have an initialiser");
  symbol.initialiser.assign(symbol.bytes, 0);
  uint64_t offset = 0;
  unsigned depth = 0;
  do {
    while (accept('{'))
      ++depth;
    if (!peek().is('}'))
      parseInitialiserValue(symbol, offset);
    while (depth && accept('}'))
      --depth;
  } while (depth && accept(','));
  if (depth)
    fail(peek().line, "initialiser of '" + symbol.name + "' is not closed");
}

void Parser::parseInitialiserValue(Symbol &symbol, uint64_t &offset) {
  unsigned bytes = bitsOf(symbol.type) / 8;
  if (offset + bytes > symbol.bytes)
    fail(peek().line, "too many values in the initialiser of '" + symbol.name + "'");
  uint64_t bits = 0;
  if (peek().kind == TokenKind::Word) {
    bool generic = acceptWord("generic");
    if (generic)
      expect('(');
    Token target = expectWord("a variable");
    if (target.text == "mask")
      unsupported(target.line, "mask() in an initialiser");
    Operand sum;
    parseOffset(sum);
    if (generic)
      expect(')');
    symbol.references.push_back({offset, std::string(target.text), sum.offset, bytes, generic});
  } else {
    bool negative = accept('-');
    Token number = take();
    if (number.kind == TokenKind::Integer) {
      bits = negative ? -number.bits : number.bits;
    } else if (number.kind == TokenKind::Float32) {
      bits = number.bits;
    } else if (number.kind == TokenKind::Float64) {
      double value = std::bit_cast<double>(number.bits);
      if (negative)
        value = -value;
      bits = bytes == 8 ? std::bit_cast<uint64_t>(value) : std::bit_cast<uint32_t>(static_cast<float>(value));
    } else {
      fail(number.line, "bad value in the initialiser of '" + symbol.name + "'");
    }
  }
  std::memcpy(symbol.initialiser.data() + offset, &bits, bytes);
  offset += bytes;
}

Symbol *Parser::lookUp(std::string_view name, int scope) const {
  for (; scope >= 0; scope = scopes[scope].parent)
    if (auto it = scopes[scope].names.find(name); it != scopes[scope].names.end())
      return it->second;
  auto it = globals.find(name);
  return it == globals.end() ? nullptr : it->second;
}

/// Labels may be used before they stand, so names are resolved once a function has ended.
void Parser::resolveNames() {
  for (auto [index, name] : guardNames) {
    Statement &st = function->statements[index];
    st.guard = lookUp(name, st.scope);
    if (!st.guard || st.guard->type != Type::Pred)
      fail(st.line, "'" + std::string(name) + "' is not a predicate register");
  }
  guardNames.clear();
  for (Statement &st : function->statements) {
    if (st.parts[0] == "brx" && st.operands.size() == 2) {
      for (int scope = st.scope; scope >= 0; scope = scopes[scope].parent) {
        auto it = scopes[scope].targetLists.find(st.operands[1].name);
        if (it == scopes[scope].targetLists.end())
          continue;
        for (std::string_view target : it->second) {
          Symbol *label = lookUp(target, scope);
          if (!label || label->kind != Symbol::Label)
            fail(st.line, "'" + std::string(target) + "' is not a label");
          st.branchTargets.push_back(label);
        }
        break;
      }
      st.operands.pop_back();
    }
    for (Operand &operand : st.operands)
      resolve(operand, st);
  }
  function = nullptr;
}

void Parser::resolve(Operand &operand, const Statement &st) {
  for (Operand &element : operand.elements)
    resolve(element, st);
  bool named = operand.kind == Operand::Symbol_ || (operand.kind == Operand::Address && !operand.name.empty());
  if (!named)
    return;
  operand.symbol = lookUp(operand.name, st.scope);
  if (operand.symbol)
    return;
  if (operand.kind == Operand::Symbol_ && (operand.name[0] == '%' || operand.name == "WARP_SZ"))
    operand.kind = Operand::Special;
  else if (st.parts[0] != "call")
    fail(st.line, "'" + std::string(operand.name) + "' is not declared");
}
