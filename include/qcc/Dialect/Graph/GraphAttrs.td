//===- GraphAttrs.td - Schemes, rotary embeddings, layouts -*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_ATTRS_TD
#define QCC_DIALECT_GRAPH_ATTRS_TD

include "qcc/Dialect/Graph/GraphDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Graph_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::qcc::graph";
}

def Graph_ReduceKind : Graph_Enum<"ReduceKind", "how a reduction combines values", [
  I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"mean", 1>, I32EnumAttrCase<"max", 2>]>;

def Graph_Granularity : Graph_Enum<"Granularity", "which values share a scale", [
  I32EnumAttrCase<"tensor", 0>, I32EnumAttrCase<"channel", 1>, I32EnumAttrCase<"token", 2>, I32EnumAttrCase<"group", 3>,
  I32EnumAttrCase<"block", 4>]>;

def Graph_LayoutKind : Graph_Enum<"LayoutKind", "what a packed tensor is", [
  I32EnumAttrCase<"fragment", 0>, I32EnumAttrCase<"scales_channel", 1>, I32EnumAttrCase<"scales_group", 2>,
  I32EnumAttrCase<"scales_block", 3>, I32EnumAttrCase<"zeros_group", 4>, I32EnumAttrCase<"metadata24", 5>]>;

def Graph_FragmentFormat : Graph_Enum<"FragmentFormat", "element type of packed weights", [
  I32EnumAttrCase<"bf16", 0>, I32EnumAttrCase<"e4m3", 1>, I32EnumAttrCase<"s4", 2>, I32EnumAttrCase<"s8", 3>, I32EnumAttrCase<"s8_bf16", 4>,
  I32EnumAttrCase<"s4_e4m3", 5>, I32EnumAttrCase<"bf16_24", 6>, I32EnumAttrCase<"e4m3_24", 7>, I32EnumAttrCase<"s8_24", 8>]>;

