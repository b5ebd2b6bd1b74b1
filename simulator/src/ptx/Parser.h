//===- Parser.h - PTX text to Ast -----------------------------------------===//

#ifndef QCCSIM_PTX_PARSER_H
#define QCCSIM_PTX_PARSER_H

#include "ptx/Ast.h"
#include "ptx/Lexer.h"

#include <string>

namespace qccsim::ptx {

/// Recursive descent over the tokens of one module (PTX ISA 9.0, sections 4, 5 and 11).
class Parser {
public:
  explicit Parser(std::string_view text) : tokens(tokenize(text)), module(std::make_unique<ModuleAst>()) {}

  std::unique_ptr<ModuleAst> run();

private:
  struct Scope {
    int parent = -1;
    std::unordered_map<std::string_view, Symbol *> names;
    std::unordered_map<std::string_view, std::vector<std::string_view>> targetLists;
  };

  [[noreturn]] void fail(unsigned line, const std::string &message) const;
  [[noreturn]] void unsupported(unsigned line, const std::string &message) const;
  const Token &peek() const { return tokens[pos]; }
  Token take();
  bool accept(char c);
  bool acceptWord(std::string_view word);
  void expect(char c);
  Token expectWord(const char *what);
  int64_t expectInteger(const char *what);

  void parseTopLevel();
  bool skipDebugDirective();
  void parseDeviceFunction(bool isExtern);
  void parseFunction(bool isEntry);
  void parsePerformanceDirective();
  void parseBody();
  void parseLabel(const Token &token);
  void parseRegisters();
  void parseStatement();
  Operand parseOperand();
  void parseOffset(Operand &operand);

  // Declarations.cpp
  void parseVariable(Space space, bool isExtern, std::vector<Symbol *> &list);
  void parseInitialiser(Symbol &symbol);
  void parseInitialiserValue(Symbol &symbol, uint64_t &offset);
  Symbol &declare(const Token &token, Symbol::Kind kind);
  Symbol *lookUp(std::string_view name, int scope) const;
  void resolveNames();
  void resolve(Operand &operand, const Statement &st);

  std::vector<Token> tokens;
  size_t pos = 0;
  std::unique_ptr<ModuleAst> module;
  Function *function = nullptr;
  std::unordered_map<std::string_view, Symbol *> globals;
  std::vector<Scope> scopes;
  int currentScope = 0;
  std::vector<std::pair<size_t, std::string_view>> guardNames;
};

} // namespace qccsim::ptx

#endif // QCCSIM_PTX_PARSER_H
