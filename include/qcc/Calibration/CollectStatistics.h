//===- CollectStatistics.h - Statistics of what a module observes -*- C++ -*-===//
#ifndef QCC_CALIBRATION_COLLECTSTATISTICS_H
#define QCC_CALIBRATION_COLLECTSTATISTICS_H

#include "qcc/Calibration/Statistics.h"
#include "qcc/Calibration/TokenFile.h"
#include "qcc/Support/ParameterSource.h"
#include "qcc/Support/Progress.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

#include <vector>

namespace qcc::calib {

/// Identifies a model: hash of `graph.model` without its place, of the cache's extents, and of the checkpoint's
/// parameters: names, types and the first and last bytes of each. Passes of the quantize phase do not change it.
Expected<std::string> fingerprint(mlir::ModuleOp module, const ParameterSource &source);

/// Adds what a linear reads as `<linear>.input`, once for all linears of a value (the first names it), with `kinds`,
/// and keys and values as `<cache>.layers.<layer>.k` and `.v` with absmax: before they are used, as graph.observe.
void observeInputs(mlir::ModuleOp module, llvm::ArrayRef<llvm::StringRef> kinds);
/// The name observeInputs gives the value.
std::string observedName(mlir::Value input);
std::string observedCacheName(llvm::StringRef cache, int64_t layer, bool isKey);

/// Places where one value alone crosses from what was computed before, a residual sum: between blocks, and between a
/// block's halves.
std::vector<mlir::Operation *> findCuts(mlir::func::FuncOp forward);

struct CollectOptions {
  unsigned threads = 0; ///< 0: one per core; numbers do not depend on it
  ProgressMode progress = ProgressMode::Off;
  std::string version;            ///< of qcc
  std::string directory = "/tmp"; ///< for values that do not fit the memory budget
};

/// Runs the tokens through `forward`, piece by piece in bounded memory, and sums up what its graph.observe ops see.
/// Fails on a value that is not finite, naming it, token and channel.
Expected<Statistics> collectStatistics(mlir::ModuleOp module, const ParameterSource &source, const TokenSet &tokens,
                                       const CollectOptions &options);

} // namespace qcc::calib

#endif // QCC_CALIBRATION_COLLECTSTATISTICS_H
