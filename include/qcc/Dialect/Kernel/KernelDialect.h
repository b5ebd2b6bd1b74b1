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

namespace qcc::kernel {

/// How `kernel.gemm` wants the weights of a format packed.
graph::FragmentFormat fragmentOf(WeightFormat format);
/// The same of their scales; bf16 weights have none.
std::optional<graph::LayoutKind> scalesOf(WeightFormat format);

/// Bytes of the packed operands of y[?, n] = x[?, k] W^T; 0 for one that the format does not have.
struct PackedSizes {
  int64_t weights = 0, scales = 0, metadata = 0, zeros = 0;
};
/// `group`: of columns, for formats that may have groups; else a row is one group.
PackedSizes packedSizesOf(WeightFormat format, int64_t n, int64_t k, std::optional<int64_t> group,
                          mlir::MLIRContext *context);

} // namespace qcc::kernel

#endif // QCC_DIALECT_KERNEL_KERNELDIALECT_H
