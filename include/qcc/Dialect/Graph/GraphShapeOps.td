//===- GraphShapeOps.td - Moving values --------------------*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_SHAPE_OPS_TD
#define QCC_DIALECT_GRAPH_SHAPE_OPS_TD

include "qcc/Dialect/Graph/GraphAttrs.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Graph_ShapeOp<string mnemonic> : Graph_Op<mnemonic, [Pure]> {
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Graph_ReshapeOp : Graph_ShapeOp<"reshape"> {
  let summary = "the same values in the same order under another shape";
  let description = [{
    (C1) element types are equal; (C2) a dynamic dimension is the leading one, on both sides or none; (C3) the static dimensions have equal products.
  }];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
}

def Graph_TransposeOp : Graph_ShapeOp<"transpose"> {
  let summary = "permute dimensions";
  let description = [{y's dimension i is x's dimension permutation[i]. (C1) permutation is one of x's dimensions; (C2) y's type follows from it.}];
  let arguments = (ins AnyRankedTensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `by` $permutation attr-dict `:` type($x) `->` type($y)";
}

def Graph_ConcatOp : Graph_ShapeOp<"concat"> {
  let summary = "join along one axis";
  let description = [{
    (C1) at least one input; axis is in [0, rank) and static in every input; (C2) inputs agree in element type and in all other dimensions; (C3) y's type follows.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$inputs `axis` $axis attr-dict `:` functional-type($inputs, $y)";
}

def Graph_BroadcastOp : Graph_Op<"broadcast", [Pure]> {
  let summary = "repeat values along new trailing dimensions";
  let description = [{
    y[i…, j…] = x[i…]: a scale per tensor becomes one per channel, a factor per row one per element.

        %s = graph.broadcast %scale : tensor<f32> -> tensor<512xf32>

    (C1) element types are equal; (C2) x's shape is the beginning of y's, which is static; (C3) it is inside a derivation.
  }];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
  let hasVerifier = 1;
}

def Graph_SliceOp : Graph_ShapeOp<"slice"> {
  let summary = "a range of one axis";
  let description = [{
    (C1) axis is in [0, rank) and static; (C2) 0 <= begin, 0 < size and begin + size is inside the axis; (C3) y's type follows.
  }];
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis, I64Attr:$begin, I64Attr:$size);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `axis` $axis `begin` $begin `size` $size attr-dict `:` type($x) `->` type($y)";
}

#endif // QCC_DIALECT_GRAPH_SHAPE_OPS_TD
