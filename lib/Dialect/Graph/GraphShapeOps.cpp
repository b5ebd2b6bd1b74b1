//===- GraphShapeOps.cpp - Verifiers of ops that move values --------------===//

#include "ShapeChecks.h"

using namespace mlir;
using namespace qcc::graph;

LogicalResult ReshapeOp::verify() {
  RankedTensorType x = tensorOf(getX()), y = tensorOf(getY());
  // reshape_c1
  if (x.getElementType() != y.getElementType())
    return emitOpError() << "result " << y << " must have the element type of x " << x;
  // reshape_c2
  auto isLedByDynamic = [](RankedTensorType type) { return type.getRank() > 0 && type.isDynamicDim(0); };
  bool dynamic = isLedByDynamic(x);
  if (dynamic != isLedByDynamic(y) || x.getNumDynamicDims() != dynamic || y.getNumDynamicDims() != dynamic)
    return emitOpError() << "x " << x << " and result " << y
                         << " must both have a dynamic dimension in front, and no other, or none";
  // reshape_c3
  if (ShapedType::getNumElements(x.getShape().drop_front(dynamic)) !=
      ShapedType::getNumElements(y.getShape().drop_front(dynamic)))
    return emitOpError() << "x " << x << " and result " << y << " must have equally many elements";
  return success();
}

LogicalResult TransposeOp::verify() {
  RankedTensorType x = tensorOf(getX());
  ArrayRef<int64_t> permutation = getPermutation();
  // transpose_c1
  SmallVector<bool> seen(x.getRank(), false);
  for (int64_t dim : permutation)
    if (dim >= 0 && dim < x.getRank())
      seen[dim] = true;
  if (int64_t(permutation.size()) != x.getRank() || llvm::is_contained(seen, false))
    return emitOpError() << "permutation [" << permutation << "] must hold each of the dimensions of x " << x
                         << " once";
  // transpose_c2
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation)
    shape.push_back(x.getDimSize(dim));
  if (getY().getType() != RankedTensorType::get(shape, x.getElementType()))
    return emitOpError() << "result " << getY().getType() << " must be "
                         << RankedTensorType::get(shape, x.getElementType());
  return success();
}

LogicalResult ConcatOp::verify() {
  // concat_c1
  if (getInputs().empty())
    return emitOpError() << "must have at least one input";
  RankedTensorType first = tensorOf(getInputs().front());
  int64_t axis = getAxis(), extent = 0;
  if (axis < 0 || axis >= first.getRank())
    return emitOpError() << "axis " << axis << " is out of range [0, " << first.getRank() << ")";
  for (Value input : getInputs()) {
    RankedTensorType type = tensorOf(input);
    // concat_c2
    bool agrees = type.getRank() == first.getRank() && type.getElementType() == first.getElementType();
    for (int64_t dim = 0; agrees && dim < first.getRank(); ++dim)
      agrees = dim == axis ? !type.isDynamicDim(dim) : type.getDimSize(dim) == first.getDimSize(dim);
    if (!agrees)
      return emitOpError() << "input " << type << " must agree with " << first << " but for a static dimension "
                           << axis;
    extent += type.getDimSize(axis);
  }
  // concat_c3
  SmallVector<int64_t> shape(first.getShape());
  shape[axis] = extent;
  if (getY().getType() != RankedTensorType::get(shape, first.getElementType()))
    return emitOpError() << "result " << getY().getType() << " must be "
                         << RankedTensorType::get(shape, first.getElementType());
  return success();
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType x = tensorOf(getX()), y = tensorOf(getY());
  // broadcast_c1
  if (x.getElementType() != y.getElementType())
    return emitOpError() << "result " << y << " must have the element type of x " << x;
  // broadcast_c2
  if (!y.hasStaticShape() || x.getRank() > y.getRank() || y.getShape().take_front(x.getRank()) != x.getShape())
    return emitOpError() << "result " << y << " must have static shape and begin with the shape of x " << x;
  // broadcast_c3
  if (!(*this)->getParentOfType<DerivedOp>())
    return emitOpError() << "must be inside a graph.derived";
  return success();
}

LogicalResult SliceOp::verify() {
  RankedTensorType x = tensorOf(getX());
  int64_t axis = getAxis(), begin = getBegin(), size = getSize();
  // slice_c1
  if (axis < 0 || axis >= x.getRank() || x.isDynamicDim(axis))
    return emitOpError() << "axis " << axis << " must be a static dimension of x " << x;
  // slice_c2
  if (begin < 0 || size <= 0 || begin > x.getDimSize(axis) || size > x.getDimSize(axis) - begin)
    return emitOpError() << "begin " << begin << " and size " << size << " must name a range of the axis's "
                         << x.getDimSize(axis);
  // slice_c3
  SmallVector<int64_t> shape(x.getShape());
  shape[axis] = size;
  if (getY().getType() != RankedTensorType::get(shape, x.getElementType()))
    return emitOpError() << "result " << getY().getType() << " must be "
                         << RankedTensorType::get(shape, x.getElementType());
  return success();
}
