//===- Config.cpp ---------------------------------------------------------===//

#include "qcc/Import/HuggingFace/Config.h"
#include "ConfigReader.h"

namespace qcc::hf {
namespace {

constexpr int64_t maxSize = int64_t(1) << 24;
constexpr int64_t maxLayers = 4096;

struct FamilyName {
  const char *name;
  Family family;
};
constexpr FamilyName families[] = {
    {"llama", Family::Llama}, {"mistral", Family::Mistral}, {"qwen2", Family::Qwen2}, {"qwen3", Family::Qwen3}};

bool readFamily(const ConfigReader &root, ModelConfig &config) {
  if (root.has("text_config")) {
    root.complain("text_config marks a multimodal wrapper, which is not supported; export the language model alone");
    return false;
  }
  std::optional<std::string> name = root.string("model_type");
  if (!name) {
    root.complain("model_type is missing");
    return false;
  }
  for (const FamilyName &known : families)
    if (*name == known.name) {
      config.family = known.family;
      return true;
    }
  root.complain(text("unknown model_type ", quote(*name), "; supported are llama, mistral, qwen2 and qwen3"));
  return false;
}

void readSizes(const ConfigReader &root, ModelConfig &config) {
  auto size = [&](const char *key, int64_t most) {
    if (!root.has(key))
      root.complain(text(key, " is missing"));
    return root.integer(key, 1, most).value_or(0);
  };
  config.vocabSize = size("vocab_size", maxSize);
  config.hiddenSize = size("hidden_size", maxSize);
  config.intermediateSize = size("intermediate_size", maxSize);
  config.layers = size("num_hidden_layers", maxLayers);
  config.heads = size("num_attention_heads", maxSize);
  config.maxPositions = size("max_position_embeddings", maxSize);
  config.kvHeads = root.integer("num_key_value_heads", 1, maxSize).value_or(config.heads);
  if (config.heads == 0)
    return;
  if (config.heads % config.kvHeads != 0)
    root.complain(
        text("num_attention_heads = ", config.heads, " must be a multiple of num_key_value_heads = ", config.kvHeads));
  if (std::optional<int64_t> given = root.integer("head_dim", 2, 4096)) {
    config.headDim = *given;
  } else if (!root.has("head_dim") && config.hiddenSize != 0) {
    config.headDim = config.hiddenSize / config.heads;
    if (config.hiddenSize % config.heads != 0)
      root.complain(text("hidden_size = ", config.hiddenSize,
                         " is not a multiple of num_attention_heads = ", config.heads, " and head_dim is not given"));
  }
  if (config.headDim % 2 != 0)
    root.complain(text("head_dim = ", config.headDim, " must be even for rotary embedding"));
}

void readActivation(const ConfigReader &root, ModelConfig &config) {
  std::string name = root.string("hidden_act").value_or("silu");
  if (name == "silu" || name == "swish")
    config.activation = Activation::Silu;
  else if (name == "gelu" || name == "gelu_python")
    config.activation = Activation::Gelu;
  else if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh")
    config.activation = Activation::GeluTanh;
  else
    root.complain(text("unknown hidden_act ", quote(name),
                       "; supported are silu, swish, gelu, gelu_python, gelu_new, gelu_fast and gelu_pytorch_tanh"));
}

void readBiases(const ConfigReader &root, ModelConfig &config) {
  bool attention = root.boolean("attention_bias").value_or(false), mlp = root.boolean("mlp_bias").value_or(false);
  switch (config.family) {
  case Family::Llama:
  case Family::Qwen3:
    config.qkvBias = config.outputBias = attention;
    break;
  case Family::Qwen2:
    // transformers has no flag for this family: q, k and v always have a bias, o never.
    config.qkvBias = true;
    break;
  case Family::Mistral:
    if (attention)
      root.complain("attention_bias = true does not exist in the mistral family");
    break;
  }
  config.mlpBias = mlp;
  if (mlp && config.family != Family::Llama)
    root.complain(text("mlp_bias = true does not exist in the ", nameOf(config.family), " family"));
}

void readEndTokens(const ConfigReader &root, ModelConfig &config) {
  const json::Value *value = root.get("eos_token_id");
  if (!value)
    return;
  config.eosTokens.clear();
  std::vector<const json::Value *> ids;
  if (value->isArray())
    for (const json::Value &id : value->array())
      ids.push_back(&id);
  else
    ids.push_back(value);
  for (const json::Value *id : ids) {
    if (!id->isInteger())
      return root.complain(
          text("eos_token_id must be an integer or a list of integers, found ", json::describe(id->kind)));
    if (id->integer() < 0 || (config.vocabSize > 0 && id->integer() >= config.vocabSize))
      return root.complain(
          text("eos_token_id ", id->integer(), " is outside the vocabulary of ", config.vocabSize, " tokens"));
    config.eosTokens.push_back(id->integer());
  }
}

} // namespace

const char *nameOf(Family family) {
  for (const FamilyName &known : families)
    if (known.family == family)
      return known.name;
  return "?";
}

static Expected<json::Value> parseObject(std::string_view text, const std::string &name) {
  Expected<json::Value> parsed = json::parse(text, name);
  if (parsed && !parsed->isObject())
    return Error{qcc::text(name, ": must be an object, found ", json::describe(parsed->kind))};
  return parsed;
}

Status parseEndTokens(std::string_view text, const std::string &name, ModelConfig &config) {
  Expected<json::Value> parsed = parseObject(text, name);
  if (!parsed)
    return parsed.takeError();
  ErrorList problems;
  readEndTokens(ConfigReader(*parsed, name, problems), config);
  if (!problems.empty())
    return problems.joined();
  return {};
}

Expected<ModelConfig> parseConfig(std::string_view text, const std::string &name) {
  Expected<json::Value> parsed = parseObject(text, name);
  if (!parsed)
    return parsed.takeError();
  ErrorList problems;
  ConfigReader root(*parsed, name, problems);
  ModelConfig config;
  rejectForeignKeys(root);
  // Without a family the other values have no meaning.
  if (!readFamily(root, config))
    return problems.joined();
  readSizes(root, config);
  config.rmsNormEps = root.real("rms_norm_eps", 1e-30, 1).value_or(1e-6);
  config.tiedEmbeddings = root.boolean("tie_word_embeddings").value_or(false);
  readActivation(root, config);
  readBiases(root, config);
  readRope(root, problems, config);
  readWindows(root, config);
  readEndTokens(root, config);
  if (!problems.empty())
    return problems.joined();
  return config;
}

} // namespace qcc::hf
