//===- Pipeline.cpp - The quantize phase with checks ----------------------===//

#include "qcc/Transforms/Numerics/CheckNumerics.h"
#include "qcc/Transforms/Quantize/Passes.h"

using namespace mlir;

namespace qcc {

void buildCheckedQuantizePipeline(OpPassManager &pm, const QuantizeOptions &options, VerifyNumerics when,
                                  std::shared_ptr<NumericsCheck> check) {
  std::string pipeline;
  buildQuantizePipeline(pm, options, [&](OpPassManager &passes, Pass &added) {
    std::string pass;
    llvm::raw_string_ostream os(pass);
    added.printAsTextualPipeline(os);
    pipeline += (pipeline.empty() ? "" : ",") + pass;
    if (when != VerifyNumerics::Each)
      return;
    passes.addPass(createCheckNumericsPass(check, std::exchange(pipeline, {})));
  });
  if (when == VerifyNumerics::Final)
    pm.addPass(createCheckNumericsPass(check, pipeline));
}

} // namespace qcc
