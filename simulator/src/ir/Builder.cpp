//===- Builder.cpp - Statement to Inst ------------------------------------===//

#include "ir/Builder.h"

#include "ir/SpecialRegisters.h"
#include "qccsim/Error.h"

#include <algorithm>
#include <bit>
#include <cstring>

using namespace qccsim;
using namespace qccsim::ptx;

FunctionBuilder::FunctionBuilder(KernelProgram &program, const Function &function)
    : program(program), function(function) {
  predOf.resize(function.numRegisters);
  for (const Symbol *symbol : function.registers) {
    if (symbol->type == Type::Pred)
      predOf[symbol->id] = program.numPreds++;
    widths.push_back(ptx::bitsOf(symbol->type));
  }
}

uint32_t FunctionBuilder::addVirtual(unsigned bits) {
  widths.push_back(bits);
  return widths.size() - 1;
}

uint32_t FunctionBuilder::special(SpecialRegister which, unsigned bits) {
  auto [it, added] = specials.try_emplace({which, bits}, 0);
  if (added) {
    it->second = addVirtual(bits);
    program.specials.push_back({which, it->second, bits == 64});
  }
  return it->second;
}

Ref FunctionBuilder::constant(uint64_t value, unsigned bits) {
  bits = bits == 64 ? 64 : 32;
  if (bits == 32)
    value &= 0xffffffffu;
  auto [it, added] = constants.try_emplace({value, bits}, 0);
  if (added) {
    std::vector<uint8_t> &pool = program.constants;
    size_t offset = pool.size();
    it->second = constantBank | offset;
    pool.resize(offset + 32 * bits / 8);
    for (unsigned lane = 0; lane < 32; ++lane)
      std::memcpy(pool.data() + offset + lane * bits / 8, &value, bits / 8);
  }
  return it->second;
}

InstBuilder::InstBuilder(FunctionBuilder &fb, const Statement &st)
    : fb(fb), st(st), modifiers(st.parts.begin() + 1, st.parts.end()) {
  if (st.guard)
    inst.guard = fb.predicate(*st.guard) | st.guardNegated;
  inst.refs = fb.program.refs.size();
}

void InstBuilder::fail(const std::string &message) const {
  throw SimError(ErrorKind::InvalidPtx,
                 "line " + std::to_string(st.line) + ": " + message + " in '" + std::string(st.opcode) + "'", st.line);
}

void InstBuilder::unsupported(const std::string &reason) const {
  throw SimError(ErrorKind::UnsupportedInstruction,
                 "line " + std::to_string(st.line) + ": unsupported instruction '" + std::string(st.opcode) + "'" +
                     (reason.empty() ? "" : ": " + reason),
                 st.line);
}

bool InstBuilder::take(std::string_view name) {
  auto it = std::find(modifiers.begin(), modifiers.end(), name);
  if (it == modifiers.end())
    return false;
  modifiers.erase(it);
  return true;
}

int InstBuilder::takeOneOf(std::initializer_list<std::string_view> names) {
  for (auto it = modifiers.begin(); it != modifiers.end(); ++it) {
    auto found = std::find(names.begin(), names.end(), *it);
    if (found == names.end())
      continue;
    modifiers.erase(it);
    return found - names.begin();
  }
  return -1;
}

Type InstBuilder::takeTypeIfAny() {
  for (auto it = modifiers.begin(); it != modifiers.end(); ++it) {
    Type type = parseType(*it);
    if (type == Type::None)
      continue;
    modifiers.erase(it);
    return type;
  }
  return Type::None;
}

Type InstBuilder::takeType() {
  Type type = takeTypeIfAny();
  if (type == Type::None)
    unsupported("no type the simulator knows");
  return type;
}

void InstBuilder::finishModifiers() {
  if (!modifiers.empty())
    unsupported("modifier '." + std::string(modifiers.front()) + "'");
}

void InstBuilder::expectOperands(unsigned least, unsigned most) {
  if (st.operands.size() < least || st.operands.size() > most)
    fail("expected " + std::to_string(least) + (most != least ? " to " + std::to_string(most) : "") +
         " operands, found " + std::to_string(st.operands.size()));
}

uint64_t InstBuilder::immediateBits(const Operand &operand, Type type) {
  unsigned bits = ptx::bitsOf(type);
  uint64_t value = operand.bits;
  if (operand.kind == Operand::Float32) {
    if (bits == 64)
      return std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(value))));
    if (bits != 32)
      fail("32-bit float immediate for type ." + std::string(toString(type)));
    return value;
  }
  if (operand.kind == Operand::Float64) {
    if (type == Type::F32)
      return std::bit_cast<uint32_t>(float(std::bit_cast<double>(value)));
    if (bits != 64)
      fail("64-bit float immediate for type ." + std::string(toString(type)));
    return value;
  }
  return bits >= 64 ? value : value & ((uint64_t(1) << bits) - 1);
}

