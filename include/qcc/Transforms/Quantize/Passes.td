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
    Every float result becomes bf16, so that the IR says where kernels round; what `forward` returns keeps its type, so logits stay f32. Parameters are read through
    derivations that cast them to bf16. Precondition: the import phase.

        %0 = graph.get @w : tensor<8x4xf32>                           %0 = graph.get @w.bf16 : tensor<8x4xbf16>
        %1 = graph.linear %x, %0 : … -> tensor<?x8xf32>        ==>    %1 = graph.linear %x, %0 : … -> tensor<?x8xbf16>
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let statistics = [Statistic<"lowered", "values-lowered", "results that became bf16">,
                    Statistic<"derived", "parameters-derived", "derivations created">];
}

def QuantizeWeightsPass : Pass<"qcc-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "give linears quantized weights by round-to-nearest";
  let description = [{
    Adds a derivation of codes and scales for each linear's weight and reads the weight as their dequantization. With `fp8` activations are quantized too, per token and
    dynamically, once for all linears that read the same value. The derivation starts from the stored parameter, not from its bf16 form. `lm_head` is left alone, and so are
    layers named by `exclude`: an exact name, or `re:` and a regular expression that must match at the name's start. A pattern that matches no linear is an error.
    Precondition: `qcc-lower-precision`.

        %w = graph.get @w.bf16                     %codes, %scales = graph.get @w.w4g32
        %y = graph.linear %x, %w          ==>      %w = graph.dequantize %codes scale %scales from <i4, group = 32, scale = bf16>
                                                   %y = graph.linear %x, %w
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = [
    Option<"preset", "preset", "::qcc::QuantPreset", "::qcc::QuantPreset::None", "how weights and activations are held",
           [{::llvm::cl::values(
             clEnumValN(::qcc::QuantPreset::None, "none", "bf16 weights and activations"),
             clEnumValN(::qcc::QuantPreset::Fp8, "fp8", "e4m3 weights per output channel, e4m3 activations per token"),
             clEnumValN(::qcc::QuantPreset::W4A16, "w4a16", "symmetric 4-bit weights in groups, bf16 activations"))}]>,
    Option<"groupSize", "group-size", "int64_t", "128", "columns that share a scale of 4-bit weights: 32, 64 or 128">,
    ListOption<"exclude", "exclude", "std::string", "layers kept in bf16: exact names or re:PATTERN">
  ];
  let statistics = [Statistic<"quantized", "linears-quantized", "linears whose weights are now quantized">,
                    Statistic<"excluded", "linears-excluded", "linears left in bf16">];
}

def SetKvCachePass : Pass<"qcc-set-kv-cache", "::mlir::ModuleOp"> {
  let summary = "choose the element type of the K/V cache";
  let description = [{
    `bf16`, or `fp8`: e4m3 with static scales, which are 1 until calibration gives better ones.

        graph.kv_cache @kv … : f32   ==>   graph.kv_cache @kv … : bf16
  }];
  let dependentDialects = ["::qcc::graph::GraphDialect"];
  let options = [Option<"type", "type", "::qcc::KvCacheType", "::qcc::KvCacheType::BF16", "element type of keys and values",
                        [{::llvm::cl::values(clEnumValN(::qcc::KvCacheType::BF16, "bf16", "bfloat16"),
                                             clEnumValN(::qcc::KvCacheType::Fp8, "fp8", "e4m3 with a static scale per layer and head"))}]>];
  let statistics = [Statistic<"caches", "caches-set", "caches whose element type was chosen">];
}

def VerifyQuantizePass : Pass<"qcc-verify-quantize", "::mlir::ModuleOp"> {
  let summary = "check what holds after the quantize phase";
  let description = [{
    In `forward` float values are bf16, but for codes, scales, what `graph.dequantize` gives to linears, and what is returned. `forward` reads derivations only. Linears read their weights
    from `graph.get` or from `graph.dequantize` of one. The cache is bf16 or f8E4M3FN.
  }];
}

#endif // QCC_TRANSFORMS_QUANTIZE_PASSES_TD
