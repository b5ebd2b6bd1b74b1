//===- SmoothPasses.td - Passes that calibrate activations -*- tablegen -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_SMOOTHPASSES_TD
#define QCC_TRANSFORMS_QUANTIZE_SMOOTHPASSES_TD

// Included by Passes.td, whose `layerOptions` say which linears are meant and how they will be rounded.

defvar calibrationOptions = [
  Option<"calib", "calib", "std::string", "", "calibration tokens">,
  Option<"calibTokens", "calib-tokens", "int64_t", "65536", "at most so many of them">,
  Option<"workDir", "work-dir", "std::string", "", "directory that stored vectors are kept in">,
  Option<"threads", "threads", "unsigned", "0", "0: one per core; numbers do not depend on it">
];
defvar statisticsOption = Option<"stats", "stats", "std::string", "", "statistics of qcc-calibrate, in place of tokens">;

def ObservePass : Pass<"qcc-observe", "::mlir::ModuleOp"> {
  let summary = "show linears' inputs, keys and values to the calibration";
  let description = [{
    Adds `graph.observe` for each value that a linear reads, named after the first, with the statistics `kinds` (all when none are named), and for keys and values.

        %y = graph.linear %x, %w {name = "up_proj"}   ==>   graph.observe %x {kinds = ["absmax", …], name = "up_proj.input"}
                                                            %y = graph.linear %x, %w {name = "up_proj"}
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = [ListOption<"kinds", "kinds", "std::string", "absmax, mean_abs, mean_square, histogram">];
}

def SmoothPass : Pass<"qcc-smooth", "::mlir::ModuleOp"> {
  let summary = "move outliers of activations into weights (SmoothQuant)";
  let description = [{
    Divides the channels of a norm, of v_proj or of up_proj by a vector s and multiplies the columns of their readers by it: `forward` computes the same. s follows from the inputs'
    and weights' ranges and a strength alpha (docs/quantization.md), which is searched for each pair, on the error that half a block shows on held-out tokens after rounding as the options
    of layers say, or given. With statistics alone alpha is 0.85 if it is not given. Precondition: the import phase.

        graph.parameter @norm.smooth.s : tensor<8xf32> from "quantized/smooth-000-….safetensors" tensor "norm.smooth.s"
        graph.derived @norm.smooth : tensor<8xf32>     { %g = get @norm; %s = get @norm.smooth.s; div %g, %s }
        graph.derived @q_proj.smooth : tensor<16x8xf32> { %w = get @q_proj; %s = get @norm.smooth.s; mul %w, %s }
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = layerOptions # calibrationOptions # [
    statisticsOption,
    Option<"alpha", "alpha", "double", "-1", "strength, 0 to 1; negative: searched">
  ];
  let statistics = [Statistic<"folded", "pairs-folded", "producers whose channels were divided">];
}

def AwqPass : Pass<"qcc-awq", "::mlir::ModuleOp"> {
  let summary = "scale up the columns of weights that matter, and clip (AWQ)";
  let description = [{
    As `qcc-smooth`, with s from the inputs' mean magnitudes and a grid of ratios, plain and "duo", and with limits for the weights of each group, each kept where the half block's error on
    held-out tokens falls. Clipped weights are stored. Precondition: the import phase.
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = layerOptions # calibrationOptions # [
    Option<"clip", "clip", "bool", "true", "search limits of weights">
  ];
  let statistics = [Statistic<"folded", "pairs-folded", "producers whose channels were divided">];
}

def StaticScalesPass : Pass<"qcc-static-scales", "::mlir::ModuleOp"> {
  let summary = "quantize activations with scales fixed by calibration";
  let description = [{
    What the planned linears read becomes codes with one stored scale per value. `rule`: `absmax`, the range seen; `percentile`, that of all but the largest magnitudes; `mse`, the scale with
    the least squared error over the histogram. Linears whose input is quantized already are left as they are.

        %y = graph.linear %x, %w   ==>   %s = graph.get @up_proj.input_scale
                                         %q = graph.quantize %x scale %s to <f8E4M3FN, tensor, scale = f32>
                                         %d = graph.dequantize %q scale %s from <f8E4M3FN, tensor, scale = f32>
                                         %y = graph.linear %d, %w
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = layerOptions # calibrationOptions # [
    statisticsOption,
    Option<"rule", "rule", "::qcc::StaticScaleRule", "::qcc::StaticScaleRule::Mse", "how a scale follows from the values seen",
           [{::llvm::cl::values(
             clEnumValN(::qcc::StaticScaleRule::AbsMax, "absmax", "the largest magnitude"),
             clEnumValN(::qcc::StaticScaleRule::Percentile, "percentile", "a percentile of the magnitudes"),
             clEnumValN(::qcc::StaticScaleRule::Mse, "mse", "least squared rounding error"))}]>,
    Option<"percentile", "percentile", "double", "99.99", "of the rule percentile">
  ];
  let statistics = [Statistic<"quantized", "values-quantized", "values that got a scale">];
}

def SetKvCachePass : Pass<"qcc-set-kv-cache", "::mlir::ModuleOp"> {
  let summary = "choose the element type of the K/V cache";
  let description = [{
    `bf16`; `fp8`, e4m3 with a static scale per layer and head, largest magnitude / 448 where there are tokens or statistics and 1 where there are none (with `per-tensor` all heads of a layer
    share one); or `int8`, whose scales are computed for each token and head. Scales that the cache has already are kept.

        graph.kv_cache @kv … : f32   ==>   graph.kv_cache @kv … : bf16
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = [Option<"type", "type", "::qcc::KvCacheType", "::qcc::KvCacheType::BF16", "element type of keys and values",
                        [{::llvm::cl::values(clEnumValN(::qcc::KvCacheType::BF16, "bf16", "bfloat16"),
                                             clEnumValN(::qcc::KvCacheType::Fp8, "fp8", "e4m3 with a static scale per layer and head"),
                                             clEnumValN(::qcc::KvCacheType::Int8, "int8", "i8 with a scale per token and head"))}]>,
                 Option<"perTensor", "per-tensor", "bool", "false", "one calibrated scale for all heads of a layer">] # calibrationOptions # [statisticsOption];
  let statistics = [Statistic<"caches", "caches-set", "caches whose element type was chosen">];
}

#endif // QCC_TRANSFORMS_QUANTIZE_SMOOTHPASSES_TD
