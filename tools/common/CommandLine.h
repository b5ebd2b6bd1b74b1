//===- CommandLine.h - Flags of LLVM, messages of MLIR ------------*- C++ -*-===//
#ifndef QCC_TOOLS_COMMON_COMMANDLINE_H
#define QCC_TOOLS_COMMON_COMMANDLINE_H

#include "qcc/Support/Error.h"

#include "mlir/IR/Diagnostics.h"

#include <string>

namespace qcc::tools {

/// Parses all registered flags. Refuses what LLVM would take: an empty argument, which is mostly a variable that is not
/// set, and a flag given twice that holds one value. The message is empty where LLVM has printed its own.
Status parseFlags(int argc, char **argv, const char *overview);

/// What passes say of the model becomes the tool's own message, "qcc: error: LAYER: …"; remarks only where they are
/// wanted. A message about a place in a file is left to the handler that was there before.
class PassMessages : public mlir::ScopedDiagnosticHandler {
public:
  PassMessages(mlir::MLIRContext &context, std::string tool, bool remarks);
};

/// "TOOL: error: …" on standard error, unless the message is empty; gives the exit status.
int report(const char *tool, const Error &error);

} // namespace qcc::tools

#endif // QCC_TOOLS_COMMON_COMMANDLINE_H
