//===- Decode.cpp - Function to KernelProgram -----------------------------===//

#include "ir/Decode.h"

#include "ir/Builder.h"
#include "ir/ControlFlow.h"
#include "qccsim/Error.h"

#include <algorithm>
#include <set>

using namespace qccsim;
using namespace qccsim::ptx;

static uint64_t alignTo(uint64_t value, uint64_t alignment) { return (value + alignment - 1) / alignment * alignment; }

const OpcodeTable &qccsim::opcodeTable() {
  static const OpcodeTable table = [] {
    OpcodeTable t;
    addArithmeticOps(t);
    addFloatOps(t);
    addLogicOps(t);
    addCompareOps(t);
    addConvertOps(t);
    addControlOps(t);
    addWarpOps(t);
    addMemoryOps(t);
    addAtomicOps(t);
    addAsyncOps(t);
    addMatrixOps(t);
    return t;
  }();
  return table;
}

static void collectShared(const Operand &operand, std::set<Symbol *> &used) {
  if (operand.symbol && operand.symbol->space == Space::Shared)
    used.insert(operand.symbol);
  for (const Operand &element : operand.elements)
    collectShared(element, used);
}

/// Shared variables of the module count for the kernels that name them.
static void layOutShared(const ModuleAst &module, const Function &function, KernelProgram &program) {
  std::set<Symbol *> used;
  for (const Statement &st : function.statements)
    for (const Operand &operand : st.operands)
      collectShared(operand, used);
  std::vector<Symbol *> variables, unsized;
  for (Symbol *symbol : function.variables)
    if (symbol->space == Space::Shared)
      variables.push_back(symbol);
  for (Symbol *symbol : module.variables)
    if (symbol->space == Space::Shared && used.count(symbol))
      (symbol->isExtern ? unsized : variables).push_back(symbol);
  uint64_t offset = 0;
  for (Symbol *symbol : variables) {
    symbol->address = alignTo(offset, symbol->alignment);
    offset = symbol->address + symbol->bytes;
  }
  program.staticShared = offset;
  uint64_t alignment = unsized.empty() ? 1 : 16;
  for (Symbol *symbol : unsized)
    alignment = std::max(alignment, symbol->alignment);
  program.dynamicSharedBase = alignTo(offset, alignment);
  for (Symbol *symbol : unsized)
    symbol->address = program.dynamicSharedBase;
}

static void layOut(const ModuleAst &module, const Function &function, DecodedKernel &kernel) {
  KernelProgram &program = *kernel.program;
  uint64_t offset = 0;
  for (Symbol *symbol : function.parameters) {
    symbol->address = alignTo(offset, symbol->alignment);
    offset = symbol->address + symbol->bytes;
    kernel.parameters.push_back({symbol->address, symbol->bytes, symbol->alignment});
  }
  program.parameterBytes = offset;
  layOutShared(module, function, program);
  uint64_t local = 0;
  for (Symbol *symbol : function.variables) {
    if (symbol->space != Space::Local)
      continue;
    symbol->address = alignTo(local, symbol->alignment);
    local = symbol->address + symbol->bytes;
  }
  program.localBytes = alignTo(local, 16);
}

static void decodeStatement(FunctionBuilder &fb, const Statement &st) {
  fb.program.lines.push_back({st.line, std::string(st.opcode)});
  InstBuilder builder(fb, st);
  auto it = opcodeTable().find(st.parts[0]);
  if (it == opcodeTable().end())
    builder.unsupported();
  it->second(builder);
}

/// Branches were decoded with statement numbers for targets.
static void resolveTargets(KernelProgram &program, const std::vector<uint32_t> &firstInst) {
  for (Inst &inst : program.code)
    if (inst.fn == execBranch)
      inst.target = firstInst[inst.target];
  for (std::vector<uint32_t> &table : program.branchTables)
    for (uint32_t &target : table)
      target = firstInst[target];
}

DecodedKernel qccsim::decodeKernel(const ModuleAst &module, const Function &function,
                                   std::vector<Diagnostic> &diagnostics) {
  DecodedKernel kernel;
  kernel.program = std::make_unique<KernelProgram>();
  KernelProgram &program = *kernel.program;
  program.name = function.name;
  program.targetArch = module.target;
  std::copy_n(function.requiredThreads, 3, program.requiredThreads);
  layOut(module, function, kernel);

  FunctionBuilder fb(program, function);
  std::vector<uint32_t> firstInst;
  size_t before = diagnostics.size();
  for (const Statement &st : function.statements) {
    firstInst.push_back(program.code.size());
    try {
      decodeStatement(fb, st);
    } catch (const SimError &error) {
      diagnostics.push_back({error.ptxLine, error.what(), error.kind == ErrorKind::UnsupportedInstruction});
    }
  }
  firstInst.push_back(program.code.size());
  if (diagnostics.size() != before)
    return kernel;

  Inst end;
  end.fn = execExit;
  end.cls = InstClass::Control;
  program.lines.push_back({function.line, "end of kernel"});
  end.statement = program.lines.size() - 1;
  program.code.push_back(end);
  fb.effects.emplace_back();
  resolveTargets(program, firstInst);
  fb.layOutBlocks();
  kernel.registers = fb.assignPlaces();
  return kernel;
}
