//===- Parser.cpp - PTX text to Ast ---------------------------------------===//

#include "ptx/Parser.h"

#include "qccsim/Error.h"

#include <algorithm>

using namespace qccsim;
using namespace qccsim::ptx;

void Parser::fail(unsigned line, const std::string &message) const {
  throw SimError(ErrorKind::InvalidPtx, "line " + std::to_string(line) + ": " + message, line);
}

void Parser::unsupported(unsigned line, const std::string &message) const {
  throw SimError(ErrorKind::UnsupportedInstruction, "line " + std::to_string(line) + ": " + message, line);
}

Token Parser::take() {
  Token token = tokens[pos];
  if (token.kind != TokenKind::End)
    ++pos;
  return token;
}

bool Parser::accept(char c) {
  if (!peek().is(c))
    return false;
  ++pos;
  return true;
}

bool Parser::acceptWord(std::string_view word) {
  if (!peek().isWord(word))
    return false;
  ++pos;
  return true;
}

void Parser::expect(char c) {
  if (!accept(c))
    fail(peek().line, std::string("expected '") + c + "', found '" + std::string(peek().text) + "'");
}

Token Parser::expectWord(const char *what) {
  if (peek().kind != TokenKind::Word)
    fail(peek().line, std::string("expected ") + what + ", found '" + std::string(peek().text) + "'");
  return take();
}

int64_t Parser::expectInteger(const char *what) {
  bool negative = accept('-');
  if (peek().kind != TokenKind::Integer)
    fail(peek().line, std::string("expected ") + what + ", found '" + std::string(peek().text) + "'");
  int64_t value = static_cast<int64_t>(take().bits);
  return negative ? -value : value;
}

std::unique_ptr<ModuleAst> Parser::run() {
  if (!acceptWord(".version"))
    fail(peek().line, "a PTX module begins with '.version'");
  Token version = take();
  // "9.0" is lexed as a decimal fraction.
  std::string text(version.text);
  size_t dot = text.find('.');
  if (version.kind != TokenKind::Float64 || dot == std::string::npos || dot + 2 != text.size())
    fail(version.line, "bad PTX version '" + text + "'");
  module->version = std::stoi(text.substr(0, dot)) * 10 + (text[dot + 1] - '0');
  if (module->version < 60 || module->version > 90)
    unsupported(version.line, "PTX version " + text + " is not supported, 6.0 to 9.0 are");
  if (!acceptWord(".target"))
    fail(peek().line, "expected '.target'");
  do {
    Token target = expectWord("a target");
    if (target.text.starts_with("sm_"))
      module->target = std::atoi(std::string(target.text.substr(3)).c_str());
    else if (target.text != "texmode_independent" && target.text != "debug")
      unsupported(target.line, "target option '" + std::string(target.text) + "'");
  } while (accept(','));
  if (acceptWord(".address_size") && expectInteger("an address size") != 64)
    unsupported(peek().line, "only 64-bit addresses are supported");

  while (peek().kind != TokenKind::End)
    parseTopLevel();
  return std::move(module);
}

void Parser::parseTopLevel() {
  Token token = peek();
  bool isExtern = false;
  while (peek().isWord(".visible") || peek().isWord(".extern") || peek().isWord(".weak") || peek().isWord(".common"))
    isExtern |= take().text == ".extern";
  if (acceptWord(".entry"))
    return parseFunction(true);
  if (acceptWord(".func"))
    return parseDeviceFunction(isExtern);
  if (skipDebugDirective())
    return;
  Space space;
  if (acceptWord(".global"))
    space = Space::Global;
  else if (acceptWord(".const"))
    space = Space::Const;
  else if (acceptWord(".shared"))
    space = Space::Shared;
  else
    unsupported(token.line, "unknown directive '" + std::string(peek().text) + "'");
  parseVariable(space, isExtern, module->variables);
}

/// .file, .loc, .section, .pragma and the like carry nothing that is executed.
bool Parser::skipDebugDirective() {
  Token token = peek();
  if (token.isWord(".file") || token.isWord(".loc")) {
    // These end with their line, not with a semicolon.
    while (peek().kind != TokenKind::End && peek().line == token.line)
      ++pos;
    return true;
  }
  if (token.isWord(".section")) {
    while (peek().kind != TokenKind::End && !accept('{'))
      ++pos;
    for (unsigned depth = 1; depth && peek().kind != TokenKind::End; ++pos)
      depth += peek().is('{') ? 1 : peek().is('}') ? -1 : 0;
    return true;
  }
  if (token.isWord(".pragma") || token.isWord(".alias")) {
    while (peek().kind != TokenKind::End && !accept(';'))
      ++pos;
    return true;
  }
  return false;
}

