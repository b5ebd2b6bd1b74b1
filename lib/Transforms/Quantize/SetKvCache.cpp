//===- SetKvCache.cpp - Element type of the K/V cache ---------------------===//

#include "qcc/Transforms/Quantize/Passes.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_SETKVCACHEPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

struct SetKvCachePass : impl::SetKvCachePassBase<SetKvCachePass> {
  using SetKvCachePassBase::SetKvCachePassBase;

  void runOnOperation() override {
    Builder builder(&getContext());
    for (auto cache : getOperation().getOps<graph::KvCacheOp>()) {
      ++caches;
      if (type == KvCacheType::BF16) {
        cache.setElementType(builder.getBF16Type());
        cache.removeKScaleAttr();
        cache.removeVScaleAttr();
        continue;
      }
      cache.setElementType(Float8E4M3FNType::get(&getContext()));
      // Keys and values of common models stay far below 448, so a scale of one saturates nothing; an edited or
      // calibrated scale is kept.
      SmallVector<float> ones(cache.getLayers() * cache.getKvHeads(), 1.0f);
      if (!cache.getKScale())
        cache.setKScale(ArrayRef<float>(ones));
      if (!cache.getVScale())
        cache.setVScale(ArrayRef<float>(ones));
    }
  }
};

} // namespace
} // namespace qcc
