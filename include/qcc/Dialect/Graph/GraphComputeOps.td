//===- GraphComputeOps.td - Structured and elementwise ops -*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_COMPUTE_OPS_TD
#define QCC_DIALECT_GRAPH_COMPUTE_OPS_TD

include "qcc/Dialect/Graph/GraphAttrs.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Graph_ComputeOp<string mnemonic, list<Trait> traits = []> : Graph_Op<mnemonic, !listconcat([Pure], traits)> {
  let hasVerifier = 1;
}

def Graph_LinearOp : Graph_ComputeOp<"linear"> {
  let summary = "y = x · wᵀ + bias";
  let description = [{
    `name` is the layer's name in the checkpoint; excludes and reports refer to it. `sparse24` states that w has at most two values that are not zero in
    each aligned four columns of a row; evaluating a weight that breaks this is an error.

    (C1) x is [..., K] and w is [N, K]; (C2) y is x's shape with N in place of K; (C3) bias is [N]; (C4) element types are float.
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$w, Optional<AnyRankedTensor>:$bias, OptionalAttr<StrAttr>:$name,
                       UnitAttr:$sparse24);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `,` $w (`bias` $bias^)? attr-dict `:` functional-type(operands, results)";
}

def Graph_MatmulOp : Graph_ComputeOp<"matmul"> {
  let summary = "y = a · b";
  let description = [{(C1) a is [..., M, K], b is [..., K, N] with equal leading dimensions; (C2) y is [..., M, N]; (C3) element types are float.}];
  let arguments = (ins AnyRankedTensor:$a, AnyRankedTensor:$b);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$a `,` $b attr-dict `:` functional-type(operands, results)";
}

def Graph_EmbeddingOp : Graph_ComputeOp<"embedding"> {
  let summary = "y[t] = table[ids[t]]";
  let description = [{(C1) ids is i32 [T] and table is [V, H]; (C2) y is [T, H].}];
  let arguments = (ins AnyRankedTensor:$ids, AnyRankedTensor:$table);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$ids `,` $table attr-dict `:` functional-type(operands, results)";
}

def Graph_GatherRowsOp : Graph_ComputeOp<"gather_rows"> {
  let summary = "y[r] = x[rows[r]]";
  let description = [{(C1) x is [T, H] and rows is i32 [R]; (C2) y is [R, H] of x's element type.}];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$rows);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `at` $rows attr-dict `:` functional-type(operands, results)";
}

def Graph_RmsNormOp : Graph_ComputeOp<"rms_norm"> {
  let summary = "y = x · rsqrt(mean(x²) + eps) · weight over the last dimension";
  let description = [{(C1) weight is [H] for x [..., H]; (C2) y has x's shape; (C3) eps is positive and finite.}];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$weight, F64Attr:$eps);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `,` $weight `eps` $eps attr-dict `:` functional-type(operands, results)";
}

def Graph_RopeOp : Graph_ComputeOp<"rope"> {
  let summary = "rotary position embedding, half-split";
  let description = [{
    Pairs element i with i + D/2: (a, b) becomes (a cos - b sin, b cos + a sin), with the angle positions[t] · inv_freq[i] and both
    factors times the attention factor.

    (C1) x is [T, heads, D] and positions is i32 [T]; (C2) y has x's shape; (C3) the embedding's dim is D.
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$positions, Graph_RopeAttr:$rope);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `at` $positions `with` $rope attr-dict `:` functional-type(operands, results)";
}

def Graph_RopeTableOp : Graph_ComputeOp<"rope_table"> {
  let summary = "cos and sin of a rotary embedding, times its attention factor";
  let description = [{(C1) the result is f32 [positions, dim / 2, 2], positions > 0: cos before sin.}];
  let arguments = (ins Graph_RopeAttr:$rope, I64Attr:$positions);
  let results = (outs AnyRankedTensor:$table);
  let assemblyFormat = "$rope `positions` $positions attr-dict `:` type($table)";
}

def Graph_KvAppendOp : Graph_Op<"kv_append", [DeclareOpInterfaceMethods<SymbolUserOpInterface>, MemoryEffects<[MemWrite]>]> {
  let summary = "write new keys and values to the cache";
  let description = [{
    slots[t] = page · page_size + row. (C1) k and v are [T, kv_heads, head_dim] and slots is i32 [T]; (C2) the cache exists, has these heads and head_dim, and layer is one of its layers.
  }];
  let arguments = (ins AnyRankedTensor:$k, AnyRankedTensor:$v, AnyRankedTensor:$slots, FlatSymbolRefAttr:$cache, I64Attr:$layer);
  let assemblyFormat = "$cache `layer` $layer `k` $k `v` $v `slots` $slots attr-dict `:` type(operands)";
  let hasVerifier = 1;
}

def Graph_AttentionOp : Graph_Op<"attention", [DeclareOpInterfaceMethods<SymbolUserOpInterface>, MemoryEffects<[MemRead]>]> {
  let summary = "causal attention of the step's new tokens over the cache";
  let description = [{
    For query row t of sequence b at position p, softmax over keys j ≤ p (and j > p - window) of q·k_j · scale, times v_j. Query head h
    reads K/V head h / (heads / kv_heads).

    (C1) q is [T, heads, head_dim] and y has its shape; (C2) seq_starts, context_lens and block_tables are i32 [B1], [B], [B, P]; (C3) the cache exists,
    its head_dim is q's, q's heads are a multiple of its kv_heads, and layer is one of its layers; (C4) scale is positive and finite; (C5) window is positive.
  }];
  let arguments = (ins AnyRankedTensor:$q, AnyRankedTensor:$seq_starts, AnyRankedTensor:$context_lens, AnyRankedTensor:$block_tables,
                       FlatSymbolRefAttr:$cache, I64Attr:$layer, F64Attr:$scale, OptionalAttr<I64Attr>:$window);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = [{
    $cache `layer` $layer `scale` $scale (`window` $window^)? `q` $q `batch` `(` $seq_starts `,` $context_lens `,` $block_tables `)`
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def Graph_SoftmaxOp : Graph_ComputeOp<"softmax"> {
  let summary = "softmax along one axis";
  let description = [{(C1) y has x's shape; (C2) axis is in [0, rank).}];
  let arguments = (ins AnyRankedTensor:$x, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `axis` $axis attr-dict `:` type($x) `->` type($y)";
}

def Graph_ReduceOp : Graph_ComputeOp<"reduce"> {
  let summary = "sum, mean or max along one axis, which is removed";
  let description = [{(C1) axis is in [0, rank); (C2) y has x's shape without it.}];
  let arguments = (ins Graph_ReduceKind:$kind, AnyRankedTensor:$x, I64Attr:$axis);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$kind $x `axis` $axis attr-dict `:` type($x) `->` type($y)";
}

def Graph_ArgmaxOp : Graph_ComputeOp<"argmax"> {
  let summary = "index of each row's largest value, the smallest among equals";
  let description = [{(C1) x is [R, V] and y is i32 [R].}];
  let arguments = (ins AnyRankedTensor:$x);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x attr-dict `:` type($x) `->` type($y)";
}

#endif // QCC_DIALECT_GRAPH_COMPUTE_OPS_TD
