//===- GraphQuantOps.td - Codes and scales -----------------*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_QUANT_OPS_TD
#define QCC_DIALECT_GRAPH_QUANT_OPS_TD

include "qcc/Dialect/Graph/GraphAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Graph_QuantizeOp : Graph_Op<"quantize", [Pure]> {
  let summary = "codes = round(x / scales)";
  let description = [{
    Without a `scale` operand the scales are computed from x, rounded to the stored type before codes are computed, and returned; in a derivation zero
    points too, where the scheme has them. With a scale operand scales are given and only codes are returned.

    Computed scales follow from the range of the values that share one (docs/spec.md has the formulas): by a scheme that is not dynamic (weights) e4m3
    amax / 448 and b-bit integers amax / ((2^b - 1) / 2); by a dynamic one (activations) e4m3 amax / 448 and i8 amax / 127, codes -127…127. With `search` a weight's scale is the one with the
    least squared error among many (`qcc::quant::ScaleRule::Signed`).

        %codes, %scales = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x128xbf16>) -> (tensor<?x128xf8E4M3FN>, tensor<?xf32>)
        %codes = graph.quantize %x scale %s to <f8E4M3FN, tensor, scale = f32> : (tensor<?x128xbf16>, tensor<f32>) -> tensor<?x128xf8E4M3FN>
        %codes, %scales, %zeros = graph.quantize %w to <i4, channel, scale = bf16, zero_point = i4>
            : (tensor<8x128xf32>) -> (tensor<8x128xi4>, tensor<8xbf16>, tensor<8xi4>)

    (C1) x is float, of rank 2 unless the scheme is per tensor; (C2) codes have x's shape and the scheme's storage; (C3) scales, operand or result, have the scheme's
    shape and type; (C4) there is a scale operand and no result but codes, or none and a result of scales, followed by zero points exactly for a scheme that
    has them; (C5) outside a derivation a computed scale needs a dynamic scheme; (C6) the scheme has no second-level scale, and no zero point where the scale
    is given; (C7) zero points have the scales' shape and the scheme's zero point type; (C8) `search` is only for scales that are computed in a derivation by
    a scheme that is not dynamic.
  }];
  let arguments = (ins AnyRankedTensor:$x, Optional<AnyRankedTensor>:$scale, Graph_SchemeAttr:$scheme, UnitAttr:$search);
  let results = (outs AnyRankedTensor:$codes, Variadic<AnyRankedTensor>:$computed);
  let assemblyFormat = "$x (`scale` $scale^)? `to` $scheme attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let builders = [
    // `scales` is null where `scale` is not.
    OpBuilder<(ins "::mlir::Type":$codes, "::mlir::Type":$scales, "::mlir::Value":$x, "::mlir::Value":$scale, "::qcc::graph::SchemeAttr":$scheme), [{
      build($_builder, $_state, codes, scales ? ::mlir::TypeRange(scales) : ::mlir::TypeRange(), x, scale, scheme, /*search=*/false);
    }]>
  ];
  let extraClassDeclaration = [{
    /// The computed scales; null where they are given.
    ::mlir::Value getScales() { return getComputed().empty() ? ::mlir::Value() : getComputed().front(); }
    /// The computed zero points; null without.
    ::mlir::Value getZeros() { return getComputed().size() < 2 ? ::mlir::Value() : getComputed()[1]; }
  }];
}

def Graph_DequantizeOp : Graph_Op<"dequantize", [Pure]> {
  let summary = "y = (codes - zeros) · scales";
  let description = [{
        %w = graph.dequantize %codes scale %scales zero %zeros from <i4, group = 32, scale = bf16, zero_point = i4>
            : (tensor<8x64xi4>, tensor<8x2xbf16>, tensor<8x2xi4>) -> tensor<8x64xf32>

    (C1) codes have the scheme's storage, and rank 2 unless it is per tensor; (C2) scales have its shape and type; (C3) y has the codes' shape and is float;
    (C4) the scheme has no second-level scale; (C5) zero points are given exactly for a scheme that has them, of the scales' shape and its zero point type.
  }];
  let arguments = (ins AnyRankedTensor:$codes, AnyRankedTensor:$scales, Optional<AnyRankedTensor>:$zeros, Graph_SchemeAttr:$scheme);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$codes `scale` $scales (`zero` $zeros^)? `from` $scheme attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Type":$y, "::mlir::Value":$codes, "::mlir::Value":$scales, "::qcc::graph::SchemeAttr":$scheme), [{
      build($_builder, $_state, y, codes, scales, ::mlir::Value(), scheme);
    }]>
  ];
}

def Graph_ObserveOp : Graph_Op<"observe", [MemoryEffects<[MemWrite]>]> {
  let summary = "hand a value to the calibration's observer";
  let description = [{
    Changes no value. `name` says what is observed, `kinds` which statistics of it are wanted. It is not there any more when the quantize phase is done.

        graph.observe %x {name = "model.layers.0.mlp.down_proj.input", kinds = ["absmax"]} : tensor<?x512xf32>

    (C1) x is float; (C2) the name is not empty; (C3) there is at least one kind, none is empty and none comes twice.
  }];
  let arguments = (ins AnyRankedTensor:$x, StrAttr:$name, StrArrayAttr:$kinds);
  let assemblyFormat = "$x attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def Graph_PackOp : Graph_Op<"pack", [Pure]> {
  let summary = "bytes in a kernel's layout";
  let description = [{
    Packing a 2:4 layout fails where the weight has more than two values that are not zero in an aligned four columns of a row.

    (C1) x has the layout's rank and element type and static shape; (C2) the result is i8 [bytes], bytes the layout's size for x; (C3) it is inside a derivation.
  }];
  let arguments = (ins AnyRankedTensor:$x, Graph_LayoutAttr:$layout);
  let results = (outs AnyRankedTensor:$bytes);
  let assemblyFormat = "$x `as` $layout attr-dict `:` type($x) `->` type($bytes)";
  let hasVerifier = 1;
}

#endif // QCC_DIALECT_GRAPH_QUANT_OPS_TD
