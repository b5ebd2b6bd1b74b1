//===- KernelAttrs.td --------------------------------------*- tablegen -*-===//
#ifndef QCC_DIALECT_KERNEL_ATTRS_TD
#define QCC_DIALECT_KERNEL_ATTRS_TD

include "qcc/Dialect/Kernel/KernelDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Kernel_WeightFormat : I32EnumAttr<"WeightFormat", "storage of a GEMM's weights", [
  I32EnumAttrCase<"bf16", 0>, I32EnumAttrCase<"e4m3", 1>, I32EnumAttrCase<"s4", 2>, I32EnumAttrCase<"e4m3_block", 3>, I32EnumAttrCase<"s8", 4>,
  I32EnumAttrCase<"s4_zero", 5>, I32EnumAttrCase<"s4_e4m3", 6>, I32EnumAttrCase<"s8a8", 7>, I32EnumAttrCase<"bf16_24", 8>,
  I32EnumAttrCase<"e4m3_24", 9>, I32EnumAttrCase<"s8_24", 10>
]> {
  let cppNamespace = "::qcc::kernel";
  let description = [{
    Activations are e4m3 for `e4m3`, `e4m3_block`, `s4_e4m3`, `e4m3_24`, i8 for `s8a8` and `s8_24`, else bf16. `_24` are 2:4 sparse. The numbers are those of
    `qcc::codegen::WeightFormat`.
  }];
}

def Kernel_Size : I32EnumAttr<"Size", "run-time size of a step", [
  I32EnumAttrCase<"T", 0>, I32EnumAttrCase<"B", 1>, I32EnumAttrCase<"R", 2>,
  I32EnumAttrCase<"Q", 3>, I32EnumAttrCase<"C", 4>, I32EnumAttrCase<"P", 5>
]> {
  let cppNamespace = "::qcc::kernel";
  let description = [{T tokens, B sequences, R logit rows, Q longest run of new tokens, C longest context, P pages per sequence.}];
}

def Kernel_VariantAttr : AttrDef<KernelDialect, "Variant"> {
  let mnemonic = "variant";
  let summary = "a configuration and when it applies";
  let description = [{
    `#kernel.variant<{T = 8}, {BLOCK_M = 32, BLOCK_N = 8}>`: chosen when every named run-time size is at most its bound; the first
    of a list whose bounds hold is launched, so the last one has none. The configuration's names are those of the kernel's stub.
  }];
  let parameters = (ins "::mlir::DictionaryAttr":$bounds, "::mlir::DictionaryAttr":$config);
  let assemblyFormat = "`<` $bounds `,` $config `>`";
  let genVerifyDecl = 1;
}

def Kernel_VariantArray : TypedArrayAttrBase<Kernel_VariantAttr, "kernel variants">;

#endif // QCC_DIALECT_KERNEL_ATTRS_TD
