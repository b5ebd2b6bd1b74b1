//===- Observe.cpp - Observers for calibration ----------------------------===//

#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Transforms/Quantize/Passes.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_OBSERVEPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

struct ObservePass : impl::ObservePassBase<ObservePass> {
  using ObservePassBase::ObservePassBase;

  void runOnOperation() override {
    SmallVector<StringRef> wanted(kinds.begin(), kinds.end());
    if (wanted.empty())
      wanted = {"absmax", "mean_abs", "mean_square", "histogram"};
    for (auto [index, kind] : llvm::enumerate(wanted)) {
      if (!calib::ValueStatistics::kindOf(std::string_view(kind))) {
        getOperation().emitError() << "unknown statistic '" << kind
                                   << "'; must be absmax, mean_abs, mean_square or histogram";
        return signalPassFailure();
      }
      if (llvm::is_contained(ArrayRef(wanted).take_front(index), kind)) {
        getOperation().emitError() << "statistic '" << kind << "' is named twice";
        return signalPassFailure();
      }
    }
    calib::observeInputs(getOperation(), wanted);
  }
};

} // namespace
} // namespace qcc
