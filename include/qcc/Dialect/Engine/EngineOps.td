//===- EngineOps.td ----------------------------------------*- tablegen -*-===//
#ifndef QCC_DIALECT_ENGINE_OPS_TD
#define QCC_DIALECT_ENGINE_OPS_TD

include "qcc/Dialect/Engine/EngineAttrs.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Engine_Op<string mnemonic, list<Trait> traits = []> : Op<EngineDialect, mnemonic, traits> {
  let hasVerifier = 1;
}

def Engine_ModelOp : Engine_Op<"model"> {
  let summary = "what a runtime must know of the model";
  let description = [{
    (C1) every number is positive; (C2) max_logit_rows is at most max_tokens; (C3) arena_bytes covers every buffer.
  }];
  let arguments = (ins StrAttr:$name, StrAttr:$architecture, I64Attr:$vocabulary, BoolAttr:$byte_vocabulary, I64Attr:$max_context,
                       I64Attr:$max_tokens, I64Attr:$max_sequences, I64Attr:$max_logit_rows, I64Attr:$arena_bytes,
                       DenseI64ArrayAttr:$eos_tokens, StrAttr:$options);
  let assemblyFormat = "$name `architecture` $architecture attr-dict";
}

def Engine_ConstantOp : Engine_Op<"constant", [Symbol]> {
  let summary = "bytes of one result of a derivation, or a few values";
  let description = [{
    `layer`, `scheme` and `layout` are for people and inspection tools. (C1) either a source, which is a `graph.derived`, with the number of one of its results, or
    a value is given; (C2) `bytes` is positive; (C3) the type is static, a value is f32 of this type, and `bytes` is its size.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<FlatSymbolRefAttr>:$source, OptionalAttr<I64Attr>:$result, OptionalAttr<ElementsAttr>:$value,
                       TypeAttr:$type, I64Attr:$bytes, StrAttr:$layer, StrAttr:$scheme, StrAttr:$layout);
  let assemblyFormat = "$sym_name (`from` $source^ `result` $result)? (`value` $value^)? `:` $type `bytes` $bytes attr-dict";
}

def Engine_BufferOp : Engine_Op<"buffer", [Symbol]> {
  let summary = "a value's place in the arena";
  let description = [{(C1) offset is a multiple of 256 and not negative; (C2) bytes is positive.}];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$offset, I64Attr:$bytes);
  let assemblyFormat = "$sym_name `offset` $offset `bytes` $bytes attr-dict";
}

def Engine_KernelOp : Engine_Op<"kernel", [Symbol]> {
  let summary = "a CUDA kernel: instantiation stub and launch shape";
  let description = [{
    The stub includes the kernel library's embedded headers and names the template's constants; it may be edited by hand.
    (C1) block has three positive extents with a product of at most 1024; (C2) shared_bytes is in [0, 232448].
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$family, DenseI64ArrayAttr:$block, I64Attr:$shared_bytes, I64Attr:$min_target,
                       DictionaryAttr:$config, StrAttr:$source);
  let assemblyFormat = [{
    $sym_name `family` $family `block` $block `shared` $shared_bytes `min_target` $min_target `config` $config `source` $source attr-dict
  }];
}

def Engine_EntryOp : Engine_Op<"entry", [Symbol, NoTerminator, SingleBlock]> {
  let summary = "the step: launches in order";
  let description = [{
    Inputs and outputs are named, in the order of the graph's function; the body holds `engine.launch` and `engine.choice` ops.
    (C1) the body holds nothing else.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$inputs, StrArrayAttr:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `inputs` $inputs `outputs` $outputs attr-dict-with-keyword $body";
}

def Engine_LaunchOp : Engine_Op<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "one kernel launch";
  let description = [{
    (C1) grid has three `#engine.dim`; (C2) arguments are engine argument attributes; (C3) the kernel and every named constant and buffer exist;
    (C4) inputs and outputs are those of the entry.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, ArrayAttr:$grid, ArrayAttr:$args, OptionalAttr<StrAttr>:$label);
  let assemblyFormat = "$kernel `grid` $grid `args` $args attr-dict";
}

def Engine_ChoiceOp : Engine_Op<"choice", [NoTerminator, SingleBlock]> {
  let summary = "the first case whose bounds hold at run time";
  let description = [{(C1) the body holds at least one `engine.case` and nothing else; (C2) the last case, and no other, has no bounds.}];
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "attr-dict-with-keyword $body";
}

def Engine_CaseOp : Engine_Op<"case", [NoTerminator, SingleBlock, HasParent<"ChoiceOp">]> {
  let summary = "launches for sizes within bounds";
  let description = [{`engine.case {Q = 1}`: holds when every named size is at most its bound. (C1) bounds name run-time sizes and are positive integers.}];
  let arguments = (ins DictionaryAttr:$bounds);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$bounds $body attr-dict";
}

#endif // QCC_DIALECT_ENGINE_OPS_TD
