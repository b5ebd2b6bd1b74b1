//===- Module.cpp - A loaded PTX module -----------------------------------===//

#include "qccsim/Module.h"

#include "ir/Decode.h"
#include "qccsim/Error.h"

#include <algorithm>
#include <cstring>

using namespace qccsim;

Kernel::Kernel(std::unique_ptr<KernelProgram> program) : code(std::move(program)) {}
Kernel::~Kernel() = default;

static const ptx::Symbol *findVariable(const ptx::ModuleAst &ast, const std::string &name) {
  for (const ptx::Symbol *symbol : ast.variables)
    if (symbol->name == name)
      return symbol;
  return nullptr;
}

/// Adds the addresses of other variables to an initialiser.
static void resolveReferences(const ptx::ModuleAst &ast, ptx::Symbol &symbol) {
  for (const ptx::Symbol::Reference &reference : symbol.references) {
    const ptx::Symbol *target = findVariable(ast, reference.target);
    if (!target || target->space == ptx::Space::Shared)
      throw SimError(ErrorKind::InvalidPtx,
                     "line " + std::to_string(symbol.line) + ": initialiser of '" + symbol.name + "' names '" +
                         reference.target + "', which has no address",
                     symbol.line);
    uint64_t value = target->address + reference.addend;
    std::memcpy(symbol.initialiser.data() + reference.offset, &value, reference.bytes);
  }
}

Module::Module(DeviceMemory &memory, const DeviceProperties &device, std::string_view text) : memory(memory) {
  std::unique_ptr<ptx::ModuleAst> ast = ptx::parse(text);
  int arch = device.computeMajor * 10 + device.computeMinor;
  if (ast->target > arch)
    throw SimError(ErrorKind::UnsupportedInstruction, "the module is for sm_" + std::to_string(ast->target) +
                                                          ", the device is sm_" + std::to_string(arch));
  std::vector<Diagnostic> diagnostics;
  try {
    size_t constantBytes = 0;
    for (ptx::Symbol *symbol : ast->variables) {
      if (symbol->space == ptx::Space::Shared)
        continue;
      symbol->address = memory.allocate(std::max<uint64_t>(symbol->bytes, 1));
      allGlobals.push_back({symbol->name, symbol->address, symbol->bytes});
      if (symbol->space == ptx::Space::Const)
        constantBytes += symbol->bytes;
    }
    for (ptx::Symbol *symbol : ast->variables) {
      if (symbol->space == ptx::Space::Shared)
        continue;
      // Variables without an initialiser are zero (PTX ISA 9.0, 5.4.4).
      symbol->initialiser.resize(symbol->bytes);
      resolveReferences(*ast, *symbol);
      memory.copyIn(symbol->address, symbol->initialiser.data(), symbol->bytes);
    }
    for (const auto &function : ast->functions) {
      DecodedKernel decoded = decodeKernel(*ast, *function, diagnostics);
      if (!diagnostics.empty())
        throw SimError(diagnostics[0].unsupported ? ErrorKind::UnsupportedInstruction : ErrorKind::InvalidPtx,
                       diagnostics[0].message, diagnostics[0].line);
      const KernelProgram &program = *decoded.program;
      auto kernel = std::make_unique<Kernel>(std::move(decoded.program));
      kernel->name = function->name;
      kernel->parameters = std::move(decoded.parameters);
      kernel->parameterBytes = program.parameterBytes;
      kernel->staticSharedBytes = program.staticShared;
      kernel->localBytes = program.localBytes;
      kernel->constantBytes = constantBytes;
      if (function->maxThreads)
        kernel->maxThreadsPerBlock = std::min<int>(function->maxThreads, device.maxThreadsPerBlock);
      else
        kernel->maxThreadsPerBlock = device.maxThreadsPerBlock;
      kernel->registersPerThread = decoded.registers;
      kernel->ptxVersion = ast->version;
      kernel->targetArch = ast->target;
      allKernels.push_back(std::move(kernel));
    }
  } catch (...) {
    for (const GlobalVariable &global : allGlobals)
      memory.free(global.address);
    throw;
  }
}

Module::~Module() {
  for (const GlobalVariable &global : allGlobals)
    memory.free(global.address);
}

const Kernel *Module::findKernel(std::string_view name) const {
  for (const auto &kernel : allKernels)
    if (kernel->name == name)
      return kernel.get();
  return nullptr;
}

const GlobalVariable *Module::findGlobal(std::string_view name) const {
  for (const GlobalVariable &global : allGlobals)
    if (global.name == name)
      return &global;
  return nullptr;
}

std::vector<Diagnostic> Module::check(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  try {
    std::unique_ptr<ptx::ModuleAst> ast = ptx::parse(text);
    for (const auto &function : ast->functions)
      decodeKernel(*ast, *function, diagnostics);
  } catch (const SimError &error) {
    diagnostics.push_back({error.ptxLine, error.what(), error.kind == ErrorKind::UnsupportedInstruction});
  }
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [](const Diagnostic &a, const Diagnostic &b) { return a.line < b.line; });
  return diagnostics;
}
