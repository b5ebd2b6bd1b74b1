//===- GraphDialect.h - What is computed --------------------------*- C++ -*-===//
//
// The graph dialect: attributes and ops (see GraphDialect.td and docs/spec.md).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_DIALECT_GRAPH_GRAPHDIALECT_H
#define QCC_DIALECT_GRAPH_GRAPHDIALECT_H

#include "qcc/Dialect/Graph/GraphTraits.h"
#include "qcc/Support/RopeTable.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>

namespace qcc {
/// Lets a RopeSpec be an attribute's parameter.
llvm::hash_code hash_value(const RopeSpec &spec);
} // namespace qcc

#include "qcc/Dialect/Graph/GraphDialect.h.inc"
#include "qcc/Dialect/Graph/GraphEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "qcc/Dialect/Graph/GraphAttrs.h.inc"
#define GET_OP_CLASSES
#include "qcc/Dialect/Graph/GraphOps.h.inc"

#endif // QCC_DIALECT_GRAPH_GRAPHDIALECT_H
