//===- Passes.td - Passes of the import and quantize phases -*- tablegen -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_PASSES_TD
#define QCC_TRANSFORMS_QUANTIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyImportPass : Pass<"qcc-verify-import", "::mlir::ModuleOp"> {
  let summary = "check what holds after the import phase";
  let description = [{
    `forward` has the batch's arguments and returns f32 logits and i32 tokens; it holds graph ops on f32 or i32 values (stored parameters and casts of them
    excepted), no quantization; every linear has a name of its own; nothing is derived yet; there is at most one cache, of f32.
  }];
}

def LowerPrecisionPass : Pass<"qcc-lower-precision", "::mlir::ModuleOp"> {
  let summary = "compute in bf16";
  let description = [{
    Every float result becomes bf16, so that the IR says where kernels round; what `forward` returns keeps its type, so logits stay f32. Parameters, and float derivations of them, are read
    through derivations that cast them to bf16. Precondition: the import phase.

        %0 = graph.get @w : tensor<8x4xf32>                           %0 = graph.get @w.bf16 : tensor<8x4xbf16>
        %1 = graph.linear %x, %0 : … -> tensor<?x8xf32>        ==>    %1 = graph.linear %x, %0 : … -> tensor<?x8xbf16>
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let statistics = [Statistic<"lowered", "values-lowered", "results that became bf16">,
                    Statistic<"derived", "parameters-derived", "derivations created">];
}

defvar presetOption =
  Option<"preset", "preset", "::qcc::QuantPreset", "::qcc::QuantPreset::None", "how weights and activations are held",
         [{::llvm::cl::values(
           clEnumValN(::qcc::QuantPreset::None, "none", "bf16 weights and activations"),
           clEnumValN(::qcc::QuantPreset::Fp8, "fp8", "e4m3 weights per output channel, e4m3 activations per token"),
           clEnumValN(::qcc::QuantPreset::Fp8Tensor, "fp8_tensor", "e4m3 weights per tensor, e4m3 activations"),
           clEnumValN(::qcc::QuantPreset::Fp8Block, "fp8_block", "e4m3 weights in blocks, e4m3 activations in groups"),
           clEnumValN(::qcc::QuantPreset::W8A16, "w8a16", "8-bit weights, bf16 activations"),
           clEnumValN(::qcc::QuantPreset::W4A16, "w4a16", "symmetric 4-bit weights, bf16 activations"),
           clEnumValN(::qcc::QuantPreset::W4A16Asym, "w4a16_asym", "4-bit weights with zero points, bf16 activations"),
           clEnumValN(::qcc::QuantPreset::W8A8, "w8a8", "8-bit weights per output channel, 8-bit activations per token"),
           clEnumValN(::qcc::QuantPreset::W4AFp8, "w4afp8", "symmetric 4-bit weights, e4m3 activations per token"),
           clEnumValN(::qcc::QuantPreset::W3A16, "w3a16", "3-bit weights, bf16 activations"),
           clEnumValN(::qcc::QuantPreset::W2A16, "w2a16", "2-bit weights, bf16 activations"))}]>;

/// Which linears, and how they are held.
defvar layerOptions = [
  presetOption,
  Option<"groupSize", "group-size", "int64_t", "128", "columns that share a scale of 2- to 8-bit weights: 32, 64, 128, or 0 for all of a row">,
  ListOption<"exclude", "exclude", "std::string", "layers kept in bf16: exact names or re:PATTERN">,
  Option<"head", "head", "bool", "false", "quantize lm_head as well">
];

def QuantizeWeightsPass : Pass<"qcc-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "give linears quantized weights by round-to-nearest";
  let description = [{
    Adds a derivation of codes and scales for each linear's weight and reads the weight as their dequantization. Presets that quantize activations read those
    as the dequantization of codes too, once for all linears of a value. The derivation starts from the stored parameter, not from its bf16 form. Linears whose
    weight is quantized already are left as they are. `lm_head` is left alone unless `head` is given, and so are
    layers named by `exclude`: an exact name, or `re:` and a regular expression that must match at the name's start. A pattern that matches no linear is an error.
    With `search` a scale is the best of many in the least-squares sense instead of the one that the range gives. With `embeddings` tables of embeddings are
    held as codes with a scale per row: i8, or e4m3 for the fp8 presets.
    Precondition: `qcc-lower-precision`.

        %w = graph.get @w.bf16                     %codes, %scales = graph.get @w.w4g32
        %y = graph.linear %x, %w          ==>      %w = graph.dequantize %codes scale %scales from <i4, group = 32, scale = bf16>
                                                   %y = graph.linear %x, %w
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = layerOptions # [
    Option<"search", "search", "bool", "false", "search scales instead of taking them from the range">,
    Option<"embeddings", "embeddings", "bool", "false", "quantize tables of embeddings as well">
  ];
  let statistics = [Statistic<"quantized", "linears-quantized", "linears whose weights are now quantized">,
                    Statistic<"excluded", "linears-excluded", "linears left in bf16">];
}

def GptqPass : Pass<"qcc-gptq", "::mlir::ModuleOp"> {
  let summary = "solve for quantized or pruned weights on calibration data";
  let description = [{
    Follows the module and a float copy of it over the tokens of `calib`, in the order of `forward`. For all linears that read one value at a time it gathers the second moments of
    that value and its difference from the float one, solves for codes with error feedback (docs/quantization.md), which makes up for errors of earlier layers and of
    activations too, and stores them in `work-dir`. With `prune` weights become 2:4 sparse, before codes are found within the mask, or without codes for the preset `none`.
    A run that was killed finds its finished steps in `work-dir` again. Precondition: `qcc-lower-precision`.

        %w = graph.get @w.bf16                     graph.parameter @w.codes : tensor<8x64xi4> from "quantized/000-w-….safetensors" tensor "w.codes"
        %y = graph.linear %x, %w          ==>      graph.derived @w.w4g32 : … { get @w.codes; get @w.scales }
                                                   %codes, %scales = graph.get @w.w4g32
                                                   %w = graph.dequantize %codes scale %scales from <i4, group = 32, scale = bf16>
                                                   %y = graph.linear %x, %w
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = layerOptions # [
    Option<"prune", "prune", "::qcc::PruneKind", "::qcc::PruneKind::None", "how weights become 2:4 sparse",
           [{::llvm::cl::values(
             clEnumValN(::qcc::PruneKind::None, "none", "they stay dense"),
             clEnumValN(::qcc::PruneKind::Magnitude, "magnitude", "the two largest of four"),
             clEnumValN(::qcc::PruneKind::Wanda, "wanda", "the two largest of four times the input's root mean square"),
             clEnumValN(::qcc::PruneKind::SparseGpt, "sparsegpt", "one by one, the others making up for it"),
             clEnumValN(::qcc::PruneKind::Refit, "refit", "SparseGPT's mask, a least-squares refit, a local search"))}]>,
    Option<"calib", "calib", "std::string", "", "calibration tokens">,
    Option<"calibTokens", "calib-tokens", "int64_t", "65536", "at most so many of them">,
    Option<"workDir", "work-dir", "std::string", "", "directory that solved weights are kept in">,
    Option<"damping", "damping", "double", "-1", "added to the moments' diagonal, relative to its mean; negative: searched">,
    Option<"pruneDamping", "prune-damping", "double", "-1", "the same for sparsegpt and refit; negative: 0.01">,
    Option<"threads", "threads", "unsigned", "0", "0: one per core; numbers do not depend on it">
  ];
  let statistics = [Statistic<"solved", "linears-solved", "linears whose weights were solved for">];
}

include "qcc/Transforms/Quantize/SmoothPasses.td"

def RecordRecipePass : Pass<"qcc-record-recipe", "::mlir::ModuleOp"> {
  let summary = "write down the recipe that was carried out";
  let description = [{
    The module attribute `qcc.recipe` becomes a recipe in llm-compressor's form that asks for what the phase did, with every value that passes noted in `qcc.searched` (which is removed),
    and with model and calibration data where there were any. Read again by `qcc --recipe` with the same data it gives the same bytes without a search (docs/quantization.md).
  }];
}

def VerifyQuantizePass : Pass<"qcc-verify-quantize", "::mlir::ModuleOp"> {
  let summary = "check what holds after the quantize phase";
  let description = [{
    In `forward` float values are bf16, but for codes, scales, what `graph.dequantize` gives to linears, and what is returned. `forward` reads derivations only. Linears read their weights
    from `graph.get` or from `graph.dequantize` of one, and so do embeddings their tables; zero points are those of stored weights. Nothing is observed any more. The cache is bf16,
    f8E4M3FN or i8.
  }];
}

#endif // QCC_TRANSFORMS_QUANTIZE_PASSES_TD
