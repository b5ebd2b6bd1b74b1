//===- ConfigTest.cpp - Families, spellings and windows -------------------===//
//
// What must be refused is the must-reject corpus (tools/dev/models/make-bad-checkpoints.py); here stands what the
// accepted values mean.
//
//===----------------------------------------------------------------------===//

#include "qcc/Import/HuggingFace/Config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace qcc;
using hf::ModelConfig;

namespace {

std::string with(const std::string &family, const std::string &more) {
  return R"({"model_type": ")" + family +
         R"(", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4, "num_attention_heads": 4,
      "max_position_embeddings": 128)" +
         (more.empty() ? "" : ", " + more) + "}";
}

ModelConfig parse(const std::string &family, const std::string &more) {
  Expected<ModelConfig> config = hf::parseConfig(with(family, more), "config.json");
  EXPECT_TRUE(config) << config.error().message;
  return config ? *config : ModelConfig();
}

std::string refusal(const std::string &family, const std::string &more) {
  Expected<ModelConfig> config = hf::parseConfig(with(family, more), "config.json");
  return config ? "accepted" : config.error().message;
}

using Windows = std::vector<std::optional<int64_t>>;

TEST(Config, AbsentAndNullMeanTheSame) {
  for (const char *more :
       {"", "\"head_dim\": null, \"num_key_value_heads\": null, \"rope_scaling\": null, \"sliding_window\": null"}) {
    ModelConfig config = parse("llama", more);
    EXPECT_EQ(config.headDim, 16);
    EXPECT_EQ(config.kvHeads, 4);
    EXPECT_EQ(config.rope.kind, RopeKind::Default);
    EXPECT_EQ(config.rope.theta, 10000);
    EXPECT_EQ(config.windows, Windows(4));
    EXPECT_FALSE(config.tiedEmbeddings);
  }
}

TEST(Config, HeadDimMayDifferFromHiddenOverHeads) { EXPECT_EQ(parse("qwen3", "\"head_dim\": 32").headDim, 32); }

TEST(Config, BothRopeSpellingsMeanTheSame) {
  ModelConfig v4 =
      parse("llama", R"("rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
                                     "high_freq_factor": 4, "original_max_position_embeddings": 64})");
  ModelConfig v5 = parse(
      "llama", R"("rope_parameters": {"rope_theta": 500000, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1,
                                     "high_freq_factor": 4, "original_max_position_embeddings": 64})");
  EXPECT_EQ(v4.rope, v5.rope);
  EXPECT_EQ(v4.rope.kind, RopeKind::Llama3);
  EXPECT_EQ(v4.rope.originalContext, 64);
  EXPECT_EQ(v4.rope.dim, 16);
}

TEST(Config, YarnAttentionFactor) {
  auto factor = [](const std::string &more) {
    return parse("mistral", R"("rope_scaling": {"type": "yarn", "factor": 4)" + more + "}").rope.attentionFactor;
  };
  EXPECT_DOUBLE_EQ(factor(""), 0.1 * std::log(4.0) + 1);
  EXPECT_DOUBLE_EQ(factor(R"(, "attention_factor": 1.5, "mscale": 1, "mscale_all_dim": 1)"), 1.5);
  // Both mscales equal: the ratio drops the factor, as in Mistral's configurations.
  EXPECT_DOUBLE_EQ(factor(R"(, "mscale": 1.0, "mscale_all_dim": 1.0)"), 1.0);
  EXPECT_DOUBLE_EQ(factor(R"(, "mscale": 1.0, "mscale_all_dim": 0)"), 0.1 * std::log(4.0) + 1);
}

