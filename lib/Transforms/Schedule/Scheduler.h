//===- Scheduler.h - Shared state of the graph → kernel rewrite ---*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_SCHEDULE_SCHEDULER_H
#define QCC_LIB_TRANSFORMS_SCHEDULE_SCHEDULER_H

#include "LinearFormats.h"
#include "qcc/Dialect/Kernel/KernelDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qcc {

/// Rewrites `forward` family by family. Each step replaces graph ops by kernel ops and leaves the ops it absorbed
/// without users; what is left at the end is dead or has no kernel. The order of the steps says who absorbs whom:
/// attention first (it takes norms, RoPE and reshapes of heads), then linears (they take residual adds), norms and
/// point-wise chains (they take quantizations), at last row gathers and the choice.
class Scheduler {
public:
  Scheduler(mlir::ModuleOp module, mlir::func::FuncOp function, int64_t maxContext)
      : module(module), function(function), symbols(module), maxContext(maxContext) {}

  mlir::LogicalResult run();
  int64_t kernelsCreated() const;

private:
  mlir::LogicalResult scheduleAttention(graph::AttentionOp op);
  mlir::LogicalResult scheduleLinear(graph::LinearOp op);
  void scheduleNorm(graph::RmsNormOp op);
  mlir::LogicalResult schedulePointwise(mlir::Operation *root);
  void scheduleRest();
  mlir::LogicalResult eraseDead();

  kernel::SizeAttr rows(mlir::Operation *op);
  /// One packed tensor for each of `parts`.
  llvm::SmallVector<mlir::Value> packWeight(mlir::OpBuilder &builder, graph::LinearOp op, const WeightView &weight,
                                            llvm::ArrayRef<PackedPart> parts);
  mlir::Value ropeTable(mlir::OpBuilder &builder, graph::RopeAttr rope, mlir::Location loc);

  mlir::ModuleOp module;
  mlir::func::FuncOp function;
  mlir::SymbolTable symbols;
  int64_t maxContext;
  llvm::DenseMap<mlir::Operation *, kernel::Size> rowSizes;
  /// By the unpacked weight (WeightView::key) and the layouts of the packed one: linears of one weight share it.
  llvm::DenseMap<std::pair<mlir::Attribute, mlir::Attribute>, graph::DerivedOp> packedWeights;
};

/// f32, rounded to bf16 and back: what a bf16-typed value of the graph is inside a kernel body.
mlir::Value extendToF32(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);
mlir::Value roundTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value, mlir::Type type);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_SCHEDULE_SCHEDULER_H
