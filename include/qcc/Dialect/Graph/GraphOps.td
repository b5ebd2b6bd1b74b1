//===- GraphOps.td - All ops of the graph dialect ----------*- tablegen -*-===//
#ifndef QCC_DIALECT_GRAPH_OPS_TD
#define QCC_DIALECT_GRAPH_OPS_TD

include "qcc/Dialect/Graph/GraphSymbolOps.td"
include "qcc/Dialect/Graph/GraphComputeOps.td"
include "qcc/Dialect/Graph/GraphElementwiseOps.td"
include "qcc/Dialect/Graph/GraphShapeOps.td"
include "qcc/Dialect/Graph/GraphQuantOps.td"

#endif // QCC_DIALECT_GRAPH_OPS_TD
