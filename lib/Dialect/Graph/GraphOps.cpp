//===- GraphOps.cpp - Verifiers of structured and elementwise ops ---------===//

#include "ShapeChecks.h"

#include <cmath>

using namespace mlir;
using namespace qcc::graph;

LogicalResult LinearOp::verify() {
  RankedTensorType x = tensorOf(getX()), w = tensorOf(getW()), y = tensorOf(getY());
  // linear_c1
  if (x.getRank() < 1 || w.getRank() != 2 || !w.hasStaticShape() || x.getShape().back() != w.getDimSize(1))
    return emitOpError() << "x " << x << " must be [..., K] and w " << w << " must be [N, K]";
  // linear_c2
  if (y.getShape() != ArrayRef<int64_t>(withLastDim(x, w.getDimSize(0))))
    return emitOpError() << "result " << y << " must have the shape of x " << x << " with " << w.getDimSize(0)
                         << " in place of the last dimension";
  // linear_c3
  if (getBias() && tensorOf(getBias()).getShape() != w.getShape().take_front())
    return emitOpError() << "bias " << getBias().getType() << " must have " << w.getDimSize(0) << " elements";
  // linear_c4
  for (Value value : std::initializer_list<Value>{getX(), getW(), getY(), getBias()})
    if (value && !isFloat(value))
      return emitOpError() << "element type of " << value.getType() << " must be float";
  return success();
}

LogicalResult MatmulOp::verify() {
  RankedTensorType a = tensorOf(getA()), b = tensorOf(getB()), y = tensorOf(getY());
  // matmul_c1
  int64_t rank = a.getRank();
  if (rank < 2 || b.getRank() != rank || a.getShape().drop_back(2) != b.getShape().drop_back(2) ||
      a.getDimSize(rank - 1) != b.getDimSize(rank - 2))
    return emitOpError() << "a " << a << " and b " << b
                         << " must be [..., M, K] and [..., K, N] with equal leading dimensions";
  // matmul_c2
  if (y.getShape() != ArrayRef<int64_t>(withLastDim(a, b.getDimSize(rank - 1))))
    return emitOpError() << "result " << y << " must be [..., M, N] for a " << a << " and b " << b;
  // matmul_c3
  for (Value value : std::initializer_list<Value>{getA(), getB(), getY()})
    if (!isFloat(value))
      return emitOpError() << "element type of " << value.getType() << " must be float";
  return success();
}

/// y[i] = rows[index[i]] for both gathering ops: (C1) operands, (C2) result.
static LogicalResult verifyRowsAt(Operation *op, Value index, Value rows, Value result) {
  RankedTensorType table = tensorOf(rows), y = tensorOf(result);
  if (!isIndices(index, 1) || table.getRank() != 2)
    return op->emitOpError() << "indices " << index.getType() << " must be i32 of rank 1 and rows " << table
                             << " of rank 2";
  if (y.getShape() != ArrayRef<int64_t>{tensorOf(index).getDimSize(0), table.getDimSize(1)})
    return op->emitOpError() << "result " << y << " must have a row for each index of " << index.getType()
                             << " and the columns of " << table;
  return success();
}

LogicalResult EmbeddingOp::verify() {
  // embedding_c1, embedding_c2
  return verifyRowsAt(*this, getIds(), getTable(), getY());
}

LogicalResult GatherRowsOp::verify() {
  // gather_rows_c1
  if (failed(verifyRowsAt(*this, getRows(), getX(), getY())))
    return failure();
  // gather_rows_c2
  if (tensorOf(getX()).getElementType() != tensorOf(getY()).getElementType())
    return emitOpError() << "result " << getY().getType() << " must have the element type of x " << getX().getType();
  return success();
}

LogicalResult RmsNormOp::verify() {
  RankedTensorType x = tensorOf(getX()), weight = tensorOf(getWeight());
  // rms_norm_c1
  if (x.getRank() < 1 || weight.getRank() != 1 || weight.getDimSize(0) != x.getShape().back())
    return emitOpError() << "weight " << weight << " must have an element for each in the last dimension of x " << x;
  // rms_norm_c2
  if (!sameShape(getX(), getY()))
    return emitOpError() << "result " << getY().getType() << " must have the shape of x " << x;
  // rms_norm_c3
  double eps = getEps().convertToDouble();
  if (!std::isfinite(eps) || eps <= 0)
    return emitOpError() << "eps " << eps << " must be positive and finite";
  return success();
}

