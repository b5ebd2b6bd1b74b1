//===- Runnable.h - A model in one variant, ready to run ----------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_EVAL_RUNNABLE_H
#define QCC_TOOLS_QCC_EVAL_RUNNABLE_H

#include "Options.h"
#include "WorkDirectory.h"
#include "qcc/Import/HuggingFace/Import.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

namespace qcc::eval {

/// Members keep each other alive in this order.
struct Runnable {
  tools::WorkDirectory work;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<ParameterSource> weights;
  std::unique_ptr<interp::Interpreter> interpreter;
};

/// Quantizes the model as the variant says; sequences may have up to `longest` tokens. `observer` may be empty.
Expected<Runnable> prepare(mlir::MLIRContext &context, const hf::Model &model, const Options &options,
                           const Variant &variant, int64_t longest, interp::Observer observer = {});

} // namespace qcc::eval

#endif // QCC_TOOLS_QCC_EVAL_RUNNABLE_H
