//===- KernelOps.td - Kernel families ----------------------*- tablegen -*-===//
#ifndef QCC_DIALECT_KERNEL_OPS_TD
#define QCC_DIALECT_KERNEL_OPS_TD

include "qcc/Dialect/Kernel/KernelAttrs.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []> : Op<KernelDialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def Kernel_GemmOp : Kernel_Op<"gemm", [Pure, AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::qcc::kernel::YieldOp">]> {
  let summary = "y[t, n] = epilogue(sum_k W[n, k] x[t, k])";
  let description = [{
    `weights`, `weight_scale`, `metadata` (of 2:4 sparse weights) and `zeros` are packed (see `graph.pack`). Products of i8 are summed in i32, all others in f32.
    `weight_scale` holds a scale per row of W (`e4m3`, `s8a8`, `e4m3_24`, `s8_24`), per block of 128 x 128 (`e4m3_block`), or per row and `group` columns (`s4`,
    `s4_zero`, `s8`, `s4_e4m3`; without `group` per row). Each of `extras` is a vector over n (rank 1) or an element per output (rank 2).
    The region's arguments are the f32 accumulator, scales applied, and one scalar per extra; it yields y's element.

        %y = kernel.gemm s4_zero group 128 rows T weights(%w, %s) zeros(%z) x(%x)
            : (tensor<8192xi8>, tensor<256xi8>, tensor<256xi8>, tensor<?x256xbf16>) -> tensor<?x64xbf16> {…}

    Constraints: (C1) `x` is [?, K] and y is [?, N] with static K, N, and x's element type is the format's; (C2) `x_scale` is present exactly when x is not bf16, and is
    f32 [?], f32 [] (one for all rows), or with `e4m3_block` f32 [?, ceil(K / 128)]; (C3) `weight_scale` is present exactly when the format is neither bf16
    nor bf16_24; (C4) `group` is present only with `s4`, `s4_zero`, `s8` and `s4_e4m3` and is a positive multiple of 16, with `s4_e4m3` of 32; (C5) rank 1 operands have
    N elements, rank 2 operands are [?, N], of f32 or bf16; (C6) the region's arguments are f32 and the operands' element types, and it yields y's element
    type; (C7) `metadata` is present exactly when the format is 2:4 sparse; (C8) `zeros` is present exactly when the format is `s4_zero`; (C9) `weights`,
    `weight_scale`, `metadata` and `zeros` are i8 [bytes], as many as their layouts need for [N, K] and `group`.
  }];
  let arguments = (ins Kernel_WeightFormat:$format, Kernel_Size:$rows, OptionalAttr<I64Attr>:$group, AnyRankedTensor:$weights,
                       Optional<AnyRankedTensor>:$weight_scale, Optional<AnyRankedTensor>:$metadata, Optional<AnyRankedTensor>:$zeros,
                       AnyRankedTensor:$x, Optional<AnyRankedTensor>:$x_scale, Variadic<AnyRankedTensor>:$extras,
                       OptionalAttr<Kernel_VariantArray>:$variants, OptionalAttr<StrAttr>:$label);
  let results = (outs AnyRankedTensor:$y);
  let regions = (region SizedRegion<1>:$epilogue);
  let assemblyFormat = [{
    $format (`group` $group^)? `rows` $rows `weights` `(` $weights (`,` $weight_scale^)? `)` (`metadata` `(` $metadata^ `)`)? (`zeros` `(` $zeros^ `)`)?
    `x` `(` $x (`,` $x_scale^)? `)` (`extras` `(` $extras^ `)`)? attr-dict `:` functional-type(operands, results) $epilogue
  }];
}

def Kernel_YieldOp : Op<KernelDialect, "yield", [Pure, Terminator, ParentOneOf<["GemmOp", "PointwiseOp"]>]> {
  let summary = "result of a scalar body";
  let arguments = (ins Optional<AnyType>:$value);
  let assemblyFormat = "($value^ `:` type($value))? attr-dict";
  // For the implicit terminator of an empty body, which the verifier then refuses.
  let builders = [OpBuilder<(ins), [{ build($_builder, $_state, ::mlir::Value()); }]>];
}

