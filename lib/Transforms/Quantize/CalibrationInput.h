//===- CalibrationInput.h - What a calibrating pass reads -------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_CALIBRATIONINPUT_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_CALIBRATIONINPUT_H

#include "qcc/Calibration/Batches.h"
#include "qcc/Calibration/Statistics.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"
#include "qcc/Transforms/Quantize/Weights.h"

namespace qcc {

/// Weights and tokens of a module whose `graph.model` says where it came from.
struct CalibrationInput {
  std::unique_ptr<ModuleWeights> weights;
  calib::TokenSet tokens; ///< empty without `calib`
  calib::BatchPlan plan;  ///< of the tokens

  /// Also makes options.workDir the module's, where it is given.
  static Expected<CalibrationInput> open(mlir::ModuleOp module, const QuantizeOptions &options);
};

/// Whether the module reads a file of the work directory whose name begins so: "smooth-", "awq-".
bool readsWorkFile(mlir::ModuleOp module, mlir::StringRef prefix);

/// Statistics of every value that a linear reads and of keys and values: those of `options.stats` if that is given
/// (which must be of this model, before any smoothing), else gathered over the tokens.
Expected<calib::Statistics> statisticsFor(mlir::ModuleOp module, const QuantizeOptions &options);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_CALIBRATIONINPUT_H
