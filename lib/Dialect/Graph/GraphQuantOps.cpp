//===- GraphQuantOps.cpp - Verifiers of quantization ops ------------------===//

#include "ShapeChecks.h"

using namespace mlir;
using namespace qcc::graph;

/// Of the scheme's storage type, and of a rank that its scales are defined for.
static LogicalResult verifyCodes(Operation *op, SchemeAttr scheme, RankedTensorType codes) {
  if (codes.getElementType() != scheme.getStorage())
    return op->emitOpError() << "codes " << codes << " must have the scheme's storage type " << scheme.getStorage();
  return success();
}

static LogicalResult verifyRank(Operation *op, SchemeAttr scheme, RankedTensorType type) {
  if (scheme.getGranularity() != Granularity::tensor && type.getRank() != 2)
    return op->emitOpError() << type << " must have rank 2 for a scheme per "
                             << stringifyGranularity(scheme.getGranularity());
  return success();
}

static LogicalResult verifyScales(Operation *op, SchemeAttr scheme, RankedTensorType tensor, Value scales) {
  auto expected = RankedTensorType::get(scheme.getScaleShape(tensor.getShape()), scheme.getScale());
  if (scales.getType() != expected)
    return op->emitOpError() << "scales " << scales.getType() << " must be " << expected;
  return success();
}

static LogicalResult verifyZeros(Operation *op, SchemeAttr scheme, RankedTensorType tensor, Value zeros) {
  auto expected = RankedTensorType::get(scheme.getScaleShape(tensor.getShape()), scheme.getZeroPoint());
  if (zeros.getType() != expected)
    return op->emitOpError() << "zero points " << zeros.getType() << " must be " << expected;
  return success();
}

LogicalResult QuantizeOp::verify() {
  RankedTensorType x = tensorOf(getX()), codes = tensorOf(getCodes());
  SchemeAttr scheme = getScheme();
  // quantize_c1
  if (!isFloat(getX()))
    return emitOpError() << "element type of " << x << " must be float";
  if (failed(verifyRank(*this, scheme, x)))
    return failure();
  // quantize_c2
  if (!sameShape(getX(), getCodes()))
    return emitOpError() << "codes " << codes << " must have the shape of x " << x;
  if (failed(verifyCodes(*this, scheme, codes)))
    return failure();
  // quantize_c4
  size_t expected = getScale() ? 0 : scheme.getZeroPoint() ? 2 : 1;
  if (getComputed().size() != expected)
    return emitOpError() << "must have a scale operand, or a result of scales"
                         << (scheme.getZeroPoint() ? " and one of zero points" : "") << ", and not both";
  // quantize_c3
  if (failed(verifyScales(*this, scheme, x, getScale() ? Value(getScale()) : getScales())))
    return failure();
  bool inDerivation = bool((*this)->getParentOfType<DerivedOp>());
  // quantize_c5
  if (getScales() && !scheme.getDynamic() && !inDerivation)
    return emitOpError() << "computes scales outside a derivation, the scheme must be dynamic";
  // quantize_c6
  if (scheme.getSecond() || (scheme.getZeroPoint() && getScale()))
    return emitOpError() << "scheme " << scheme
                         << " must have no second-level scale, and no zero point where the scale is given";
  // quantize_c7
  if (getZeros() && failed(verifyZeros(*this, scheme, x, getZeros())))
    return failure();
  // quantize_c8
  if (getSearch() && (getScale() || scheme.getDynamic() || !inDerivation))
    return emitOpError() << "searches scales; only a scheme that is not dynamic, in a derivation and without a scale "
                            "operand, has scales to search";
  return success();
}

LogicalResult DequantizeOp::verify() {
  RankedTensorType codes = tensorOf(getCodes());
  SchemeAttr scheme = getScheme();
  // dequantize_c1
  if (failed(verifyCodes(*this, scheme, codes)) || failed(verifyRank(*this, scheme, codes)))
    return failure();
  // dequantize_c2
  if (failed(verifyScales(*this, scheme, codes, getScales())))
    return failure();
  // dequantize_c3
  if (!sameShape(getCodes(), getY()) || !isFloat(getY()))
    return emitOpError() << "result " << getY().getType() << " must be float of the shape of codes " << codes;
  // dequantize_c4
  if (scheme.getSecond())
    return emitOpError() << "scheme " << scheme << " must have no second-level scale";
  // dequantize_c5
  if (bool(getZeros()) != bool(scheme.getZeroPoint()))
    return emitOpError() << "must have zero points exactly for a scheme that has them, the scheme is " << scheme;
  return getZeros() ? verifyZeros(*this, scheme, codes, getZeros()) : success();
}

LogicalResult ObserveOp::verify() {
  // observe_c1
  if (!isFloat(getX()))
    return emitOpError() << "element type of " << getX().getType() << " must be float";
  // observe_c2
  if (getName().empty())
    return emitOpError() << "must have a name";
  // observe_c3
  llvm::SmallDenseSet<StringRef> seen;
  for (StringRef kind : getKinds().getAsValueRange<StringAttr>())
    if (kind.empty() || !seen.insert(kind).second)
      return emitOpError() << "kinds " << getKinds() << " must not be empty or come twice";
  if (seen.empty())
    return emitOpError() << "must have at least one kind of statistics";
  return success();
}

LogicalResult PackOp::verify() {
  RankedTensorType x = tensorOf(getX());
  LayoutAttr layout = getLayout();
  // pack_c1
  int64_t rank = layout.getKind() == LayoutKind::scales_channel ? 1 : 2;
  if (x.getRank() != rank || !x.hasStaticShape() || x.getElementType() != layout.getElementType())
    return emitOpError() << "x " << x << " must have static shape, rank " << rank << " and element type "
                         << layout.getElementType();
  // pack_c2
  auto expected = RankedTensorType::get({layout.getPackedBytes(x.getShape())}, IntegerType::get(getContext(), 8));
  if (getBytes().getType() != expected)
    return emitOpError() << "result " << getBytes().getType() << " must be " << expected;
  // pack_c3
  if (!(*this)->getParentOfType<DerivedOp>())
    return emitOpError() << "must be inside a graph.derived";
  return success();
}
