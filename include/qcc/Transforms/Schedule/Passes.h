//===- Passes.h - Passes of the schedule and engine phases --------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_SCHEDULE_PASSES_H
#define QCC_TRANSFORMS_SCHEDULE_PASSES_H

#include "qcc/Dialect/Engine/EngineDialect.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Dialect/Kernel/KernelDialect.h"

#include "mlir/Pass/Pass.h"

namespace qcc {

#define GEN_PASS_DECL
#include "qcc/Transforms/Schedule/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "qcc/Transforms/Schedule/Passes.h.inc"

struct ModelLimits;

/// Quantized graph IR to kernel ops, closed by its verifier. `targets` are compute capabilities; the lowest decides
/// what is allowed.
void buildSchedulePipeline(mlir::OpPassManager &pm, const std::vector<int> &targets, const ModelLimits &limits);
/// Kernel ops to engine ops, closed by its verifier.
void buildEnginePipeline(mlir::OpPassManager &pm, const ModelLimits &limits);

} // namespace qcc

#endif // QCC_TRANSFORMS_SCHEDULE_PASSES_H
