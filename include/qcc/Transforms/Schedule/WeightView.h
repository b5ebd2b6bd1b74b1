//===- WeightView.h - How a linear's weight is held ---------------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_SCHEDULE_WEIGHTVIEW_H
#define QCC_TRANSFORMS_SCHEDULE_WEIGHTVIEW_H

#include "qcc/Dialect/Graph/GraphDialect.h"

#include <optional>

namespace qcc {

/// A weight operand seen as `get @w`, or `dequantize(get @codes_and_scales)`.
struct WeightView {
  graph::GetOp get;
  graph::DequantizeOp dequantize; ///< null for a float weight

  /// Nothing when the value is computed in another way.
  static std::optional<WeightView> of(mlir::Value weight) {
    if (auto get = weight.getDefiningOp<graph::GetOp>(); get && get->getNumResults() == 1)
      return WeightView{get, nullptr};
    auto dequantize = weight.getDefiningOp<graph::DequantizeOp>();
    if (!dequantize)
      return std::nullopt;
    auto get = dequantize.getCodes().getDefiningOp<graph::GetOp>();
    if (!get || get->getNumResults() != 2 || dequantize.getScales().getDefiningOp() != get.getOperation())
      return std::nullopt;
    return WeightView{get, dequantize};
  }

  graph::SchemeAttr scheme() const {
    graph::DequantizeOp op = dequantize;
    return op ? op.getScheme() : graph::SchemeAttr();
  }

  /// The same view of another symbol's tensors.
  mlir::Value rebuild(mlir::OpBuilder &builder, graph::GetOp other) const {
    if (!dequantize)
      return other->getResult(0);
    graph::DequantizeOp op = dequantize;
    auto codes = mlir::cast<mlir::RankedTensorType>(other->getResult(0).getType());
    auto type = mlir::RankedTensorType::get(codes.getShape(),
                                            mlir::cast<mlir::RankedTensorType>(op.getY().getType()).getElementType());
    return graph::DequantizeOp::create(builder, other.getLoc(), type, other->getResult(0), other->getResult(1),
                                       op.getScheme());
  }
};

} // namespace qcc

#endif // QCC_TRANSFORMS_SCHEDULE_WEIGHTVIEW_H
