//===- SmoothTrial.h - A block with trial weights ---------------*- C++ -*-===//
//
// A copy of the float module in which activations of the planned linears are quantized, so that a piece of `forward`
// can be run with weights (and vectors of norms) that exist nowhere else, and its output compared with the float
// module's.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHTRIAL_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHTRIAL_H

#include "qcc/Calibration/Batches.h"
#include "qcc/Interpreter/SegmentRunner.h"
#include "qcc/Transforms/Quantize/LayerPlan.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"

namespace qcc {

/// A batch that judges: what goes into the piece, and what the float module gives behind it.
struct JudgedBatch {
  const calib::Batch *batch;
  interp::Environment before; ///< values of the float module
  interp::Tensor<float> after;
};

class SmoothTrial {
public:
  /// Module and source must outlive it. Static scales of activations are approximated by one per batch.
  static Expected<std::unique_ptr<SmoothTrial>> create(mlir::ModuleOp module, const std::vector<LayerPlan> &layers,
                                                       const ParameterSource &source, int64_t pages);

  /// The piece between two ops of the float module.
  Status prepare(mlir::Operation *begin, mlir::Operation *end);
  /// Numbers of a weight of the float module that the piece reads.
  Status set(mlir::Value weight, std::vector<float> numbers);
  /// Σ (y - ŷ)² / Σ y² over the batches, y the float module's value `out` behind the piece.
  Expected<double> error(std::span<const JudgedBatch> judges, mlir::Value out, unsigned threads) const;

private:
  mlir::OwningOpRef<mlir::ModuleOp> copy;
  mlir::IRMapping mapping; ///< float module → copy
  std::unique_ptr<interp::SegmentRunner> runner;
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHTRIAL_H
