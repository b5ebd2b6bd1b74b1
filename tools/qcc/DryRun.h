//===- DryRun.h - The plan in figures -----------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_DRYRUN_H
#define QCC_TOOLS_QCC_DRYRUN_H

#include "Options.h"

#include "mlir/IR/BuiltinOps.h"

namespace qcc::driver {

/// Prints parameters, bytes per format, K/V bytes per token and what fits the target's memory, from engine-phase IR.
Status printDryRun(mlir::ModuleOp module, const Options &options, llvm::raw_ostream &os);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_DRYRUN_H
