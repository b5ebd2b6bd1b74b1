//===- LinearFormats.h - Which product a linear needs -------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_SCHEDULE_LINEARFORMATS_H
#define QCC_LIB_TRANSFORMS_SCHEDULE_LINEARFORMATS_H

#include "qcc/Dialect/Kernel/KernelDialect.h"
#include "qcc/Transforms/Schedule/WeightView.h"

namespace qcc {

/// A linear's activations as its kernel reads them: bf16 values, or codes with their scales.
struct ActivationView {
  mlir::Value x, scale;     ///< scale is null for bf16
  graph::SchemeAttr scheme; ///< null for bf16

  static ActivationView of(mlir::Value x);
};

/// The kernel's format for a linear's weight and activations. Emits an error at `op` where no kernel has them.
mlir::FailureOr<kernel::WeightFormat> chooseFormat(graph::LinearOp op, const WeightView &weight,
                                                   const ActivationView &activations);

/// One packed tensor of a kernel's weight: which part of the weight (WeightView::parts), in which layout.
struct PackedPart {
  unsigned part;
  graph::LayoutAttr layout;
};
/// In this order: weights, scales where the format has them, metadata of 2:4 weights, zero points.
llvm::SmallVector<PackedPart> packedParts(kernel::WeightFormat format, mlir::MLIRContext *context);

/// The shape in which `layout` packs a part, given as `type`, of a weight of `rows` rows: a scale per tensor is
/// repeated for every row, one per channel is a group of its own. `castForLayout` brings a value there, inside a
/// derivation.
mlir::RankedTensorType typeForLayout(mlir::RankedTensorType type, graph::LayoutAttr layout, int64_t rows);
mlir::Value castForLayout(mlir::OpBuilder &body, mlir::Value value, mlir::RankedTensorType type);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_SCHEDULE_LINEARFORMATS_H
