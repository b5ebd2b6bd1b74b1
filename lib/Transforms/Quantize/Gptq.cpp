//===- Gptq.cpp - Weights solved for on calibration data ------------------===//

#include "PassOptions.h"
#include "Sequential.h"
#include "qcc/Transforms/Quantize/Passes.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_GPTQPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

struct GptqPass : OfQuantizeOptions<impl::GptqPassBase<GptqPass>> {
  using OfQuantizeOptions::OfQuantizeOptions;

  void runOnOperation() override {
    QuantizeOptions asked = readOptions();
    Sequential sequential(getOperation(), asked);
    if (failed(sequential.run()))
      return signalPassFailure();
    solved += unsigned(sequential.layersDone());
  }
};

} // namespace

std::unique_ptr<Pass> createGptqPass(const QuantizeOptions &options) { return std::make_unique<GptqPass>(options); }

} // namespace qcc
