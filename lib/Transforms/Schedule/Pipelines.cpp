//===- Pipelines.cpp - The schedule and engine phases ---------------------===//

#include "qcc/Transforms/Schedule/ModelInfo.h"
#include "qcc/Transforms/Schedule/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace qcc {

void buildSchedulePipeline(OpPassManager &pm, const std::vector<int> &targets, const ModelLimits &limits) {
  // Before kernels are formed: afterwards the parts of a joined product would be slices that nobody absorbs.
  pm.addPass(createFuseLinearsPass());
  // Two identical quantizations of one value would each become a kernel.
  pm.addPass(createCSEPass());
  ScheduleKernelsPassOptions schedule;
  schedule.maxContext = limits.maxContext;
  pm.addPass(createScheduleKernelsPass(schedule));
  // Derivations that joined or packed ones replaced are read by those, never directly: they stay.
  ChooseVariantsPassOptions choose;
  choose.maxContext = limits.maxContext;
  choose.targets.assign(targets.begin(), targets.end());
  pm.addPass(createChooseVariantsPass(choose));
  pm.addPass(createVerifySchedulePass());
}

void buildEnginePipeline(OpPassManager &pm, const ModelLimits &limits) {
  LowerToEnginePassOptions lower;
  lower.maxContext = limits.maxContext;
  lower.maxTokens = limits.maxTokens;
  lower.maxSequences = limits.maxSequences;
  lower.maxLogitRows = limits.maxLogitRows;
  lower.compileOptions = limits.options;
  pm.addPass(createLowerToEnginePass(lower));
  pm.addPass(createVerifyEnginePass());
}

} // namespace qcc
