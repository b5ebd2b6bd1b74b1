//===- GraphFolds.cpp - Folders: what can be said without computing -------===//
//
// No fold changes a rounding: a cast is removed only where it changes nothing, never where it widens what was narrowed.
//
//===----------------------------------------------------------------------===//

#include "qcc/Dialect/Graph/GraphDialect.h"

using namespace mlir;
using namespace qcc::graph;

OpFoldResult CastOp::fold(FoldAdaptor) { return getX().getType() == getType() ? OpFoldResult(getX()) : OpFoldResult(); }

/// -(-x) = x, if nothing was rounded on the way.
OpFoldResult NegOp::fold(FoldAdaptor) {
  auto inner = getX().getDefiningOp<NegOp>();
  return inner && inner.getX().getType() == getType() && inner.getType() == getType() ? OpFoldResult(inner.getX())
                                                                                      : OpFoldResult();
}

OpFoldResult MaxOp::fold(FoldAdaptor) {
  return getA() == getB() && getA().getType() == getType() ? OpFoldResult(getA()) : OpFoldResult();
}
OpFoldResult MinOp::fold(FoldAdaptor) {
  return getA() == getB() && getA().getType() == getType() ? OpFoldResult(getA()) : OpFoldResult();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  auto inner = getX().getDefiningOp<ReshapeOp>();
  if (!inner)
    return {};
  if (inner.getX().getType() == getType())
    return inner.getX();
  getXMutable().assign(inner.getX());
  return getResult();
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> outer = getPermutation();
  if (llvm::equal(outer, llvm::seq<int64_t>(0, outer.size())))
    return getX();
  auto inner = getX().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  // Result dimension i is dimension outer[i] of the inner result, which is dimension inner[outer[i]] of the source.
  SmallVector<int64_t> composed;
  for (int64_t dim : outer)
    composed.push_back(inner.getPermutation()[dim]);
  setPermutation(composed);
  getXMutable().assign(inner.getX());
  return getResult();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? OpFoldResult(getInputs().front()) : OpFoldResult();
}

/// A slice of everything is its source; a slice of a concatenation that lies in one input is a slice of that input.
OpFoldResult SliceOp::fold(FoldAdaptor) {
  if (getX().getType() == getType())
    return getX();
  auto concat = getX().getDefiningOp<ConcatOp>();
  if (!concat || concat.getAxis() != getAxis())
    return {};
  int64_t begin = getBegin(), size = getSize();
  for (Value input : concat.getInputs()) {
    int64_t extent = cast<RankedTensorType>(input.getType()).getDimSize(getAxis());
    if (begin < extent) {
      if (begin + size > extent)
        return {};
      setBegin(begin);
      getXMutable().assign(input);
      return getResult();
    }
    begin -= extent;
  }
  return {};
}
