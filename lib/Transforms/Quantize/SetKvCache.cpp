//===- SetKvCache.cpp - Element type of the K/V cache ---------------------===//

#include "CalibrationInput.h"
#include "PassOptions.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_SETKVCACHEPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

constexpr float kE4M3Max = 448;
/// The searched value (SearchedValues.h).
constexpr const char *kScale = "kv_scale";

/// Scales of fp8 keys and values, [layers, kv heads].
class CacheScales {
public:
  CacheScales(ModuleOp module, graph::KvCacheOp cache, const QuantizeOptions &options)
      : module(module), cache(cache), options(options), heads(cache.getKvHeads()) {}

  Status find() {
    SearchedValues found;
    for (auto [isKey, stored, scales] :
         {std::tuple(true, cache.getKScale(), &keys), std::tuple(false, cache.getVScale(), &values)}) {
      if (stored) // one that was edited or calibrated is kept
        scales->assign(stored->begin(), stored->end());
      else
        for (int64_t layer = 0; layer < int64_t(cache.getLayers()); ++layer)
          if (Status status = add(calib::observedCacheName(cache.getSymName(), layer, isKey), *scales); !status)
            return status;
      for (int64_t layer = 0; layer < int64_t(cache.getLayers()); ++layer)
        found[calib::observedCacheName(cache.getSymName(), layer, isKey)][kScale] =
            written(ArrayRef(*scales).slice(size_t(layer * heads), size_t(heads)));
    }
    addSearched(module, found);
    return {};
  }

  std::vector<float> keys, values;

private:
  /// A layer's scales: those of the recipe, or else largest magnitude / 448, or else 1.
  Status add(const std::string &name, std::vector<float> &scales) {
    if (const std::string *given = findGiven(options.given, name, kScale))
      return read(name, *given, scales);
    if (options.calib.empty() && options.stats.empty()) {
      if (isGivenElsewhere())
        return Error{text("the recipe gives scales of other keys and values, but none of ", quote(name),
                          "; add its kv_scale, or give tokens with --calib")};
      // Keys and values of common models stay far below 448: without calibration a scale of one saturates nothing.
      scales.insert(scales.end(), size_t(heads), 1.0f);
      return {};
    }
    if (!statistics) {
      Expected<calib::Statistics> gathered = statisticsFor(module, options);
      if (!gathered)
        return gathered.takeError();
      statistics = std::move(*gathered);
    }
    auto seen = statistics->find(name, calib::ValueStatistics::AbsMax);
    if (!seen)
      return seen.takeError();
    if ((*seen)->channels() != heads * int64_t(cache.getHeadDim()))
      return Error{"the statistics of keys and values are of other heads; gather them again with qcc-calibrate"};
    std::vector<float> largest = (*seen)->headAbsMax(heads);
    if (options.kvScales == KvScales::Tensor)
      std::fill(largest.begin(), largest.end(), (*seen)->tensorAbsMax());
    for (float magnitude : largest)
      scales.push_back(std::isnormal(magnitude / kE4M3Max) ? magnitude / kE4M3Max : 1.0f);
    return {};
  }

  bool isGivenElsewhere() const {
    return llvm::any_of(options.given, [](const auto &layer) { return layer.second.contains(kScale); });
  }

  Status read(const std::string &name, StringRef given, std::vector<float> &scales) const {
    SmallVector<StringRef> numbers(llvm::split(given, ' '));
    if (numbers.size() != 1 && numbers.size() != size_t(heads))
      return Error{text(name, ": kv_scale has ", numbers.size(), " numbers; give one for each of the ", heads,
                        " heads, or one for all")};
    for (int64_t head = 0; head < heads; ++head) {
      StringRef number = numbers.size() == 1 ? numbers.front() : numbers[size_t(head)];
      double scale;
      if (!llvm::to_float(number, scale))
        return Error{text(name, ": kv_scale ", quote(number.str()), " must be a number")};
      scales.push_back(float(scale));
    }
    return {};
  }

  static std::string written(ArrayRef<float> scales) {
    if (llvm::all_equal(scales))
      return exactly(scales.front());
    return llvm::join(llvm::map_range(scales, [](float scale) { return exactly(scale); }), " ");
  }

  ModuleOp module;
  graph::KvCacheOp cache;
  const QuantizeOptions &options;
  int64_t heads;
  std::optional<calib::Statistics> statistics;
};

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
    CacheScales scales(getOperation(), cache, asked);
    if (Status status = scales.find(); !status)
      return cache.emitError() << status.error().message;
    cache.setKScale(ArrayRef<float>(scales.keys));
    cache.setVScale(ArrayRef<float>(scales.values));
    cache.setElementType(Float8E4M3FNType::get(&getContext()));
    return success();
  }
};

} // namespace

std::unique_ptr<Pass> createSetKvCachePass(const QuantizeOptions &options) {
  return std::make_unique<SetKvCachePass>(options);
}

} // namespace qcc
