//===- Compare.h - Quantized variants beside the float model ------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_EVAL_COMPARE_H
#define QCC_TOOLS_QCC_EVAL_COMPARE_H

#include "HeldOut.h"

#include "mlir/IR/MLIRContext.h"

namespace qcc::eval {

/// Signal to noise of a linear's output, of a variant whose inputs are its own (errors of earlier layers included).
struct LayerNoise {
  std::string name;
  SignalToNoise noise;
};

struct Result {
  std::string name, kv;
  Comparison metrics;
  std::vector<LayerNoise> layers; ///< with --layers, in order of the model
};

/// Runs the float model and every variant over the windows.
Expected<std::vector<Result>> compareOnHeldOut(mlir::MLIRContext &context, const hf::Model &model,
                                               const Options &options, const HeldOut &heldOut);

void printTable(const HeldOut &heldOut, const std::vector<Result> &results);
/// One object; with a single variant its figures stand at the top level.
void printJson(const hf::Model &model, const HeldOut &heldOut, const std::vector<Result> &results);

} // namespace qcc::eval

#endif // QCC_TOOLS_QCC_EVAL_COMPARE_H
