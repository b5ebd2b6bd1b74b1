//===- SetKvCache.cpp - Element type of the K/V cache ---------------------===//

#include "CalibrationInput.h"
#include "PassOptions.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_SETKVCACHEPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

constexpr float kE4M3Max = 448;

struct SetKvCachePass : OfQuantizeOptions<impl::SetKvCachePassBase<SetKvCachePass>> {
  using OfQuantizeOptions::OfQuantizeOptions;

  void runOnOperation() override {
    const QuantizeOptions asked = readOptions();
    for (auto cache : getOperation().getOps<graph::KvCacheOp>()) {
      ++caches;
      if (asked.kvCache == KvCacheType::Fp8) {
        if (failed(setFp8(cache, asked)))
          return signalPassFailure();
        continue;
      }
      Type element = BFloat16Type::get(&getContext());
      if (asked.kvCache == KvCacheType::Int8)
        element = IntegerType::get(&getContext(), 8);
      cache.setElementType(element);
      cache.removeKScaleAttr();
      cache.removeVScaleAttr();
    }
  }

private:
  LogicalResult setFp8(graph::KvCacheOp cache, const QuantizeOptions &asked) {
    // An edited or calibrated scale is kept.
    std::optional<ArrayRef<float>> k = cache.getKScale(), v = cache.getVScale();
    if (!k || !v) {
      // Keys and values of common models stay far below 448: without calibration a scale of one saturates nothing.
      const size_t count = size_t(cache.getLayers() * cache.getKvHeads());
      std::vector<float> ofKeys(count, 1.0f), ofValues(count, 1.0f);
      if (!asked.calib.empty() || !asked.stats.empty()) {
        Expected<calib::Statistics> statistics = statisticsFor(getOperation(), asked);
        if (!statistics)
          return cache.emitError() << statistics.error().message;
        for (auto [isKey, scales] : {std::pair(true, &ofKeys), std::pair(false, &ofValues)})
          if (Status status = findScales(cache, *statistics, isKey, asked.kvScales, *scales); !status)
            return cache.emitError() << status.error().message;
      }
      if (!k)
        cache.setKScale(ArrayRef<float>(ofKeys));
      if (!v)
        cache.setVScale(ArrayRef<float>(ofValues));
    }
    cache.setElementType(Float8E4M3FNType::get(&getContext()));
    return success();
  }

  /// Largest magnitude / 448, [layers, kv heads].
  static Status findScales(graph::KvCacheOp cache, const calib::Statistics &statistics, bool isKey,
                           KvScales granularity, std::vector<float> &scales) {
    const int64_t heads = int64_t(cache.getKvHeads());
    for (int64_t layer = 0; layer < int64_t(cache.getLayers()); ++layer) {
      auto seen =
          statistics.find(calib::observedCacheName(cache.getSymName(), layer, isKey), calib::ValueStatistics::AbsMax);
      if (!seen)
        return seen.takeError();
      if ((*seen)->channels() != heads * int64_t(cache.getHeadDim()))
        return Error{"the statistics of keys and values are of other heads; gather them again with qcc-calibrate"};
      std::vector<float> largest = (*seen)->headAbsMax(heads);
      if (granularity == KvScales::Tensor)
        std::fill(largest.begin(), largest.end(), (*seen)->tensorAbsMax());
      for (int64_t head = 0; head < heads; ++head)
        if (float scale = largest[size_t(head)] / kE4M3Max; std::isnormal(scale))
          scales[size_t(layer * heads + head)] = scale;
    }
    return {};
  }
};

} // namespace

std::unique_ptr<Pass> createSetKvCachePass(const QuantizeOptions &options) {
  return std::make_unique<SetKvCachePass>(options);
}

} // namespace qcc
