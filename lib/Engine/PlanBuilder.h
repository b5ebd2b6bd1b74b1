//===- PlanBuilder.h - The engine dialect as the file's plan ------*- C++ -*-===//
#ifndef QCC_LIB_ENGINE_PLANBUILDER_H
#define QCC_LIB_ENGINE_PLANBUILDER_H

#include "qcc/CodeGen/KernelInstance.h"
#include "qcc/Dialect/Engine/EngineDialect.h"
#include "qcc/Engine/EngineFile.h"

#include "mlir/IR/BuiltinOps.h"

namespace qcc {

/// What the engine ops say, in the file's terms; kernels are without images yet.
struct BuiltPlan {
  engine_file::Plan plan;
  std::vector<engine_file::Constant> constants;
  std::vector<engine::ConstantOp> constantOps;        ///< one per constant
  std::vector<codegen::KernelInstance> kernelSources; ///< one per plan.kernels: symbol and source only
};

/// Fails on a module that is not of the engine phase.
Expected<BuiltPlan> buildPlan(mlir::ModuleOp module);

} // namespace qcc

#endif // QCC_LIB_ENGINE_PLANBUILDER_H
