//===- Sequential.h - Weights solved for in the order of forward -*- C++ -*-===//
//
// Two modules run side by side over the calibration tokens: the float one, and the one that is being quantized. For
// each step, the linears that read one value, both are taken to that value; the second moments of what the quantized
// module gives there (after quantization of activations), and its difference from the float one, say what the weights
// must make up for. Then the step's weights are solved for and stored, the module reads them, and the next step sees
// what they really give.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_SEQUENTIAL_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_SEQUENTIAL_H

#include "CalibrationInput.h"
#include "ColumnFold.h"
#include "LinearRewriter.h"
#include "SolveLayer.h"
#include "StepFile.h"
#include "qcc/Calibration/PathRunner.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"

namespace qcc {

class Sequential {
public:
  Sequential(mlir::ModuleOp module, const QuantizeOptions &options)
      : module(module), options(options), settings(SolveSettings::of(options)), rewriter(module) {}

  /// Fails with diagnostics that name the layer. Files of finished steps stay in the work directory.
  mlir::LogicalResult run();

  size_t layersDone() const { return layerCount; }

private:
  /// Linears that read one value as the same codes, or as it is.
  struct Step {
    std::vector<LayerPlan> layers;
    mlir::Operation *quantizer = nullptr; ///< of their activations; null: bf16
    graph::RmsNormOp norm;                ///< gives the value, to these linears alone; null: something else
  };
  /// Where both modules are cut.
  struct Cut {
    mlir::Operation *quantized, *exact;
  };

  Status prepare();
  Status beginPaths();
  void cloneExact();
  std::vector<Step> groupSteps(std::vector<LayerPlan> layers) const;
  mlir::LogicalResult runStep(Step &step, size_t number);
  Cut chooseCut(Step &step);
  /// Takes both modules to the step's input.
  Expected<quant::Moments> gather(Step &step);
  Status solve(Step &step, StepFile &file);
  Expected<interp::Tensor<float>> numbersOf(mlir::OpOperand &weight);
  /// Column scales of all weights of the step, into the norm.
  Status foldIntoNorm(Step &step, const StackedWeights &stacked, const quant::Moments &moments, StepFile &file);
  mlir::LogicalResult rewrite(Step &step, const StepFile &file);
  graph::LinearOp exactOf(graph::LinearOp linear) const;
  std::string describe(Step &step);
  void remark(size_t steps);

  mlir::ModuleOp module;
  const QuantizeOptions &options;
  SolveSettings settings;
  LinearRewriter rewriter;
  CalibrationInput input;

  mlir::OwningOpRef<mlir::ModuleOp> exactModule;
  mlir::IRMapping exactOps; ///< of the module before it changed → of the float module
  std::unique_ptr<calib::PathRunner> quantized, exact;
  mlir::Operation *position = nullptr; ///< the last cut
  std::vector<Cut> pending;            ///< cuts of finished steps that the modules were not yet taken to

  std::string key;
  size_t layerCount = 0, resumed = 0, folds = 0;
  double worstError = 0;
  std::string worstLayer;
  std::vector<std::string> raisedDampings;
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_SEQUENTIAL_H
