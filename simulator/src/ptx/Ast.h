//===- Ast.h - A parsed PTX module ----------------------------------------===//
//
// Names are resolved: an operand points to the symbol it means. What an opcode
// means is not known here; see ir/.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_PTX_AST_H
#define QCCSIM_PTX_AST_H

#include "ptx/Types.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace qccsim::ptx {

enum class Space : uint8_t { Generic, Global, Shared, Local, Const, Param, Register };

struct Symbol {
  enum Kind : uint8_t { Register, Variable, Label } kind = Register;
  std::string name;
  Type type = Type::None; ///< of a register, or of a variable's elements
  Space space = Space::Register;
  uint64_t bytes = 0; ///< of a variable; 0 for an unsized extern array
  uint64_t alignment = 1;
  uint64_t address = 0; ///< of a variable in its space, once laid out
  bool isExtern = false;
  unsigned line = 0;
  int id = -1; ///< register: number in its function; label: index of the statement
  /// Initialiser: bytes, and addresses of other variables to be added at offsets.
  std::vector<uint8_t> initialiser;
  struct Reference {
    uint64_t offset;
    std::string target;
    int64_t addend;
    unsigned bytes;
    bool generic;
  };
  std::vector<Reference> references;
};

struct Operand {
  enum Kind : uint8_t {
    Symbol_, ///< register, variable or label, with `offset` added to a variable's address
    Special, ///< special register, by name
    Integer, ///< `bits`
    Float32,
    Float64,
    Address, ///< [symbol + offset] or [offset]
    Vector,  ///< {a, b, ...}
    Pair,    ///< a|b
    Sink,    ///< _
  } kind = Integer;
  bool negated = false; ///< !p
  Symbol *symbol = nullptr;
  std::string_view name; ///< as written
  uint64_t bits = 0;
  int64_t offset = 0;
  std::vector<Operand> elements;
};

struct Statement {
  unsigned line = 0;
  std::string_view opcode;             ///< as written
  std::vector<std::string_view> parts; ///< "ld", "global", "v4", "f32"
  Symbol *guard = nullptr;
  bool guardNegated = false;
  std::vector<Operand> operands;
  unsigned scope = 0;
  std::vector<Symbol *> branchTargets; ///< of brx.idx
};

struct Function {
  std::string name;
  unsigned line = 0;
  bool isEntry = false;
  std::vector<Symbol *> parameters;
  std::vector<Statement> statements;
  std::vector<Symbol *> variables; ///< .shared and .local of the body
  unsigned numRegisters = 0;
  std::vector<Symbol *> registers;
  unsigned maxThreads = 0; ///< .maxntid or .reqntid, product; 0 if absent
  unsigned requiredThreads[3] = {0, 0, 0};
};

struct ModuleAst {
  int version = 0; ///< 90 for 9.0
  int target = 0;  ///< 90 for sm_90 and sm_90a
  std::vector<std::unique_ptr<Function>> functions;
  std::vector<Symbol *> variables; ///< .global, .const and .shared of the module
  std::deque<Symbol> symbols;      ///< owns all
  std::deque<std::string> names;   ///< owns strings made while parsing
};

/// Throws SimError(InvalidPtx or UnsupportedInstruction) with the line.
/// The result points into `text`.
std::unique_ptr<ModuleAst> parse(std::string_view text);

} // namespace qccsim::ptx

#endif // QCCSIM_PTX_AST_H
