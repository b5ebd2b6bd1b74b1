//===- WindowConfig.cpp - Which layers attend to a sliding window ---------===//
//
// transformers: mistral slides in every layer when sliding_window is set (4096 when the key is absent, as in its
// configuration class); qwen2 and qwen3 slide in layers from max_window_layers (default 28) on when use_sliding_window
// is true (sliding_window default 4096); an explicit layer_types list decides by itself. llama has no window.
//
//===----------------------------------------------------------------------===//

#include "ConfigReader.h"
#include "qcc/Import/HuggingFace/Config.h"

namespace qcc::hf {
namespace {

constexpr int64_t maxWindow = int64_t(1) << 32;

/// sliding_window, distinguishing null (off) from absent (the class's default).
std::optional<int64_t> readSize(const ConfigReader &root, const ModelConfig &config) {
  if (root.has("sliding_window"))
    return root.integer("sliding_window", 1, maxWindow);
  bool defaultsTo4096 = config.family != Family::Llama;
  return defaultsTo4096 && !root.isNull("sliding_window") ? std::optional<int64_t>(4096) : std::nullopt;
}

/// One flag per layer; empty after a complaint.
std::vector<bool> readLayerTypes(const ConfigReader &root, const json::Value &types, int64_t layers) {
  std::vector<bool> sliding;
  if (!types.isArray() || int64_t(types.array().size()) != layers) {
    root.complain(text("layer_types must be a list with an entry for each of the ", layers, " layers"));
    return {};
  }
  for (const json::Value &type : types.array()) {
    std::string name = type.isString() ? type.string() : json::describe(type.kind);
    if (name != "full_attention" && name != "sliding_attention") {
      root.complain(text("layer_types entry ", quote(name), "; supported are full_attention and sliding_attention"));
      return {};
    }
    sliding.push_back(name == "sliding_attention");
  }
  return sliding;
}

} // namespace

void readWindows(const ConfigReader &root, ModelConfig &config) {
  config.windows.assign(size_t(config.layers), std::nullopt);
  std::optional<int64_t> size = readSize(root, config);
  std::vector<bool> sliding(size_t(config.layers), false);
  bool qwen = config.family == Family::Qwen2 || config.family == Family::Qwen3;
  if (const json::Value *types = root.get("layer_types")) {
    sliding = readLayerTypes(root, *types, config.layers);
  } else if (config.family == Family::Mistral) {
    sliding.assign(sliding.size(), size.has_value());
  } else if (qwen && root.boolean("use_sliding_window").value_or(false)) {
    int64_t first = root.integer("max_window_layers", 0, maxWindow).value_or(28);
    for (int64_t layer = first; layer < config.layers; ++layer)
      sliding[size_t(layer)] = true;
  }
  if (config.family == Family::Llama && size)
    return root.complain(
        text("sliding_window = ", *size, " does not exist in the llama family; did you mean model_type mistral?"));
  bool enabled = !qwen || root.boolean("use_sliding_window").value_or(false);
  for (size_t layer = 0; layer < sliding.size(); ++layer) {
    if (!sliding[layer])
      continue;
    if (!size || !enabled)
      return root.complain(text("layer_types makes layer ", layer, " slide, but ",
                                enabled ? "sliding_window is not set" : "use_sliding_window is not true"));
    config.windows[layer] = size;
  }
}

} // namespace qcc::hf