def Kernel_NormalizeOp : Kernel_Op<"normalize", [Pure, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "RMSNorm of x, or of x + residual, optionally quantized";
  let description = [{
    Codes of y are computed with `static_scale`, or with scales that are computed and returned: one per row, or per row and group of 128 columns.

        %y, %scale = kernel.normalize %x weight %w eps 1.0e-05 rows T
            : tensor<?x256xbf16>, tensor<256xbf16> -> tensor<?x256xf8E4M3FN> scale tensor<?x2xf32>
        %y = kernel.normalize %x weight %w static_scale %s eps 1.0e-05 rows T
            : tensor<?x256xbf16>, tensor<256xbf16> static_scale tensor<f32> -> tensor<?x256xi8>

    (C1) `x` is [?, H] bf16 and `weight` is [H] bf16; (C2) `sum` is present exactly when `residual` is, with x's type; (C3) y is bf16 without scales, or f8E4M3FN or i8
    with either `static_scale` ([] f32) or `scale` ([?] f32, and for f8E4M3FN also [?, ceil(H / 128)] f32).
  }];
  let arguments = (ins AnyRankedTensor:$x, AnyRankedTensor:$weight, Optional<AnyRankedTensor>:$residual, Optional<AnyRankedTensor>:$static_scale,
                       F64Attr:$eps, Kernel_Size:$rows, OptionalAttr<Kernel_VariantArray>:$variants);
  let results = (outs AnyRankedTensor:$y, Optional<AnyRankedTensor>:$scale, Optional<AnyRankedTensor>:$sum);
  let assemblyFormat = [{
    $x `weight` $weight (`residual` $residual^)? (`static_scale` $static_scale^)? `eps` $eps `rows` $rows attr-dict
    `:` type($x) `,` type($weight) (`,` type($residual)^)? (`static_scale` type($static_scale)^)? `->` type($y) (`scale` type($scale)^)? (`sum` type($sum)^)?
  }];
}

def Kernel_RopeAppendOp : Kernel_Op<"rope_append", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                                                   MemoryEffects<[MemRead, MemWrite]>]> {
  let summary = "rotate q and k (after optional per-head norms), append k and v to the cache";
  let description = [{
    `q`, `k`, `v` are [?, columns] bf16; each is read at its column offset, so one fused projection may be passed three times. An i8 cache gets codes and
    the scale of each row of head_dim values; a f8E4M3FN cache has its scales, per head, itself.
    (C1) offsets + heads * head_dim lie inside the rows; (C2) `table` is f32 [positions, head_dim / 2, 2]; (C3) `q_norm` and `k_norm` come together;
    (C4) the cache exists, its heads and head_dim agree and `layer` is one of its layers; (C5) `q_norm` and `k_norm` are [head_dim] bf16.
  }];
  let arguments = (ins AnyRankedTensor:$q, AnyRankedTensor:$k, AnyRankedTensor:$v, DenseI64ArrayAttr:$offsets,
                       Optional<AnyRankedTensor>:$q_norm, Optional<AnyRankedTensor>:$k_norm, OptionalAttr<F64Attr>:$eps,
                       AnyRankedTensor:$table, AnyRankedTensor:$positions, AnyRankedTensor:$slots,
                       FlatSymbolRefAttr:$cache, I64Attr:$layer, I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$head_dim,
                       OptionalAttr<Kernel_VariantArray>:$variants);
  let results = (outs AnyRankedTensor:$rotated);
  let assemblyFormat = [{
    $cache `layer` $layer `heads` $heads `kv_heads` $kv_heads `head_dim` $head_dim `qkv` `(` $q `,` $k `,` $v `)` `at` $offsets
    (`norms` `(` $q_norm^ `,` $k_norm `)` `eps` $eps)? `table` $table `positions` $positions `slots` $slots
    attr-dict `:` functional-type(operands, results)
  }];
}

