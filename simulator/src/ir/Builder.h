//===- Builder.h - Statement to Inst --------------------------------------===//

#ifndef QCCSIM_IR_BUILDER_H
#define QCCSIM_IR_BUILDER_H

#include "ir/Program.h"
#include "ptx/Ast.h"

#include <map>
#include <string>
#include <unordered_map>

namespace qccsim {

using ptx::Type;

/// What the statements of one function share while they are decoded.
class FunctionBuilder {
public:
  FunctionBuilder(KernelProgram &program, const ptx::Function &function);

  KernelProgram &program;
  const ptx::Function &function;

  /// Virtual register of a special register; made at its first use.
  uint32_t special(SpecialRegister which, unsigned bits);
  /// Broadcast constant.
  Ref constant(uint64_t value, unsigned bits);
  PredRef predicate(const ptx::Symbol &symbol) const { return predOf[symbol.id] * 2; }
  uint32_t addVirtual(unsigned bits);

  /// Orders the basic blocks so that diverged threads meet where their paths join, and drops
  /// what cannot be reached. Branches have their targets.
  void layOutBlocks();
  /// Replaces the virtual registers of all Refs by places, sharing places
  /// between registers that are never live together. Returns the number of
  /// 32-bit registers live at once at most.
  unsigned assignPlaces();

  /// Defined and used virtual registers of instruction i, filled by InstBuilder.
  struct Effects {
    std::vector<uint32_t> defs, uses;
  };
  std::vector<Effects> effects;

private:
  std::vector<uint32_t> predOf; ///< by register id
  std::vector<unsigned> widths; ///< by virtual register
  std::map<std::pair<uint64_t, unsigned>, Ref> constants;
  std::map<std::pair<SpecialRegister, unsigned>, uint32_t> specials;
};

/// One statement being decoded: gives its modifiers and operands out one after
/// the other, checks their types, and refuses what was not asked for.
class InstBuilder {
public:
  InstBuilder(FunctionBuilder &fb, const ptx::Statement &st);

  FunctionBuilder &fb;
  const ptx::Statement &st;
  Inst inst;

  // Modifiers. ------------------------------------------------------------
  /// Takes modifier `name`, wherever it stands.
  bool take(std::string_view name);
  /// Takes the first modifier that is one of `names`; its index, or -1.
  int takeOneOf(std::initializer_list<std::string_view> names);
  /// Takes the first modifier that is a type; InvalidPtx if there is none.
  Type takeType();
  Type takeTypeIfAny();
  /// Refuses modifiers nobody took.
  void finishModifiers();
  const std::vector<std::string_view> &remaining() const { return modifiers; }

  // Operands. -------------------------------------------------------------
  void expectOperands(unsigned least, unsigned most);
  void expectOperands(unsigned count) { expectOperands(count, count); }
  unsigned numOperands() const { return st.operands.size(); }
  const ptx::Operand &operand(unsigned i) const { return st.operands[i]; }

  /// Register or immediate of exactly this type's width.
  Ref use(const ptx::Operand &operand, Type type);
  Ref use(unsigned i, Type type) { return use(operand(i), type); }
  /// Register of at least the width; `bits` receives its width (32 or 64).
  Ref useWide(const ptx::Operand &operand, Type type, unsigned &bits);
  Ref def(const ptx::Operand &operand, Type type);
  Ref def(unsigned i, Type type) { return def(operand(i), type); }
  Ref defWide(const ptx::Operand &operand, Type type, unsigned &bits);
  PredRef usePred(const ptx::Operand &operand);
  PredRef usePred(unsigned i) { return usePred(operand(i)); }
  PredRef defPred(const ptx::Operand &operand);
  /// True where the operand is a register that also is read (d of a guarded
  /// instruction keeps its old value): liveness needs no help for that.
  uint64_t immediate(unsigned i);
  bool isImmediate(unsigned i) const { return operand(i).kind == ptx::Operand::Integer; }
  /// Address operand: sets inst.imm to the offset; the Ref is the base register, a 64-bit one
  /// where `bits` is 64. A variable's address is folded into the offset over a zero constant.
  Ref address(unsigned i, unsigned &bits, ptx::Space &variableSpace);
  void addRef(Ref ref);
  void addRefs(const std::vector<Ref> &refs);

  /// Appends `inst` with its handler.
  void emit(Handler fn);

  [[noreturn]] void fail(const std::string &message) const;
  /// "unsupported instruction 'opcode'" with a reason.
  [[noreturn]] void unsupported(const std::string &reason = "") const;

private:
  Ref registerRef(const ptx::Operand &operand, Type type, unsigned &bits, bool wide, bool isDef);
  uint64_t immediateBits(const ptx::Operand &operand, Type type);

  std::vector<std::string_view> modifiers;
  FunctionBuilder::Effects effects;
};

/// Decodes a statement and appends it to the function's program.
using DecodeFn = void (*)(InstBuilder &);
using OpcodeTable = std::unordered_map<std::string_view, DecodeFn>;
/// All opcodes the simulator knows, by root ("add", "ld", "mma").
const OpcodeTable &opcodeTable();

// Each family of src/ops adds its roots.
void addArithmeticOps(OpcodeTable &table);
void addFloatOps(OpcodeTable &table);
void addLogicOps(OpcodeTable &table);
void addCompareOps(OpcodeTable &table);
void addConvertOps(OpcodeTable &table);
void addControlOps(OpcodeTable &table);
void addWarpOps(OpcodeTable &table);
void addMemoryOps(OpcodeTable &table);
void addAtomicOps(OpcodeTable &table);
void addAsyncOps(OpcodeTable &table);
void addMatrixOps(OpcodeTable &table);

} // namespace qccsim

#endif // QCCSIM_IR_BUILDER_H
