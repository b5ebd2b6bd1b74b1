//===- QuantizeOptions.cpp ------------------------------------------------===//

#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include <algorithm>

namespace qcc {
namespace {

/// Presets whose activations have a scale per token or a stored one.
bool hasChoice(QuantPreset preset) {
  return preset == QuantPreset::Fp8 || preset == QuantPreset::Fp8Tensor || preset == QuantPreset::W8A8;
}

ActivationScales decided(ActivationScales activations, QuantPreset preset, const QuantizeOptions &options) {
  if (!hasChoice(preset))
    return ActivationScales::Auto;
  return hasStaticActivations(preset, activations, options) ? ActivationScales::Static : ActivationScales::Dynamic;
}

} // namespace

bool hasStaticActivations(QuantPreset preset, ActivationScales asked, const QuantizeOptions &options) {
  bool isCalibrated = !options.calib.empty() || !options.stats.empty();
  return asked == ActivationScales::Static ||
         (asked == ActivationScales::Auto && preset == QuantPreset::Fp8Tensor && isCalibrated);
}

bool hasStaticActivations(const QuantizeOptions &options) {
  if (options.rules.empty())
    return hasStaticActivations(options.preset, options.activations, options);
  return std::any_of(options.rules.begin(), options.rules.end(), [&](const LayerRule &rule) {
    return hasStaticActivations(rule.preset, rule.activations, options);
  });
}

std::vector<QuantPreset> presetsOf(const QuantizeOptions &options) {
  if (options.rules.empty())
    return {options.preset};
  std::vector<QuantPreset> presets;
  for (const LayerRule &rule : options.rules)
    presets.push_back(rule.preset);
  return presets;
}

QuantizeOptions resolved(QuantizeOptions options) {
  const std::vector<QuantPreset> presets = presetsOf(options);
  const bool quantizes =
      std::any_of(presets.begin(), presets.end(), [](QuantPreset preset) { return preset != QuantPreset::None; });
  const bool rounds = std::any_of(options.methods.begin(), options.methods.end(), [](QuantMethod method) {
    return method == QuantMethod::Rtn || method == QuantMethod::Gptq;
  });
  if (quantizes && !rounds)
    options.methods.push_back(options.methods.empty() && !options.calib.empty() ? QuantMethod::Gptq : QuantMethod::Rtn);
  options.activations = decided(options.activations, options.preset, options);
  for (LayerRule &rule : options.rules)
    rule.activations = decided(rule.activations, rule.preset, options);
  return options;
}

} // namespace qcc
