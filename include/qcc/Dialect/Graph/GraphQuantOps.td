//===- GraphQuantOps.td - Codes and scales -----------------*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_QUANT_OPS_TD
#define QCC_DIALECT_GRAPH_QUANT_OPS_TD

include "qcc/Dialect/Graph/GraphAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Graph_QuantizeOp : Graph_Op<"quantize", [Pure]> {
  let summary = "codes = round(x / scales)";
  let description = [{
    Without a `scale` operand the scales are computed from x (round to nearest: e4m3 amax / 448, i4 amax / 7.5, rounded to the stored type before
    codes are computed) and returned. With one they are given and only codes are returned.

        %codes, %scales = graph.quantize %x to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x128xbf16>) -> (tensor<?x128xf8E4M3FN>, tensor<?xf32>)
        %codes = graph.quantize %x scale %s to <f8E4M3FN, tensor, scale = f32> : (tensor<?x128xbf16>, tensor<f32>) -> tensor<?x128xf8E4M3FN>

    (C1) x is float, of rank 2 unless the scheme is per tensor; (C2) codes have x's shape and the scheme's storage; (C3) scales, operand or result, have the scheme's
    shape and type; (C4) exactly one of scale operand and scales result is present; (C5) outside a derivation a computed scale needs a dynamic scheme;
    (C6) the scheme has neither zero point, second-level scale nor sparsity.
  }];
  let arguments = (ins AnyRankedTensor:$x, Optional<AnyRankedTensor>:$scale, Graph_SchemeAttr:$scheme);
  let results = (outs AnyRankedTensor:$codes, Optional<AnyRankedTensor>:$scales);
  let assemblyFormat = "$x (`scale` $scale^)? `to` $scheme attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Graph_DequantizeOp : Graph_Op<"dequantize", [Pure]> {
  let summary = "y = codes · scales";
  let description = [{
    (C1) codes have the scheme's storage, and rank 2 unless it is per tensor; (C2) scales have its shape and type; (C3) y has the codes' shape and is float;
    (C4) the scheme has neither zero point, second-level scale nor sparsity.
  }];
  let arguments = (ins AnyRankedTensor:$codes, AnyRankedTensor:$scales, Graph_SchemeAttr:$scheme);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$codes `scale` $scales `from` $scheme attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Graph_PackOp : Graph_Op<"pack", [Pure]> {
  let summary = "bytes in a kernel's layout";
  let description = [{
    (C1) x has the layout's rank and element type and static shape; (C2) the result is i8 [bytes], bytes the layout's size for x; (C3) it is inside a derivation.
  }];
  let arguments = (ins AnyRankedTensor:$x, Graph_LayoutAttr:$layout);
  let results = (outs AnyRankedTensor:$bytes);
  let assemblyFormat = "$x `as` $layout attr-dict `:` type($x) `->` type($bytes)";
  let hasVerifier = 1;
}

#endif // QCC_DIALECT_GRAPH_QUANT_OPS_TD