void Parser::parseDeviceFunction(bool isExtern) {
  // Prototypes of what is never called (vprintf, __assertfail) are harmless; a call is refused
  // where it stands.
  unsigned line = peek().line;
  while (peek().kind != TokenKind::End && !peek().is(';') && !peek().is('{'))
    ++pos;
  if (!accept(';'))
    unsupported(line, std::string("device function with a body ('.func'); the simulator runs "
                                  "inlined code only") +
                          (isExtern ? " (extern)" : ""));
}

void Parser::parseFunction(bool isEntry) {
  auto owned = std::make_unique<Function>();
  function = owned.get();
  function->isEntry = isEntry;
  Token name = expectWord("a function name");
  function->name = name.text;
  function->line = name.line;
  scopes.assign(1, {});
  scopes[0].parent = -1;
  currentScope = 0;
  if (accept('(')) {
    while (!accept(')')) {
      if (!acceptWord(".param"))
        fail(peek().line, "expected '.param'");
      parseVariable(Space::Param, false, function->parameters);
      accept(',');
    }
  }
  while (!peek().is('{'))
    parsePerformanceDirective();
  expect('{');
  parseBody();
  resolveNames();
  module->functions.push_back(std::move(owned));
}

void Parser::parsePerformanceDirective() {
  Token token = expectWord("a directive or the body of the function");
  if (token.text == ".maxntid" || token.text == ".reqntid") {
    unsigned product = 1;
    unsigned dims[3] = {1, 1, 1};
    unsigned count = 0;
    do {
      if (count == 3)
        fail(token.line, "'" + std::string(token.text) + "' takes at most three numbers");
      dims[count] = expectInteger("a number of threads");
      product *= dims[count++];
    } while (accept(','));
    function->maxThreads = product;
    if (token.text == ".reqntid")
      std::copy(dims, dims + 3, function->requiredThreads);
  } else if (token.text == ".minnctapersm" || token.text == ".maxnreg" || token.text == ".maxnctapersm") {
    expectInteger("a number");
  } else if (token.text == ".noreturn") {
    fail(token.line, "'.noreturn' is not allowed on an entry");
  } else if (token.text == ".pragma") {
    --pos;
    skipDebugDirective();
  } else {
    unsupported(token.line, "directive '" + std::string(token.text) + "'");
  }
}

void Parser::parseBody() {
  for (unsigned depth = 1; depth;) {
    Token token = peek();
    if (token.kind == TokenKind::End)
      fail(token.line, "the body of '" + function->name + "' is not closed");
    if (accept('{')) {
      scopes.push_back({});
      scopes.back().parent = currentScope;
      currentScope = scopes.size() - 1;
      ++depth;
    } else if (accept('}')) {
      --depth;
      if (depth)
        currentScope = scopes[currentScope].parent;
    } else if (accept(';') || skipDebugDirective()) {
      continue;
    } else if (acceptWord(".reg")) {
      parseRegisters();
    } else if (acceptWord(".shared")) {
      parseVariable(Space::Shared, false, function->variables);
    } else if (acceptWord(".local")) {
      parseVariable(Space::Local, false, function->variables);
    } else if (token.kind == TokenKind::Word && tokens[pos + 1].is(':')) {
      pos += 2;
      parseLabel(token);
    } else if (token.kind == TokenKind::Word && token.text[0] == '.') {
      unsupported(token.line, "directive '" + std::string(token.text) + "' in a function");
    } else {
      parseStatement();
    }
  }
}

void Parser::parseLabel(const Token &token) {
  if (peek().isWord(".branchtargets")) {
    ++pos;
    std::vector<std::string_view> targets;
    do
      targets.push_back(expectWord("a label").text);
    while (accept(','));
    expect(';');
    scopes[currentScope].targetLists[token.text] = std::move(targets);
    return;
  }
  Symbol &symbol = declare(token, Symbol::Label);
  symbol.id = function->statements.size();
}

Symbol &Parser::declare(const Token &token, Symbol::Kind kind) {
  Symbol &symbol = module->symbols.emplace_back();
  symbol.kind = kind;
  symbol.name = token.text;
  symbol.line = token.line;
  auto &names = function ? scopes[currentScope].names : globals;
  if (!names.try_emplace(symbol.name, &symbol).second)
    fail(token.line, "'" + symbol.name + "' is declared twice");
  return symbol;
}

