//===- Passes.td - Checks of what passes do to numbers -----*- tablegen -*-===//
#ifndef QCC_TRANSFORMS_NUMERICS_PASSES_TD
#define QCC_TRANSFORMS_NUMERICS_PASSES_TD

include "mlir/Pass/PassBase.td"

def CheckNumericsPass : Pass<"qcc-check-numerics", "::mlir::ModuleOp"> {
  let summary = "compare a module's values with those of the float module";
  let description = [{
    Runs the first sequences of `calib`, at most 512 tokens, through this module and the one in the file `reference`, the import phase's, and compares what linears, norms, residual sums
    and the ops between them give. Fails where the signal to noise ratio of a place, or of one of its channels, is below the bound of the formats at it and before it
    (docs/quantization.md), also where the float half block runs on this module's residual sum, and names the place and the op at fault. Between ops that only linears read a factor per channel is no noise: smoothing moves such factors
    into the linears' weights. A linear's quantized weight must not add more noise than rounding to its format explains. With `reports` the report is also written to that directory.
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = [
    Option<"reference", "reference", "std::string", "", "IR of the import phase">,
    Option<"calib", "calib", "std::string", "", "calibration tokens">,
    Option<"bound", "bound", "std::string", "", "least signal to noise ratio of linears with quantized weights in dB, in place of the formats' own; a lower one holds for what is behind them, too">,
    Option<"reports", "reports", "std::string", "", "directory of the report">
  ];
}

#endif // QCC_TRANSFORMS_NUMERICS_PASSES_TD
