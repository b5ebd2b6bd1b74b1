//===- GraphSymbolOps.td - Weights and caches by name ------*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_SYMBOL_OPS_TD
#define QCC_DIALECT_GRAPH_SYMBOL_OPS_TD

include "qcc/Dialect/Graph/GraphAttrs.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Graph_ParameterOp : Graph_Op<"parameter", [Symbol]> {
  let summary = "a tensor of a checkpoint file";
  let description = [{
    Names bytes: `file` is relative to the model directory, or to the work directory (the module's attribute `qcc.work`) when it begins with `quantized/`;
    `tensor` is the name inside it. The type is the stored one, but for integer codes: files store them as I8, a byte per code.

        graph.parameter @"model.norm.weight" : tensor<128xbf16> from "model.safetensors" tensor "model.norm.weight"
        graph.parameter @"up_proj.codes" : tensor<512x128xi4> from "quantized/001-gptq.safetensors" tensor "up_proj.codes"

    (C1) the shape is static; (C2) the element type is f32, bf16, f16, f8E4M3FN, i2, i3, i4 or i8.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyRankedTensor>:$type, StrAttr:$file, StrAttr:$tensor);
  let assemblyFormat = "$sym_name `:` $type `from` $file `tensor` $tensor attr-dict";
  let hasVerifier = 1;
}

def Graph_DerivedOp : Graph_Op<"derived", [Symbol, IsolatedFromAbove, SingleBlock]> {
  let summary = "tensors that follow from parameters";
  let description = [{
    The region says how; it is evaluated once, when the engine is written, row by row where it can be.

        graph.derived @"up_proj.fp8" : tensor<512x128xf8E4M3FN>, tensor<512xf32> {
          %w = graph.get @"up_proj" : tensor<512x128xbf16>
          %codes, %scales = graph.quantize %w to <f8E4M3FN, channel, scale = f32> : (tensor<512x128xbf16>) -> (tensor<512x128xf8E4M3FN>, tensor<512xf32>)
          graph.yield %codes, %scales : tensor<512x128xf8E4M3FN>, tensor<512xf32>
        }

    (C1) types are static ranked tensors, at least one; (C2) `graph.yield` yields exactly these types; (C3) the region holds only
    get, cast, concat, slice, transpose, reshape, broadcast, quantize, dequantize, rope_table, pack and the elementwise add, sub, mul, div and neg.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeArrayAttr:$types);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `:` custom<Types>($types) $body attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    unsigned getNumDerived() { return getTypes().size(); }
    ::mlir::RankedTensorType getDerivedType(unsigned index) {
      return ::mlir::cast<::mlir::RankedTensorType>(::mlir::cast<::mlir::TypeAttr>(getTypes()[index]).getValue());
    }
  }];
  let skipDefaultBuilders = 1;
  let builders = [
    // Creates the region with an empty block; the caller fills it and ends it with graph.yield.
    OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::TypeRange":$types)>
  ];
}

def Graph_YieldOp : Graph_Op<"yield", [Pure, Terminator, HasParent<"DerivedOp">]> {
  let summary = "results of a derivation";
  let arguments = (ins Variadic<AnyRankedTensor>:$values);
  let assemblyFormat = "$values `:` type($values) attr-dict";
}

def Graph_KvCacheOp : Graph_Op<"kv_cache", [Symbol]> {
  let summary = "the paged cache of keys and values";
  let description = [{
    One for the model; the runtime owns its pages, `[pages, kv_heads, page_size, head_dim]` for K and for V of each layer. An fp8 cache
    stores e4m3(x / scale), saturating, with a static scale per layer and head, `[layers, kv_heads]` row-major. An i8 cache stores with each
    token and head's codes, for K and for V, their scale: amax / 127 in f32, codes round(x / scale) in -127…127.

        graph.kv_cache @kv layers 4 kv_heads 2 head_dim 64 page_size 64 : bf16
        graph.kv_cache @kv layers 1 kv_heads 2 head_dim 64 page_size 64 : f8E4M3FN k_scale [1.0, 1.0] v_scale [1.0, 1.0]

    (C1) layers, kv_heads, head_dim and page_size are positive, head_dim even; (C2) the element type is f32, bf16, f8E4M3FN or i8; (C3) both scales are
    present exactly when it is f8E4M3FN; (C4) each has layers × kv_heads positive finite values.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$layers, I64Attr:$kv_heads, I64Attr:$head_dim, I64Attr:$page_size, TypeAttr:$element_type,
                       OptionalAttr<DenseF32ArrayAttr>:$k_scale, OptionalAttr<DenseF32ArrayAttr>:$v_scale);
  let assemblyFormat = [{
    $sym_name `layers` $layers `kv_heads` $kv_heads `head_dim` $head_dim `page_size` $page_size `:` $element_type
    (`k_scale` $k_scale^ `v_scale` $v_scale)? attr-dict
  }];
  let hasVerifier = 1;
}

def Graph_GetOp : Graph_Op<"get", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the tensors of a parameter or derivation";
  let description = [{(C1) the symbol is a `graph.parameter` or `graph.derived`; (C2) the result types are the symbol's.}];
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs Variadic<AnyRankedTensor>:$tensors);
  let assemblyFormat = "$symbol attr-dict `:` type($tensors)";
}

#endif // QCC_DIALECT_GRAPH_SYMBOL_OPS_TD