void Parser::parseRegisters() {
  Token typeToken = expectWord("a type");
  Type type = typeToken.text[0] == '.' ? parseType(typeToken.text.substr(1)) : Type::None;
  if (type == Type::None)
    unsupported(typeToken.line, "register type '" + std::string(typeToken.text) + "'");
  auto add = [&](const Token &token) {
    Symbol &symbol = declare(token, Symbol::Register);
    symbol.type = type;
    symbol.id = function->numRegisters++;
    function->registers.push_back(&symbol);
  };
  do {
    Token name = expectWord("a register name");
    if (!accept('<')) {
      add(name);
      continue;
    }
    int64_t count = expectInteger("a number of registers");
    expect('>');
    if (count < 0 || count > 1000000)
      fail(name.line, "bad number of registers " + std::to_string(count));
    for (int64_t i = 0; i < count; ++i) {
      Token numbered = name;
      numbered.text = module->names.emplace_back(std::string(name.text) + std::to_string(i));
      add(numbered);
    }
  } while (accept(','));
  expect(';');
}

void Parser::parseStatement() {
  Statement st;
  st.scope = currentScope;
  st.line = peek().line;
  if (accept('@')) {
    st.guardNegated = accept('!');
    guardNames.push_back({function->statements.size(), expectWord("a predicate").text});
  }
  Token opcode = expectWord("an instruction");
  st.line = opcode.line;
  st.opcode = opcode.text;
  for (size_t start = 0; start <= opcode.text.size();) {
    size_t dot = std::min(opcode.text.find('.', start), opcode.text.size());
    st.parts.push_back(opcode.text.substr(start, dot - start));
    start = dot + 1;
  }
  if (!peek().is(';')) {
    do {
      Operand operand = parseOperand();
      if (accept('|')) {
        Operand pair;
        pair.kind = Operand::Pair;
        pair.elements.push_back(std::move(operand));
        pair.elements.push_back(parseOperand());
        operand = std::move(pair);
      }
      st.operands.push_back(std::move(operand));
    } while (accept(','));
  }
  expect(';');
  function->statements.push_back(std::move(st));
}

Operand Parser::parseOperand() {
  Operand operand;
  Token token = take();
  if (token.is('!')) {
    operand = parseOperand();
    operand.negated = true;
  } else if (token.is('-')) {
    Token number = take();
    operand.name = number.text;
    if (number.kind == TokenKind::Integer) {
      operand.bits = -number.bits;
    } else if (number.kind == TokenKind::Float64) {
      operand.kind = Operand::Float64;
      operand.bits = number.bits ^ uint64_t(1) << 63;
    } else {
      fail(token.line, "expected a number after '-'");
    }
  } else if (token.is('[')) {
    operand.kind = Operand::Address;
    if (peek().kind == TokenKind::Word)
      operand.name = take().text;
    else
      operand.offset = expectInteger("an address");
    parseOffset(operand);
    if (peek().is(','))
      unsupported(token.line, "address with coordinates");
    expect(']');
  } else if (token.is('{')) {
    operand.kind = Operand::Vector;
    if (!peek().is('}')) {
      do
        operand.elements.push_back(parseOperand());
      while (accept(','));
    }
    expect('}');
  } else if (token.kind == TokenKind::Integer) {
    operand.bits = token.bits;
    operand.name = token.text;
  } else if (token.kind == TokenKind::Float32 || token.kind == TokenKind::Float64) {
    operand.kind = token.kind == TokenKind::Float32 ? Operand::Float32 : Operand::Float64;
    operand.bits = token.bits;
    operand.name = token.text;
  } else if (token.isWord("_")) {
    operand.kind = Operand::Sink;
    operand.name = token.text;
  } else if (token.kind == TokenKind::Word) {
    operand.kind = Operand::Symbol_;
    operand.name = token.text;
    parseOffset(operand);
  } else {
    fail(token.line, "expected an operand, found '" + std::string(token.text) + "'");
  }
  return operand;
}

void Parser::parseOffset(Operand &operand) {
  while (peek().is('+') || peek().is('-')) {
    bool negative = take().is('-');
    int64_t value = expectInteger("an offset");
    operand.offset += negative ? -value : value;
  }
}

std::unique_ptr<ModuleAst> ptx::parse(std::string_view text) { return Parser(text).run(); }
