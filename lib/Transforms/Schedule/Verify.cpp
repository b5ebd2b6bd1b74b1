//===- Verify.cpp - What holds after the schedule and engine phases -------===//

#include "qcc/Transforms/Schedule/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_VERIFYSCHEDULEPASS
#define GEN_PASS_DEF_VERIFYENGINEPASS
#include "qcc/Transforms/Schedule/Passes.h.inc"

namespace {

LogicalResult verifyVariants(Operation &op) {
  auto variants = op.getAttrOfType<ArrayAttr>("variants");
  if (!variants || variants.empty())
    return op.emitError("illegal after the schedule phase: a kernel op without variants");
  for (auto [index, variant] : llvm::enumerate(variants.getAsRange<kernel::VariantAttr>()))
    if (variant.getBounds().empty() != (index + 1 == variants.size()))
      return op.emitError("illegal after the schedule phase: the last variant, and no other, must be without bounds");
  return success();
}

struct VerifySchedulePass : impl::VerifySchedulePassBase<VerifySchedulePass> {
  void runOnOperation() override {
    auto function = getOperation().lookupSymbol<func::FuncOp>("forward");
    if (!function) {
      getOperation().emitError("illegal after the schedule phase: no function 'forward'");
      return signalPassFailure();
    }
    for (Operation &op : function.getBody().front()) {
      if (isa<func::ReturnOp>(op))
        continue;
      if (auto get = dyn_cast<graph::GetOp>(op)) {
        if (!SymbolTable::lookupNearestSymbolFrom<graph::DerivedOp>(get, get.getSymbolAttr())) {
          op.emitError("illegal after the schedule phase: kernels read derivations, not parameters");
          signalPassFailure();
        }
      } else if (!isa<kernel::KernelDialect>(op.getDialect())) {
        op.emitError("illegal after the schedule phase: expected to have become a kernel");
        signalPassFailure();
      } else if (failed(verifyVariants(op))) {
        signalPassFailure();
      }
    }
  }
};

struct VerifyEnginePass : impl::VerifyEnginePassBase<VerifyEnginePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto count = [&]<typename OpT>(OpT) { return llvm::range_size(module.getOps<OpT>()); };
    if (count(engine::ModelOp()) != 1 || count(engine::EntryOp()) != 1) {
      module.emitError("illegal after the engine phase: must hold exactly one engine.model and one engine.entry");
      signalPassFailure();
    }
    for (auto function : module.getOps<func::FuncOp>()) {
      function.emitError("illegal after the engine phase: a function is left");
      signalPassFailure();
    }
  }
};

} // namespace
} // namespace qcc
