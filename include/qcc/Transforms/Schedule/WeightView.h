//===- WeightView.h - How a linear's weight is held ---------------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_SCHEDULE_WEIGHTVIEW_H
#define QCC_TRANSFORMS_SCHEDULE_WEIGHTVIEW_H

#include "qcc/Dialect/Graph/GraphDialect.h"

#include <optional>

namespace qcc {

/// A weight operand seen as `get @w`, or as `dequantize` of results of `get` ops, one or several.
struct WeightView {
  /// The weight, or its codes, scales and, where the scheme has them, zero points: each a result of a graph.get.
  llvm::SmallVector<mlir::OpResult, 3> parts;
  graph::SchemeAttr scheme; ///< null for a float weight
  mlir::Type element;       ///< of the weight that the linear sees

  /// Nothing when the value is computed in another way.
  static std::optional<WeightView> of(mlir::Value weight) {
    WeightView view;
    view.element = mlir::cast<mlir::RankedTensorType>(weight.getType()).getElementType();
    llvm::SmallVector<mlir::Value, 3> parts{weight};
    if (auto dequantize = weight.getDefiningOp<graph::DequantizeOp>()) {
      view.scheme = dequantize.getScheme();
      parts = {dequantize.getCodes(), dequantize.getScales()};
      if (dequantize.getZeros())
        parts.push_back(dequantize.getZeros());
    }
    for (mlir::Value part : parts) {
      if (!part.getDefiningOp<graph::GetOp>())
        return std::nullopt;
      view.parts.push_back(mlir::cast<mlir::OpResult>(part));
    }
    return view;
  }

  static mlir::FlatSymbolRefAttr symbolOf(mlir::OpResult part) {
    return mlir::cast<graph::GetOp>(part.getOwner()).getSymbolAttr();
  }

  /// What tells this weight from others: its symbols and which of their tensors they are.
  mlir::ArrayAttr key(mlir::Builder &builder) const {
    llvm::SmallVector<mlir::Attribute> items;
    for (mlir::OpResult part : parts) {
      items.push_back(symbolOf(part));
      items.push_back(builder.getI64IntegerAttr(part.getResultNumber()));
    }
    return builder.getArrayAttr(items);
  }

  /// The parts' tensors inside another derivation; one graph.get for those of one symbol that follow one another.
  llvm::SmallVector<mlir::Value> get(mlir::OpBuilder &body, mlir::Location loc) const {
    llvm::SmallVector<mlir::Value> values;
    graph::GetOp inside;
    for (mlir::OpResult part : parts) {
      if (!inside || inside.getSymbolAttr() != symbolOf(part))
        inside = graph::GetOp::create(body, loc, part.getOwner()->getResultTypes(), symbolOf(part));
      values.push_back(inside->getResult(part.getResultNumber()));
    }
    return values;
  }
};

} // namespace qcc

#endif // QCC_TRANSFORMS_SCHEDULE_WEIGHTVIEW_H