class Graph_Attr<string name, string attrMnemonic> : AttrDef<GraphDialect, name> {
  let mnemonic = attrMnemonic;
  let genMnemonicAlias = 1;
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Graph_SchemeAttr : Graph_Attr<"Scheme", "scheme"> {
  let summary = "a quantization scheme";
  let description = [{
    Describes a quantization completely: how codes are stored, which values share a scale and how the scale is stored. Scales are
    tensors of their own, never part of the attribute. Examples:

        #graph.scheme<f8E4M3FN, channel, scale = f32>
        #graph.scheme<f8E4M3FN, token, scale = f32, dynamic>
        #graph.scheme<i4, group = 128, scale = bf16>
        #graph.scheme<i4, group = 128, scale = bf16, zero_point = i4>
        #graph.scheme<f8E4M3FN, block = [128, 128], scale = f32>

    Further fields are `zero_point = TYPE` and `second = TYPE` (the type of a second-level scale). Zero points have the scales' shape.
    For x[rows, columns] scales have the shape: tensor [], channel and token [rows], group [rows, ceil(columns / size)], block
    [ceil(rows / r), ceil(columns / c)]. `dynamic` means that scales are computed from the data in each step.

    Constraints: (C1) storage is i2, i3, i4, i8, f8E4M3FN, f8E5M2 or f4E2M1FN; (C2) scale is f32, bf16, f16, f8E4M3FN or f8E8M0FNU; (C3) group size and
    block extents are positive; (C4) a zero point is only for integer storage and has its type; (C5) dynamic schemes are per tensor, token or group and
    have no zero point.
  }];
  let parameters = (ins "::mlir::Type":$storage, "::qcc::graph::Granularity":$granularity,
    DefaultValuedParameter<"int64_t", "0">:$groupSize, DefaultValuedParameter<"int64_t", "0">:$blockRows,
    DefaultValuedParameter<"int64_t", "0">:$blockColumns, "::mlir::Type":$scale, OptionalParameter<"::mlir::Type">:$zeroPoint,
    OptionalParameter<"::mlir::Type">:$second, DefaultValuedParameter<"bool", "false">:$dynamic);
  let extraClassDeclaration = [{
    /// A scheme per tensor, channel or token.
    static SchemeAttr getSimple(::mlir::Type storage, ::qcc::graph::Granularity granularity, ::mlir::Type scale, bool dynamic = false);
    /// A scheme with groups along the last dimension.
    static SchemeAttr getGroup(::mlir::Type storage, int64_t groupSize, ::mlir::Type scale, bool dynamic = false);
    /// A scheme with blocks of rows × columns.
    static SchemeAttr getBlock(::mlir::Type storage, int64_t rows, int64_t columns, ::mlir::Type scale);
    /// The same scheme of integers with a zero point for each scale.
    SchemeAttr withZeroPoint() const;
    /// Shape of the scales of a tensor of `shape` (rank 2; any rank for a scheme per tensor); dynamic dimensions stay dynamic.
    ::llvm::SmallVector<int64_t> getScaleShape(::llvm::ArrayRef<int64_t> shape) const;
  }];
}

def Graph_RopeAttr : Graph_Attr<"Rope", "rope"> {
  let summary = "a rotary position embedding";
  let description = [{
    The kind of frequency scaling and its parameters; the frequencies themselves are `qcc::ropeInvFreq`. Examples:

        #graph.rope<default, dim = 64, theta = 1.0e+04>
        #graph.rope<linear, dim = 64, theta = 1.0e+04, factor = 2.0>
        #graph.rope<llama3, dim = 128, theta = 5.0e+05, factor = 8.0, low_freq_factor = 1.0, high_freq_factor = 4.0, original = 8192.0>
        #graph.rope<yarn, dim = 128, theta = 1.0e+06, factor = 4.0, original = 32768.0, beta_fast = 32.0, beta_slow = 1.0,
                    attention_factor = 1.138>

    For yarn `no_truncate` keeps the ramp's ends fractional. Every field that the kind uses is written, none that it does not use.
    (C1) the parameters are in range (`qcc::check(RopeSpec)`).
  }];
  let parameters = (ins AttrParameter<"::qcc::RopeSpec", "kind and parameters">:$spec);
}

def Graph_LayoutAttr : Graph_Attr<"Layout", "layout"> {
  let summary = "bytes in the order a kernel reads them";
  let description = [{
    `#graph.layout<fragment, bf16>` (or another format): weights in `mma` fragment tiles, rows and columns padded to 64. The formats bf16, e4m3,
    s8 (for int8 products), s8_bf16 (int8 weights alone), s4, s4_e4m3 (for e4m3 products); bf16_24, e4m3_24 and s8_24 hold only the two kept values of
    each aligned four columns, of a weight that has at most two that are not zero, and `#graph.layout<metadata24, bf16_24>` holds which they are;
    `#graph.layout<scales_channel>`: f32 scales [N], padded to a multiple of 64 rows;
    `#graph.layout<scales_group>`: bf16 scales [N, G] as [G, N padded to 64];
    `#graph.layout<zeros_group>`: i4 zero points [N, G] as bf16 [G, N padded to 64];
    `#graph.layout<scales_block>`: f32 scales of blocks as they are. docs/architecture.md has the picture.

    (C1) a format is given exactly for `fragment` and `metadata24`; (C2) `metadata24` has a 2:4 format.
  }];
  let parameters = (ins "::qcc::graph::LayoutKind":$kind, "::std::optional<::qcc::graph::FragmentFormat>":$format);
  let extraClassDeclaration = [{
    /// Element type that the layout packs.
    ::mlir::Type getElementType() const;
    /// Whether the layout is of a 2:4 sparse weight.
    bool isSparse24() const;
    /// Bytes of the packed form of a tensor of `shape` (rank 2, or rank 1 for scales_channel).
    int64_t getPackedBytes(::llvm::ArrayRef<int64_t> shape) const;
  }];
}

#endif // QCC_DIALECT_GRAPH_ATTRS_TD
