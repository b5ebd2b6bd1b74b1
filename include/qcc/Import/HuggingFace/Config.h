//===- Config.h - What a config.json says about a decoder -------*- C++ -*-===//
//
// Model families llama, mistral, qwen2 and qwen3 in the spellings of transformers 4 and 5 (rope_theta + rope_scaling or
// rope_parameters, torch_dtype or dtype). Values that would change the mathematics in a way qcc does not compute are
// errors; keys known to be harmless at inference and unknown keys are passed over, except those of other architectures
// that do change it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_IMPORT_HUGGINGFACE_CONFIG_H
#define QCC_IMPORT_HUGGINGFACE_CONFIG_H

#include "qcc/Support/Error.h"
#include "qcc/Support/RopeTable.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qcc::hf {

enum class Family { Llama, Mistral, Qwen2, Qwen3 };
const char *nameOf(Family family);

enum class Activation { Silu, Gelu, GeluTanh };

struct ModelConfig {
  Family family = Family::Llama;
  int64_t vocabSize = 0, hiddenSize = 0, intermediateSize = 0, layers = 0, heads = 0, kvHeads = 0, headDim = 0;
  int64_t maxPositions = 0;
  double rmsNormEps = 1e-6;
  Activation activation = Activation::Silu;
  bool tiedEmbeddings = false;
  bool qkvBias = false, outputBias = false, mlpBias = false;
  RopeSpec rope; ///< dim is headDim
  /// Per layer: a query sees this many latest keys including its own position; none: all.
  std::vector<std::optional<int64_t>> windows;
  std::vector<int64_t> eosTokens;
};

/// Parses the text of config.json; `name` is the file's name for messages. All problems are reported at once.
Expected<ModelConfig> parseConfig(std::string_view text, const std::string &name);

/// Replaces config.eosTokens by those of a generation_config.json, if it has any.
Status parseEndTokens(std::string_view text, const std::string &name, ModelConfig &config);

} // namespace qcc::hf

#endif // QCC_IMPORT_HUGGINGFACE_CONFIG_H
