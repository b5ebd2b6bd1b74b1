//===- Decode.h - Function to KernelProgram -------------------------------===//

#ifndef QCCSIM_IR_DECODE_H
#define QCCSIM_IR_DECODE_H

#include "ir/Program.h"
#include "ptx/Ast.h"
#include "qccsim/Module.h"

#include <memory>
#include <vector>

namespace qccsim {

struct DecodedKernel {
  std::unique_ptr<KernelProgram> program;
  std::vector<KernelParameter> parameters;
  unsigned registers = 0; ///< 32-bit registers live at once at most
};

/// Lays out parameters, shared and local variables and decodes all statements.
/// What is refused is appended to `diagnostics`; the program is unusable then.
/// The addresses of the module's global variables are set.
DecodedKernel decodeKernel(const ptx::ModuleAst &module, const ptx::Function &function,
                           std::vector<Diagnostic> &diagnostics);

} // namespace qccsim

#endif // QCCSIM_IR_DECODE_H
