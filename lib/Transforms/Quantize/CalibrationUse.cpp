//===- CalibrationUse.cpp -------------------------------------------------===//

#include "qcc/Transforms/Quantize/CalibrationUse.h"

#include <algorithm>

namespace qcc {

CalibrationUse calibrationUse(const QuantizeOptions &options) {
  auto has = [&](QuantMethod method) {
    return std::find(options.methods.begin(), options.methods.end(), method) != options.methods.end();
  };
  CalibrationUse use;
  use.statistics =
      has(QuantMethod::SmoothQuant) || hasStaticActivations(options) || options.kvCache == KvCacheType::Fp8;
  // With tokens even pruning by magnitude folds column scales into norms.
  use.tokens = use.statistics || has(QuantMethod::Awq) || has(QuantMethod::Gptq) || options.prune != PruneKind::None;
  return use;
}

} // namespace qcc