TEST(Config, Windows) {
  EXPECT_EQ(parse("mistral", "\"sliding_window\": 8").windows, Windows(4, 8));
  EXPECT_EQ(parse("mistral", "\"sliding_window\": null").windows, Windows(4));
  EXPECT_EQ(parse("mistral", "").windows, Windows(4, 4096)) << "the default of the configuration class";
  EXPECT_EQ(parse("qwen2", "\"sliding_window\": 8, \"max_window_layers\": 3").windows, Windows(4)) << "not switched on";
  std::string on = "\"use_sliding_window\": true, \"sliding_window\": 8";
  EXPECT_EQ(parse("qwen2", on + ", \"max_window_layers\": 3").windows,
            (Windows{std::nullopt, std::nullopt, std::nullopt, 8}));
  EXPECT_EQ(parse("qwen3", on).windows, Windows(4)) << "max_window_layers defaults to 28";
  std::string types =
      ", \"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\", \"sliding_attention\"]";
  EXPECT_EQ(parse("qwen3", on + types).windows, (Windows{8, std::nullopt, std::nullopt, 8}));
  EXPECT_NE(refusal("qwen3", on + ", \"layer_types\": [\"full_attention\"]").find("each of the 4 layers"),
            std::string::npos);
  EXPECT_NE(refusal("qwen3", on + ", \"layer_types\": [\"a\", \"a\", \"a\", \"chunked_attention\"]").find("'a'"),
            std::string::npos);
}

TEST(Config, BiasesFollowTheFamily) {
  ModelConfig llama = parse("llama", "\"attention_bias\": true, \"mlp_bias\": true");
  EXPECT_TRUE(llama.qkvBias && llama.outputBias && llama.mlpBias);
  ModelConfig qwen2 = parse("qwen2", "");
  EXPECT_TRUE(qwen2.qkvBias && !qwen2.outputBias && !qwen2.mlpBias);
  EXPECT_NE(refusal("mistral", "\"attention_bias\": true").find("attention_bias"), std::string::npos);
  EXPECT_NE(refusal("qwen3", "\"mlp_bias\": true").find("mlp_bias"), std::string::npos);
}

TEST(Config, ActivationNames) {
  EXPECT_EQ(parse("llama", "\"hidden_act\": \"gelu\"").activation, hf::Activation::Gelu);
  EXPECT_EQ(parse("llama", "\"hidden_act\": \"gelu_pytorch_tanh\"").activation, hf::Activation::GeluTanh);
  EXPECT_NE(refusal("llama", "\"hidden_act\": \"quick_gelu\"").find("'quick_gelu'"), std::string::npos);
}

TEST(Config, EndTokensAreOneOrAList) {
  EXPECT_EQ(parse("llama", "\"eos_token_id\": 7").eosTokens, std::vector<int64_t>{7});
  EXPECT_EQ(parse("llama", "\"eos_token_id\": [7, 99]").eosTokens, (std::vector<int64_t>{7, 99}));
  EXPECT_NE(refusal("llama", "\"eos_token_id\": 100").find("outside the vocabulary"), std::string::npos);
  ModelConfig config = parse("llama", "\"eos_token_id\": 7");
  ASSERT_TRUE(hf::parseEndTokens("{\"eos_token_id\": [1, 2]}", "generation_config.json", config));
  EXPECT_EQ(config.eosTokens, (std::vector<int64_t>{1, 2}));
  ASSERT_TRUE(hf::parseEndTokens("{}", "generation_config.json", config));
  EXPECT_EQ(config.eosTokens.size(), 2u);
}

TEST(Config, NeutralValuesOfForeignKeysAreTolerated) {
  parse(
      "llama",
      R"("pretraining_tp": 1, "attention_dropout": 0.1, "final_logit_softcapping": null, "num_experts": 0, "logit_scale": 1.0)");
  EXPECT_NE(refusal("llama", "\"logit_scale\": 0.5").find("logit_scale"), std::string::npos);
}

TEST(Config, AllProblemsAreReportedAtOnce) {
  std::string message =
      refusal("llama", R"("hidden_act": "x", "rope_theta": -1, "num_experts": 8, "rms_norm_eps": "small")");
  for (const char *key : {"hidden_act", "rope_theta", "num_experts", "rms_norm_eps"})
    EXPECT_NE(message.find(key), std::string::npos) << message;
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 3) << message;
}

} // namespace
