//===- ChooseVariants.cpp - Ask CodeGen how to run each kernel ------------===//

#include "qcc/CodeGen/Attention.h"
#include "qcc/Transforms/Schedule/KernelDescs.h"
#include "qcc/Transforms/Schedule/ModelInfo.h"
#include "qcc/Transforms/Schedule/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_CHOOSEVARIANTSPASS
#include "qcc/Transforms/Schedule/Passes.h.inc"

namespace {

/// Decode, for steps with one new token per sequence, before prefill, which serves every step.
std::vector<codegen::KernelVariant> chooseAttention(kernel::AttentionOp op, const codegen::KernelDesc &prefill,
                                                    int target, int64_t maxContext) {
  using Stage = codegen::AttentionDesc::Stage;
  int64_t splits = codegen::chooseMaxSplits(describeDecode(op, Stage::DecodePartial, 1), maxContext, target);
  codegen::KernelVariant partial =
      codegen::chooseVariants(describeDecode(op, Stage::DecodePartial, splits), target, codegen::Size::T).front();
  codegen::KernelVariant combine =
      codegen::chooseVariants(describeDecode(op, Stage::DecodeCombine, splits), target, codegen::Size::T).front();
  DecodeConfig decode{splits, partial.config, combine.config};
  std::vector<codegen::KernelVariant> variants{{partial.bounds, decode.joined()}};
  for (codegen::KernelVariant &variant : codegen::chooseVariants(prefill, target, codegen::Size::T))
    variants.push_back(std::move(variant));
  return variants;
}

struct ChooseVariantsPass : impl::ChooseVariantsPassBase<ChooseVariantsPass> {
  using ChooseVariantsPassBase::ChooseVariantsPassBase;

  void runOnOperation() override {
    if (targets.empty()) {
      getOperation().emitError("no target given; pass targets=90, for example");
      return signalPassFailure();
    }
    if (failed(requireModel(getOperation())))
      return signalPassFailure();
    int target = *llvm::min_element(targets);
    int64_t context = maxContext ? maxContext : modelContext(getOperation());
    getOperation().walk([&](Operation *op) {
      if (!isa<kernel::KernelDialect>(op->getDialect()) || isa<kernel::YieldOp>(op) || op->hasAttr("variants"))
        return;
      FailureOr<codegen::KernelDesc> desc = describe(op);
      if (failed(desc))
        return signalPassFailure();
      if (std::string problem = codegen::checkDesc(*desc, target); !problem.empty()) {
        op->emitError(problem);
        return signalPassFailure();
      }
      auto attention = dyn_cast<kernel::AttentionOp>(op);
      std::vector<codegen::KernelVariant> variants = attention ? chooseAttention(attention, *desc, target, context)
                                                               : codegen::chooseVariants(*desc, target, rowsOf(op));
      SmallVector<Attribute> attrs;
      for (const codegen::KernelVariant &variant : variants)
        attrs.push_back(toAttr(&getContext(), variant));
      variantsChosen += int64_t(attrs.size());
      op->setAttr("variants", ArrayAttr::get(&getContext(), attrs));
    });
  }
};

} // namespace
} // namespace qcc
