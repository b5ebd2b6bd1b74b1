//===- GraphAttention.cpp - Verifiers of ops on the cache -----------------===//

#include "ShapeChecks.h"

#include <cmath>

using namespace mlir;
using namespace qcc::graph;

/// The cache that `op` names, if `layer` is one of its layers.
static FailureOr<KvCacheOp> lookUpCache(Operation *op, SymbolTableCollection &symbols, FlatSymbolRefAttr name,
                                        int64_t layer) {
  auto cache = symbols.lookupNearestSymbolFrom<KvCacheOp>(op, name);
  if (!cache)
    return op->emitOpError() << name << " is not a graph.kv_cache";
  if (layer < 0 || layer >= int64_t(cache.getLayers()))
    return op->emitOpError() << "layer " << layer << " is out of range [0, " << cache.getLayers() << ")";
  return cache;
}

LogicalResult KvAppendOp::verify() {
  RankedTensorType k = tensorOf(getK());
  // kv_append_c1
  if (k.getRank() != 3 || !sameShape(getK(), getV()) || !isIndices(getSlots(), 1) ||
      tensorOf(getSlots()).getDimSize(0) != k.getDimSize(0))
    return emitOpError() << "k " << k << ", v " << getV().getType() << " and slots " << getSlots().getType()
                         << " must be [T, kv_heads, head_dim] twice and i32 [T]";
  return success();
}

LogicalResult KvAppendOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // kv_append_c2
  FailureOr<KvCacheOp> cache = lookUpCache(*this, symbols, getCacheAttr(), getLayer());
  if (failed(cache))
    return failure();
  if (tensorOf(getK()).getShape().drop_front() !=
      ArrayRef<int64_t>{int64_t(cache->getKvHeads()), int64_t(cache->getHeadDim())})
    return emitOpError() << "k " << getK().getType() << " must have the cache's " << cache->getKvHeads() << " heads of "
                         << cache->getHeadDim();
  return success();
}

LogicalResult AttentionOp::verify() {
  // attention_c1
  RankedTensorType q = tensorOf(getQ());
  if (q.getRank() != 3 || !sameShape(getQ(), getY()))
    return emitOpError() << "q " << q << " and result " << getY().getType() << " must both be [T, heads, head_dim]";
  // attention_c2
  if (!isIndices(getSeqStarts(), 1) || !isIndices(getContextLens(), 1) || !isIndices(getBlockTables(), 2))
    return emitOpError() << "seq_starts, context_lens and block_tables must be i32 [B1], [B] and [B, P]";
  // attention_c4
  double scale = getScale().convertToDouble();
  if (!std::isfinite(scale) || scale <= 0)
    return emitOpError() << "scale " << scale << " must be positive and finite";
  // attention_c5
  if (getWindow() && int64_t(*getWindow()) <= 0)
    return emitOpError() << "window " << int64_t(*getWindow()) << " must be positive";
  return success();
}

LogicalResult AttentionOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // attention_c3
  FailureOr<KvCacheOp> cache = lookUpCache(*this, symbols, getCacheAttr(), getLayer());
  if (failed(cache))
    return failure();
  RankedTensorType q = tensorOf(getQ());
  if (q.getDimSize(2) != int64_t(cache->getHeadDim()) || q.getDimSize(1) % int64_t(cache->getKvHeads()) != 0)
    return emitOpError() << "q " << q << " must have heads of " << cache->getHeadDim() << ", a multiple of the cache's "
                         << cache->getKvHeads() << " heads";
  return success();
}
