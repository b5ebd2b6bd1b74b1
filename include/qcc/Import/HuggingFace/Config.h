//===- Config.h - What a config.json says about a decoder -------*- C++ -*-===//
//
// Model families llama, mistral, qwen2 and qwen3 in the spellings of transformers 4 and 5 (rope_theta + rope_scaling or rope_parameters, torch_dtype or
// dtype). Values that would change the mathematics in a way qcc does not compute are errors; keys known to be harmless at inference and unknown
// keys are passed over, except those of other architectures that do change it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_IMPORT_HUGGINGFACE_CONFIG_H
#define QCC_IMPORT_HUGGINGFACE_CONFIG_H

#include "qcc/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qcc::hf {

enum class Family { Llama, Mistral, Qwen2, Qwen3 };
const char *nameOf(Family family);

enum class Activation { Silu, Gelu, GeluTanh };

/// Rotary position embedding; fields beyond `kind` and `theta` have a meaning only for the kinds named.
struct RopeConfig {
  enum class Kind { Default, Linear, Llama3, Yarn } kind = Kind::Default;
  double theta = 10000;
  double factor = 1;                           ///< linear, llama3, yarn
  double lowFreqFactor = 1, highFreqFactor = 4; ///< llama3
  int64_t originalMaxPositions = 0;            ///< llama3, yarn
  double betaFast = 32, betaSlow = 1;          ///< yarn
  bool truncate = true;                        ///< yarn: correction range rounded to whole dimensions
  double attentionFactor = 1;                  ///< multiplies cos and sin; for yarn resolved from attention_factor or mscale
};

struct ModelConfig {
  Family family = Family::Llama;
  int64_t vocabSize = 0, hiddenSize = 0, intermediateSize = 0, layers = 0, heads = 0, kvHeads = 0, headDim = 0;
  int64_t maxPositions = 0;
  double rmsNormEps = 1e-6;
  Activation activation = Activation::Silu;
  bool tiedEmbeddings = false;
  bool qkvBias = false, outputBias = false, mlpBias = false;
  RopeConfig rope;
  /// Per layer: a query sees this many latest keys including its own position; none: all.
  std::vector<std::optional<int64_t>> windows;
  std::vector<int64_t> eosTokens;
};

/// Parses the text of config.json; `name` is the file's name for messages. All problems are reported at once.
Expected<ModelConfig> parseConfig(std::string_view text, const std::string &name);

} // namespace qcc::hf

#endif // QCC_IMPORT_HUGGINGFACE_CONFIG_H
