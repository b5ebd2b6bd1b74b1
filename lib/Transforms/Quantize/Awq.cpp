//===- Awq.cpp - Scales that protect the weights that matter ------------===//

#include "PassOptions.h"
#include "SmoothSearch.h"
#include "qcc/Quant/Smoothing.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_AWQPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

/// Ratios 0, 0.05 … 1, plain and duo; plain 0 is the identity, which the search always has, and duo 1 is plain 1.
std::vector<SmoothCandidate> propose(const PairStatistics &statistics) {
  constexpr int kSteps = 20;
  std::vector<SmoothCandidate> candidates;
  for (bool duo : {false, true})
    for (int step = duo ? 0 : 1; step <= kSteps - int(duo); ++step) {
      double ratio = double(step) / kSteps;
      candidates.push_back({llvm::formatv("{0} {1:F2}", duo ? "duo" : "ratio", ratio).str(),
                            quant::awqScales(statistics.meanAbs, statistics.weightMeanRatio, ratio, duo)});
    }
  return candidates;
}

struct AwqPass : OfQuantizeOptions<impl::AwqPassBase<AwqPass>> {
  using OfQuantizeOptions::OfQuantizeOptions;

  void runOnOperation() override {
    QuantizeOptions asked = readOptions();
    // A second time would write over the vectors that the first reads.
    if (readsWorkFile(getOperation(), "awq-")) {
      getOperation().emitError() << "AWQ has changed the module already; ask for it once";
      return signalPassFailure();
    }
    SmoothSearch search(getOperation(), asked, {"awq", propose, /*clips=*/clip});
    if (failed(search.run()))
      return signalPassFailure();
    folded += unsigned(search.pairsFolded());
  }
};

} // namespace

std::unique_ptr<Pass> createAwqPass(const QuantizeOptions &options) { return std::make_unique<AwqPass>(options); }

} // namespace qcc
