//===- TensorPlan.cpp -----------------------------------------------------===//

#include "qcc/Import/HuggingFace/TensorPlan.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <set>

namespace qcc::hf {
namespace {

constexpr const char *embeddingName = "model.embed_tokens.weight";
constexpr const char *headName = "lm_head.weight";
constexpr size_t maxFindings = 40;

bool isFloat(const StoredTensor &tensor) {
  return tensor.type == DType::F32 || tensor.type == DType::F16 || tensor.type == DType::BF16;
}

bool sameBytes(const StoredTensor &a, const StoredTensor &b) {
  return a.type == b.type && a.shape == b.shape &&
         std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

/// Old checkpoints carry the rotary frequencies as buffers.
bool isRotaryBuffer(std::string_view name) { return name.ends_with(".rotary_emb.inv_freq"); }

void checkShapes(const ExpectedTensor &expected, const CheckpointTensor &found, ErrorList &problems) {
  auto complain = [&](const std::string &why) {
    problems.add(text(found.file, ": tensor ", quote(expected.name), " ", why));
  };
  if (found.stored->shape != expected.shape)
    complain(text("has shape ", shapeText(found.stored->shape), ", config.json asks for ", shapeText(expected.shape)));
  if (!isFloat(*found.stored))
    complain(text("has dtype ", found.stored->typeName, "; supported are F32, F16 and BF16"));
}

} // namespace

std::vector<ExpectedTensor> expectedTensors(const ModelConfig &config) {
  std::vector<ExpectedTensor> result;
  auto add = [&](std::string name, std::vector<int64_t> shape) {
    result.push_back({std::move(name), std::move(shape)});
  };
  auto linear = [&](const std::string &name, int64_t out, int64_t in, bool bias) {
    add(name + ".weight", {out, in});
    if (bias)
      add(name + ".bias", {out});
  };
  const int64_t hidden = config.hiddenSize, inner = config.intermediateSize;
  const int64_t q = config.heads * config.headDim, kv = config.kvHeads * config.headDim;
  add(embeddingName, {config.vocabSize, hidden});
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    std::string prefix = text("model.layers.", layer, ".");
    add(prefix + "input_layernorm.weight", {hidden});
    linear(prefix + "self_attn.q_proj", q, hidden, config.qkvBias);
    linear(prefix + "self_attn.k_proj", kv, hidden, config.qkvBias);
    linear(prefix + "self_attn.v_proj", kv, hidden, config.qkvBias);
    if (config.family == Family::Qwen3) {
      add(prefix + "self_attn.q_norm.weight", {config.headDim});
      add(prefix + "self_attn.k_norm.weight", {config.headDim});
    }
    linear(prefix + "self_attn.o_proj", hidden, q, config.outputBias);
    add(prefix + "post_attention_layernorm.weight", {hidden});
    linear(prefix + "mlp.gate_proj", inner, hidden, config.mlpBias);
    linear(prefix + "mlp.up_proj", inner, hidden, config.mlpBias);
    linear(prefix + "mlp.down_proj", hidden, inner, config.mlpBias);
  }
  add("model.norm.weight", {hidden});
  if (!config.tiedEmbeddings)
    add(headName, {config.vocabSize, hidden});
  return result;
}

Status checkTensors(const ModelConfig &config, const Checkpoint &checkpoint) {
  const auto &tensors = checkpoint.tensors();
  ErrorList problems;
  std::set<std::string, std::less<>> consumed;
  for (const ExpectedTensor &expected : expectedTensors(config)) {
    auto found = tensors.find(expected.name);
    if (found == tensors.end()) {
      const char *hint = expected.name == headName ? "; set tie_word_embeddings if the head shares the embeddings" : "";
      problems.add(text(checkpoint.directory(), ": missing tensor ", quote(expected.name), " of shape ",
                        shapeText(expected.shape), hint));
      continue;
    }
    consumed.insert(expected.name);
    checkShapes(expected, found->second, problems);
  }
  for (const auto &[name, tensor] : tensors) {
    if (consumed.contains(name) || isRotaryBuffer(name))
      continue;
    if (name == headName && config.tiedEmbeddings) {
      auto embedding = tensors.find(embeddingName);
      if (embedding != tensors.end() && !sameBytes(*tensor.stored, *embedding->second.stored))
        problems.add(text(tensor.file, ": tensor ", quote(name), " differs from the embeddings although ",
                          "tie_word_embeddings is true; set it to false or remove the tensor"));
      continue;
    }
    problems.add(text(tensor.file, ": unknown tensor ", quote(name), " of shape ", shapeText(tensor.stored->shape),
                      ": a ", nameOf(config.family), " model with this config.json does not read it"));
  }
  if (size_t count = problems.errors.size(); count > maxFindings) {
    problems.errors.resize(maxFindings);
    problems.add(text(checkpoint.directory(), ": and ", count - maxFindings, " more like these"));
  }
  if (!problems.empty())
    return problems.joined();
  return {};
}

} // namespace qcc::hf