def Kernel_AttentionOp : Kernel_Op<"attention", [DeclareOpInterfaceMethods<SymbolUserOpInterface>, MemoryEffects<[MemRead]>]> {
  let summary = "attention of the step's new tokens over the paged cache";
  let description = [{
    Variants choose between prefill and decode (partial results per split of the context, then a combine).
    (C1) `q` and the result are [?, heads * head_dim] bf16; (C2) heads is a multiple of kv_heads; (C3) the cache exists and agrees, as for rope_append; (C4) window is positive.
  }];
  let arguments = (ins AnyRankedTensor:$q, AnyRankedTensor:$seq_starts, AnyRankedTensor:$context_lens, AnyRankedTensor:$block_tables,
                       FlatSymbolRefAttr:$cache, I64Attr:$layer, I64Attr:$heads, I64Attr:$kv_heads, I64Attr:$head_dim, F64Attr:$scale,
                       OptionalAttr<I64Attr>:$window, OptionalAttr<Kernel_VariantArray>:$variants);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = [{
    $cache `layer` $layer `heads` $heads `kv_heads` $kv_heads `head_dim` $head_dim `scale` $scale (`window` $window^)?
    `q` $q `batch` `(` $seq_starts `,` $context_lens `,` $block_tables `)` attr-dict `:` functional-type(operands, results)
  }];
}

def Kernel_PointwiseOp : Kernel_Op<"pointwise", [Pure, AttrSizedOperandSegments, SingleBlockImplicitTerminator<"::qcc::kernel::YieldOp">]> {
  let summary = "y[t, c] = body(in0[t, offset0 + c], …), optionally quantized";
  let description = [{
    Codes are computed as by `kernel.normalize`.

    (C1) inputs are [?, columns] bf16 and offset + y's columns lie inside the row; (C2) one offset per input; (C3) y's type and scales are as normalize's C3 says;
    (C4) the region has one bf16 argument per input and yields bf16.
  }];
  let arguments = (ins Variadic<AnyRankedTensor>:$inputs, Optional<AnyRankedTensor>:$static_scale, DenseI64ArrayAttr:$offsets, Kernel_Size:$rows,
                       OptionalAttr<Kernel_VariantArray>:$variants);
  let results = (outs AnyRankedTensor:$y, Optional<AnyRankedTensor>:$scale);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    `(` $inputs `)` `at` $offsets (`static_scale` $static_scale^)? `rows` $rows attr-dict `:` functional-type(operands, results) $body
  }];
}

def Kernel_GatherOp : Kernel_Op<"gather", [Pure]> {
  let summary = "y[r] = table[index[r]]";
  let description = [{
    Codes are multiplied by the scale of their row of the table and rounded to bf16.

    (C1) `table` is [rows, H], `index` is i32 [?], y is bf16 [?, H]; (C2) the table is bf16 without `scale`, or f8E4M3FN or i8 with `scale` ([rows] f32).
  }];
  let arguments = (ins AnyRankedTensor:$table, Optional<AnyRankedTensor>:$scale, AnyRankedTensor:$index, Kernel_Size:$rows, OptionalAttr<Kernel_VariantArray>:$variants);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$table (`scale` $scale^)? `at` $index `rows` $rows attr-dict `:` functional-type(operands, results)";
}

def Kernel_ArgmaxOp : Kernel_Op<"argmax", [Pure]> {
  let summary = "index of each row's largest value, the smallest index among equals";
  let description = [{(C1) `x` is f32 [?, V] and y is i32 [?].}];
  let arguments = (ins AnyRankedTensor:$x, Kernel_Size:$rows, OptionalAttr<Kernel_VariantArray>:$variants);
  let results = (outs AnyRankedTensor:$y);
  let assemblyFormat = "$x `rows` $rows attr-dict `:` functional-type(operands, results)";
}

#endif // QCC_DIALECT_KERNEL_OPS_TD