LogicalResult RopeOp::verify() {
  // rope_c1
  RankedTensorType x = tensorOf(getX());
  if (x.getRank() != 3 || !isIndices(getPositions(), 1) || tensorOf(getPositions()).getDimSize(0) != x.getDimSize(0))
    return emitOpError() << "x " << x << " and positions " << getPositions().getType()
                         << " must be [T, heads, D] and i32 [T]";
  // rope_c2
  if (!sameShape(getX(), getY()))
    return emitOpError() << "result " << getY().getType() << " must have the shape of x " << x;
  // rope_c3
  if (getRope().getSpec().dim != x.getDimSize(2))
    return emitOpError() << "rotates " << getRope().getSpec().dim << " dimensions, heads of x have " << x.getDimSize(2);
  return success();
}

LogicalResult RopeTableOp::verify() {
  RankedTensorType table = tensorOf(getTable());
  int64_t positions = getPositions();
  // rope_table_c1
  if (positions <= 0 || !table.getElementType().isF32() ||
      table.getShape() != ArrayRef<int64_t>{positions, getRope().getSpec().dim / 2, 2})
    return emitOpError() << "result " << table << " must be f32 [" << positions << ", " << getRope().getSpec().dim / 2
                         << ", 2]";
  return success();
}

/// `axis` is one of the dimensions of `type`.
static LogicalResult verifyAxis(Operation *op, int64_t axis, RankedTensorType type) {
  if (axis < 0 || axis >= type.getRank())
    return op->emitOpError() << "axis " << axis << " is out of range [0, " << type.getRank() << ")";
  return success();
}

LogicalResult SoftmaxOp::verify() {
  // softmax_c1
  if (!sameShape(getX(), getY()))
    return emitOpError() << "result " << getY().getType() << " must have the shape of x " << getX().getType();
  // softmax_c2
  return verifyAxis(*this, getAxis(), tensorOf(getX()));
}

LogicalResult ReduceOp::verify() {
  // reduce_c1
  RankedTensorType x = tensorOf(getX());
  if (failed(verifyAxis(*this, getAxis(), x)))
    return failure();
  // reduce_c2
  SmallVector<int64_t> shape(x.getShape());
  shape.erase(shape.begin() + getAxis());
  if (tensorOf(getY()).getShape() != ArrayRef<int64_t>(shape))
    return emitOpError() << "result " << getY().getType() << " must have the shape of x " << x << " without dimension "
                         << getAxis();
  return success();
}

LogicalResult ArgmaxOp::verify() {
  RankedTensorType x = tensorOf(getX());
  // argmax_c1
  if (x.getRank() != 2 || !isIndices(getY(), 1) || tensorOf(getY()).getDimSize(0) != x.getDimSize(0))
    return emitOpError() << "x " << x << " and result " << getY().getType() << " must be [R, V] and i32 [R]";
  return success();
}

LogicalResult qcc::graph::detail::verifyUnary(Operation *op) {
  Value x = op->getOperand(0), y = op->getResult(0);
  // unary_c1
  if (!sameShape(x, y))
    return op->emitOpError() << "result " << y.getType() << " must have the shape of x " << x.getType();
  // unary_c2
  if (!isFloat(x) || !isFloat(y))
    return op->emitOpError() << "element types of " << x.getType() << " and " << y.getType() << " must be float";
  return success();
}

LogicalResult qcc::graph::detail::verifyBinary(Operation *op) {
  Value a = op->getOperand(0), b = op->getOperand(1), y = op->getResult(0);
  // binary_c1
  if (!sameShape(a, y))
    return op->emitOpError() << "result " << y.getType() << " must have the shape of a " << a.getType();
  // binary_c2
  bool isVector = tensorOf(b).getRank() == 1 && tensorOf(a).getRank() > 0 &&
                  tensorOf(b).getDimSize(0) == tensorOf(a).getShape().back();
  if (!sameShape(a, b) && !isVector)
    return op->emitOpError() << "b " << b.getType() << " must have the shape of a " << a.getType()
                             << " or be a vector over its last dimension";
  // binary_c3
  for (Value value : {a, b, y})
    if (!isFloat(value))
      return op->emitOpError() << "element type of " << value.getType() << " must be float";
  return success();
}

LogicalResult CastOp::verify() {
  // cast_c1
  if (!sameShape(getX(), getY()))
    return emitOpError() << "result " << getY().getType() << " must have the shape of x " << getX().getType();
  // cast_c2
  if (!isFloat(getX()) || !isFloat(getY()))
    return emitOpError() << "element types of " << getX().getType() << " and " << getY().getType() << " must be float";
  return success();
}
