//===- EngineDialect.h - Where and when ---------------------------*- C++ -*-===//
#ifndef QCC_DIALECT_ENGINE_ENGINEDIALECT_H
#define QCC_DIALECT_ENGINE_ENGINEDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"

#include "qcc/Dialect/Engine/EngineDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "qcc/Dialect/Engine/EngineAttrs.h.inc"
#define GET_OP_CLASSES
#include "qcc/Dialect/Engine/EngineOps.h.inc"

namespace qcc::engine {
/// Names of run-time sizes: T tokens, B sequences, R logit rows, Q longest run of new tokens, C longest context, P
/// pages per sequence.
bool isSizeName(llvm::StringRef name);
} // namespace qcc::engine

#endif // QCC_DIALECT_ENGINE_ENGINEDIALECT_H
