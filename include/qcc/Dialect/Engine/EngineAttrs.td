//===- EngineAttrs.td --------------------------------------*- tablegen -*-===//
#ifndef QCC_DIALECT_ENGINE_ATTRS_TD
#define QCC_DIALECT_ENGINE_ATTRS_TD

include "qcc/Dialect/Engine/EngineDialect.td"
include "mlir/IR/AttrTypeBase.td"

class Engine_Attr<string name, string attrMnemonic> : AttrDef<EngineDialect, name> { let mnemonic = attrMnemonic; }

def Engine_DimAttr : Engine_Attr<"Dim", "dim"> {
  let summary = "extent of a grid dimension: ceil(size * multiplier / divisor)";
  let description = [{`#engine.dim<"T", 1, 8>`; an empty size name is the number one, so that `#engine.dim<"", 4, 1>` is 4.}];
  let parameters = (ins StringRefParameter<>:$size, "int64_t":$multiplier, "int64_t":$divisor);
  let assemblyFormat = "`<` $size `,` $multiplier `,` $divisor `>`";
  let genVerifyDecl = 1;
}

def Engine_ConstantArgAttr : Engine_Attr<"ConstantArg", "const"> {
  let summary = "address of a constant";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$symbol);
  let assemblyFormat = "`<` $symbol `>`";
}
def Engine_BufferArgAttr : Engine_Attr<"BufferArg", "buffer"> {
  let summary = "address of an arena buffer";
  let parameters = (ins "::mlir::FlatSymbolRefAttr":$symbol);
  let assemblyFormat = "`<` $symbol `>`";
}
def Engine_InputArgAttr : Engine_Attr<"InputArg", "input"> {
  let summary = "address of one of the entry's inputs";
  let parameters = (ins StringRefParameter<>:$name);
  let assemblyFormat = "`<` $name `>`";
}
def Engine_OutputArgAttr : Engine_Attr<"OutputArg", "output"> {
  let summary = "address of one of the entry's outputs";
  let parameters = (ins StringRefParameter<>:$name);
  let assemblyFormat = "`<` $name `>`";
}
def Engine_CacheArgAttr : Engine_Attr<"CacheArg", "cache"> {
  let summary = "address of a layer's K or V pages: `#engine.cache<\"k\", 3>`";
  let parameters = (ins StringRefParameter<>:$which, "int64_t":$layer);
  let assemblyFormat = "`<` $which `,` $layer `>`";
  let genVerifyDecl = 1;
}
def Engine_SizeArgAttr : Engine_Attr<"SizeArg", "size"> {
  let summary = "value of a run-time size as i32";
  let parameters = (ins StringRefParameter<>:$size);
  let assemblyFormat = "`<` $size `>`";
  let genVerifyDecl = 1;
}

#endif // QCC_DIALECT_ENGINE_ATTRS_TD
