//===- KernelDialect.h - How it is computed -----------------------*- C++ -*-===//
#ifndef QCC_DIALECT_KERNEL_KERNELDIALECT_H
#define QCC_DIALECT_KERNEL_KERNELDIALECT_H

#include "qcc/Dialect/Graph/GraphDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qcc/Dialect/Kernel/KernelDialect.h.inc"
#include "qcc/Dialect/Kernel/KernelEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "qcc/Dialect/Kernel/KernelAttrs.h.inc"
#define GET_OP_CLASSES
#include "qcc/Dialect/Kernel/KernelOps.h.inc"

#endif // QCC_DIALECT_KERNEL_KERNELDIALECT_H
