//===- GraphTraits.td - What elementwise ops share -----*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_TRAITS_TD
#define QCC_DIALECT_GRAPH_TRAITS_TD

include "mlir/IR/OpBase.td"

// Traits: one verifier for all unary ops, one for all binary ops (docs/spec.md, `unary` and `binary`).
def Graph_Unary : NativeOpTrait<"Unary"> { let cppNamespace = "::qcc::graph"; }
def Graph_Binary : NativeOpTrait<"Binary"> { let cppNamespace = "::qcc::graph"; }

#endif // QCC_DIALECT_GRAPH_TRAITS_TD
