//===- QuantizeOptions.h - What a user asks of quantization -------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_QUANTIZEOPTIONS_H
#define QCC_TRANSFORMS_QUANTIZE_QUANTIZEOPTIONS_H

#include "qcc/Support/Progress.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qcc {

enum class QuantPreset {
  None,      ///< bf16
  Fp8,       ///< e4m3 weights per output channel, activations dynamic per token
  Fp8Tensor, ///< e4m3 weights and activations per tensor; activations static when calibrated, else dynamic per token
  Fp8Block,  ///< e4m3 weights in blocks of 128 × 128, activations dynamic per token and 128 columns
  W8A16,     ///< 8-bit integer weights per channel or in groups
  W4A16,     ///< symmetric 4-bit weights in groups
  W4A16Asym, ///< 4-bit weights in groups with zero points
  W8A8,      ///< 8-bit integer weights per channel, 8-bit integer activations dynamic per token
  W4AFp8,    ///< 4-bit weights in groups, e4m3 activations dynamic per token
  W3A16,     ///< 3-bit weights in groups; no kernels
  W2A16,     ///< 2-bit weights in groups; no kernels
};

enum class KvCacheType { BF16, Fp8, Int8 };
enum class KvScales { Head, Tensor }; ///< of calibrated fp8: a scale per layer and head, or per layer
enum class QuantMethod { Rtn, Awq, Gptq, SmoothQuant };
enum class PruneKind { None, Magnitude, Wanda, SparseGpt, Refit };
enum class ActivationScales { Auto, Dynamic, Static }; ///< Auto: what the preset says

/// How scales of weights are found (Quant/ScaleSearch.h).
enum class WeightScales { Signed, Grid, MinMax };

/// Linears that are held in another way than the rest.
struct LayerRule {
  std::vector<std::string> targets; ///< names, "re:" patterns, or "Linear" for all
  QuantPreset preset = QuantPreset::None;
  int64_t groupSize = 128;
  ActivationScales activations = ActivationScales::Auto;
};

/// What searches found, in the words of a recipe: layer → name → value (SearchedValues.h).
using SearchedValues = std::map<std::string, std::map<std::string, std::string>>;

struct QuantizeOptions {
  QuantPreset preset = QuantPreset::None;
  int64_t groupSize = 128;          ///< 32, 64, 128, or 0: per channel
  std::vector<QuantMethod> methods; ///< in order; empty: the best that the data at hand allows
  WeightScales scales = WeightScales::Signed;
  PruneKind prune = PruneKind::None;
  ActivationScales activations = ActivationScales::Auto;
  std::vector<std::string> exclude; ///< not quantized: layer names, or "re:" and a pattern matched at a name's start
  /// The one that names a linear most precisely decides: by its name, else by a pattern, else by "Linear"; the first of
  /// equals. Linears that none matches stay bf16. Empty: `preset` is for all.
  std::vector<LayerRule> rules;
  std::vector<std::string> smoothExclude; ///< linears whose inputs are not smoothed
  /// Linears to prune, a block's name standing for all in it; no targets: all linears.
  std::vector<std::string> pruneTargets, pruneExclude;
  bool quantizeHead = false; ///< lm_head as well
  bool quantizeEmbeddings = false;
  KvCacheType kvCache = KvCacheType::BF16;
  KvScales kvScales = KvScales::Head;

  std::string calib;                          ///< calibration tokens; empty: none
  int64_t calibTokens = 65536;                ///< at most so many of them
  std::string stats;                          ///< statistics that qcc-calibrate wrote; empty: none
  std::string workDir;                        ///< where calibrated weights and progress are kept; required with calib
  std::optional<double> smoothAlpha;          ///< of SmoothQuant; nothing: searched per block
  std::optional<double> damping;              ///< of GPTQ, relative to the mean of H's diagonal; nothing: searched
  std::optional<double> pruneDamping;         ///< the same of SparseGPT and Refit; nothing: 0.01
  bool activationOrder = true;                ///< of GPTQ
  unsigned threads = 0;                       ///< 0: one per core
  SearchedValues given;                       ///< taken instead of searching
  ProgressMode progress = ProgressMode::Auto; ///< of calibration and searches
};

/// The options with what is left to qcc decided: the method that the data at hand allows (GPTQ with calibration, else
/// rounding with searched scales), whether activations are static, and the way of rounding behind AWQ or SmoothQuant.
/// Nothing changes when it is done twice.
QuantizeOptions resolved(QuantizeOptions options);
/// Whether activations of a preset, as an option or a rule asks, have scales fixed by calibration.
bool hasStaticActivations(QuantPreset preset, ActivationScales asked, const QuantizeOptions &options);
/// Whether any have.
bool hasStaticActivations(const QuantizeOptions &options);
/// Presets that rules, or else the options, name.
std::vector<QuantPreset> presetsOf(const QuantizeOptions &options);

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_QUANTIZEOPTIONS_H