Ref InstBuilder::registerRef(const Operand &operand, Type type, unsigned &bits, bool wide, bool isDef) {
  const Symbol &symbol = *operand.symbol;
  unsigned width = ptx::bitsOf(symbol.type), wanted = ptx::bitsOf(type);
  if (symbol.type == Type::Pred || (wide ? width < wanted : width != wanted) || width > 64)
    fail("register '" + symbol.name + "' of type ." + toString(symbol.type) + " where one of ." + toString(type) +
         " is needed");
  if (operand.offset || operand.negated)
    fail("bad use of register '" + symbol.name + "'");
  bits = width;
  (isDef ? effects.defs : effects.uses).push_back(symbol.id);
  return symbol.id;
}

Ref InstBuilder::useWide(const Operand &operand, Type type, unsigned &bits) {
  unsigned wanted = ptx::bitsOf(type);
  switch (operand.kind) {
  case Operand::Integer:
  case Operand::Float32:
  case Operand::Float64:
    bits = wanted == 64 ? 64 : wanted;
    return fb.constant(immediateBits(operand, type), bits);
  case Operand::Special: {
    SpecialRegister which;
    unsigned width;
    if (operand.name == "WARP_SZ") {
      bits = wanted;
      return fb.constant(32, wanted);
    }
    if (!findSpecialRegister(operand.name, which, width))
      unsupported("special register '" + std::string(operand.name) + "'");
    bits = wanted;
    uint32_t reg = fb.special(which, wanted == 64 ? 64 : 32);
    effects.uses.push_back(reg);
    return reg;
  }
  case Operand::Symbol_:
    if (operand.symbol->kind == Symbol::Register)
      return registerRef(operand, type, bits, true, false);
    if (operand.symbol->kind == Symbol::Variable && wanted >= 32) {
      bits = wanted;
      return fb.constant(operand.symbol->address + operand.offset, wanted);
    }
    [[fallthrough]];
  default:
    fail("bad operand '" + std::string(operand.name) + "'");
  }
}

Ref InstBuilder::use(const Operand &operand, Type type) {
  unsigned bits;
  if (operand.kind == Operand::Symbol_ && operand.symbol->kind == Symbol::Register)
    return registerRef(operand, type, bits, false, false);
  return useWide(operand, type, bits);
}

Ref InstBuilder::defWide(const Operand &operand, Type type, unsigned &bits) {
  if (operand.kind == Operand::Sink) {
    bits = ptx::bitsOf(type) == 64 ? 64 : 32;
    uint32_t reg = fb.special(SpecialRegister::Zero, bits);
    effects.defs.push_back(reg);
    return reg;
  }
  if (operand.kind != Operand::Symbol_ || operand.symbol->kind != Symbol::Register)
    fail("the result must be a register");
  return registerRef(operand, type, bits, true, true);
}

Ref InstBuilder::def(const Operand &operand, Type type) {
  unsigned bits;
  if (operand.kind == Operand::Symbol_ && operand.symbol->kind == Symbol::Register)
    return registerRef(operand, type, bits, false, true);
  return defWide(operand, type, bits);
}

PredRef InstBuilder::usePred(const Operand &operand) {
  if (operand.kind == Operand::Integer)
    return predTrue | (operand.bits == 0);
  if (operand.kind != Operand::Symbol_ || operand.symbol->kind != Symbol::Register ||
      operand.symbol->type != Type::Pred)
    fail("'" + std::string(operand.name) + "' is not a predicate register");
  return fb.predicate(*operand.symbol) | operand.negated;
}

PredRef InstBuilder::defPred(const Operand &operand) {
  if (operand.kind == Operand::Sink)
    return predSink;
  if (operand.kind == Operand::Integer || operand.negated)
    fail("the result must be a predicate register");
  return usePred(operand);
}

uint64_t InstBuilder::immediate(unsigned i) {
  if (!isImmediate(i))
    fail("operand " + std::to_string(i + 1) + " must be an integer constant");
  return operand(i).bits;
}

Ref InstBuilder::address(unsigned i, unsigned &bits, Space &variableSpace) {
  const Operand &op = operand(i);
  if (op.kind != Operand::Address)
    fail("operand " + std::to_string(i + 1) + " must be an address in brackets");
  variableSpace = Space::Register;
  inst.imm = op.offset;
  bits = 64;
  if (op.symbol && op.symbol->kind == Symbol::Variable) {
    variableSpace = op.symbol->space;
    inst.imm += op.symbol->address;
  } else if (op.symbol) {
    if (op.symbol->kind == Symbol::Label)
      fail("'" + op.symbol->name + "' is a label");
    Operand base = op;
    base.offset = 0;
    Type type = ptx::bitsOf(op.symbol->type) == 64 ? Type::B64 : Type::B32;
    return registerRef(base, type, bits, false, false);
  }
  return fb.constant(0, 64);
}

void InstBuilder::addRef(Ref ref) {
  fb.program.refs.push_back(ref);
  ++inst.numRefs;
}

void InstBuilder::addRefs(const std::vector<Ref> &refs) {
  for (Ref ref : refs)
    addRef(ref);
}

void InstBuilder::emit(Handler fn) {
  inst.fn = fn;
  inst.statement = fb.program.lines.size() - 1;
  fb.program.code.push_back(inst);
  fb.effects.push_back(std::move(effects));
  effects = {};
}
