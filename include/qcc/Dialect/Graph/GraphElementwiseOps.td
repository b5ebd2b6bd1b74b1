//===- GraphElementwiseOps.td - One value at a time --------*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_ELEMENTWISE_OPS_TD
#define QCC_DIALECT_GRAPH_ELEMENTWISE_OPS_TD

include "qcc/Dialect/Graph/GraphAttrs.td"
include "qcc/Dialect/Graph/GraphTraits.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Graph_UnaryOp<string mnemonic, string formula> : Graph_Op<mnemonic, [Pure, Graph_Unary]> {
  let summary = formula;
  let description = "Constraints: those of `unary`, (C1) y has x's shape; (C2) element types are float.";
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
}

def Graph_SiluOp : Graph_UnaryOp<"silu", "x / (1 + exp(-x))">;
def Graph_ReluOp : Graph_UnaryOp<"relu", "max(x, 0)">;
def Graph_SigmoidOp : Graph_UnaryOp<"sigmoid", "1 / (1 + exp(-x))">;
def Graph_TanhOp : Graph_UnaryOp<"tanh", "tanh(x)">;
def Graph_ExpOp : Graph_UnaryOp<"exp", "exp(x)">;
def Graph_NegOp : Graph_UnaryOp<"neg", "-x"> { let hasFolder = 1; }
def Graph_SqrtOp : Graph_UnaryOp<"sqrt", "sqrt(x)">;
def Graph_RsqrtOp : Graph_UnaryOp<"rsqrt", "1 / sqrt(x)">;

def Graph_GeluOp : Graph_UnaryOp<"gelu", "x · Φ(x), Φ the normal distribution function"> {
  let description = [{
    With `approximate` it is 0.5 x (1 + tanh(sqrt(2/π) (x + 0.044715 x³))), else 0.5 x (1 + erf(x / sqrt 2)).
    Constraints: those of `unary`.
  }];
  let arguments = (ins AnyRankedTensor:$x, UnitAttr:$approximate);
  let assemblyFormat = "$x (`approximate` $approximate^)? attr-dict `:` type($x) `->` type($y)";
}

class Graph_BinaryOp<string mnemonic, string formula> : Graph_Op<mnemonic, [Pure, Graph_Binary]> {
  let summary = formula;
  let description = [{
    Constraints: those of `binary`, (C1) y has a's shape; (C2) b has a's shape or is a vector over a's last dimension; (C3) element types are float.
  }];
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
}

def Graph_AddOp : Graph_BinaryOp<"add", "a + b">;
def Graph_SubOp : Graph_BinaryOp<"sub", "a - b">;
def Graph_MulOp : Graph_BinaryOp<"mul", "a · b">;
def Graph_DivOp : Graph_BinaryOp<"div", "a / b">;
def Graph_MaxOp : Graph_BinaryOp<"max", "the larger of a and b"> { let hasFolder = 1; }
def Graph_MinOp : Graph_BinaryOp<"min", "the smaller of a and b"> { let hasFolder = 1; }

def Graph_CastOp : Graph_Op<"cast", [Pure]> {
  let summary = "round to another element type";
  let description = [{(C1) y has x's shape; (C2) element types are float.}];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

#endif // QCC_DIALECT_GRAPH_ELEMENTWISE_OPS_TD
