//===- GraphDialect.td - What is computed ------------------*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_DIALECT_TD
#define QCC_DIALECT_GRAPH_DIALECT_TD

include "mlir/IR/OpBase.td"

def GraphDialect : Dialect {
  let name = "graph";
  let cppNamespace = "::qcc::graph";
  let summary = "what a model computes, on tensors";
  let description = [{
    Values are ranked tensors. Dynamic dimensions are sizes of a ragged batch, named on the function's arguments and results by
    `graph.dims = ["T"]`: T tokens of the step, B sequences, B1 = B + 1, P pages per sequence, R rows whose logits are wanted.

    An op computes in f32 from its operands' values and rounds once to its result's element type. So a bf16-typed graph says exactly where
    values are rounded, and the interpreter of such a graph is a tight oracle of the kernels.

    The module's attribute `graph.model` says what is not in the computation: name and architecture (strings), vocabulary and max_context (integers),
    byte_vocabulary (whether a token is a byte) and eos_tokens.

    Weights are symbols: `graph.parameter` names bytes in a file, `graph.derived` says how other tensors follow from them. Neither holds data.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

class Graph_Op<string mnemonic, list<Trait> traits = []> : Op<GraphDialect, mnemonic, traits>;

#endif // QCC_DIALECT_GRAPH_DIALECT_TD
