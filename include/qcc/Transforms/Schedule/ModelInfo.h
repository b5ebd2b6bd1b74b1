//===- ModelInfo.h - What the module says of the whole model -----*- C++ -*-===//
#ifndef QCC_TRANSFORMS_SCHEDULE_MODELINFO_H
#define QCC_TRANSFORMS_SCHEDULE_MODELINFO_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace qcc {

/// Sizes that an engine is planned for; 0 context means the model's own.
struct ModelLimits {
  int64_t maxContext = 0, maxTokens = 0, maxSequences = 0, maxLogitRows = 0;
  std::string options; ///< how it was compiled, for people and inspection tools
};

/// Names of the entry's inputs and outputs, in the order of `forward`'s arguments and results.
llvm::ArrayRef<llvm::StringRef> entryInputs();
llvm::ArrayRef<llvm::StringRef> entryOutputs();

/// Fails with a diagnostic when the module does not describe its model; its contents are the dialect's to verify.
llvm::LogicalResult requireModel(mlir::ModuleOp module);

/// The model's own longest context (module attribute graph.model), which bounds ModelLimits::maxContext.
int64_t modelContext(mlir::ModuleOp module);

/// Writes `engine.model` from the importer's `graph.model` dictionary and the limits.
void createModelOp(mlir::OpBuilder &builder, mlir::ModuleOp module, const ModelLimits &limits, int64_t arenaBytes);

} // namespace qcc

#endif // QCC_TRANSFORMS_SCHEDULE_MODELINFO_H
