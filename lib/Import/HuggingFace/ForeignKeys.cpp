//===- ForeignKeys.cpp - Keys that would change the mathematics -----------===//

#include "ConfigReader.h"

namespace qcc::hf {
namespace {

/// The value at which a key changes nothing.
enum class Neutral { Absent, False, Zero, One };

struct ForeignKey {
  const char *key;
  Neutral neutral; ///< besides null
};

/// From the configurations of Gemma, Granite, Cohere, DeepSeek, Mixtral, gpt-oss, MPT, OLMo, Phi and others.
constexpr ForeignKey foreignKeys[] = {
    {"attn_logit_softcapping", Neutral::Absent},
    {"final_logit_softcapping", Neutral::Absent},
    {"query_pre_attn_scalar", Neutral::Absent},
    {"rope_local_base_freq", Neutral::Absent},
    {"sliding_window_pattern", Neutral::Absent},
    {"llama_4_scaling", Neutral::Absent},
    {"no_rope_layers", Neutral::Absent},
    {"dual_chunk_attention_config", Neutral::Absent},
    {"attention_chunk_size", Neutral::Absent},
    {"hidden_activation", Neutral::Absent},
    {"use_mrope", Neutral::False},
    {"attention_multiplier", Neutral::Absent},
    {"embedding_multiplier", Neutral::One},
    {"residual_multiplier", Neutral::One},
    {"logits_scaling", Neutral::One},
    {"logit_scale", Neutral::One},
    {"scale_emb", Neutral::One},
    {"scale_depth", Neutral::Absent},
    {"dim_model_base", Neutral::Absent},
    {"clip_qkv", Neutral::Absent},
    {"alibi", Neutral::False},
    {"parallel_attn", Neutral::False},
    {"use_parallel_residual", Neutral::False},
    {"use_qk_norm", Neutral::False},
    {"qk_layernorm", Neutral::False},
    {"rope_interleave", Neutral::False},
    {"is_encoder_decoder", Neutral::False},
    {"add_cross_attention", Neutral::False},
    {"use_bidirectional_attention", Neutral::False},
    {"num_experts", Neutral::Zero},
    {"num_local_experts", Neutral::Zero},
    {"n_routed_experts", Neutral::Zero},
    {"num_nextn_predict_layers", Neutral::Zero},
    {"q_lora_rank", Neutral::Absent},
    {"kv_lora_rank", Neutral::Absent},
    {"global_attn_every_n_layers", Neutral::Absent},
    {"layer_scale_init_value", Neutral::Absent},
};

bool isNeutral(const json::Value &value, Neutral neutral) {
  switch (neutral) {
  case Neutral::Absent:
    return false;
  case Neutral::False:
    return value.kind == json::Kind::Bool && !value.boolean();
  case Neutral::Zero:
    return value.isNumber() && value.real() == 0;
  case Neutral::One:
    return value.isNumber() && value.real() == 1;
  }
  return false;
}

void rejectQuantized(const ConfigReader &root) {
  for (const char *key : {"quantization_config", "compression_config"}) {
    const json::Value *value = root.get(key);
    if (!value)
      continue;
    const json::Value *method = value->isObject() ? value->find("quant_method") : nullptr;
    std::string name = method && method->isString() ? quote(method->string()) : "of an unnamed method";
    root.complain(text(key, ": the checkpoint is already quantized (", name,
                       "), which is not supported; give the original floating-point checkpoint"));
  }
}

} // namespace

void rejectForeignKeys(const ConfigReader &root) {
  rejectQuantized(root);
  if (root.has("auto_map"))
    root.complain("auto_map: the model brings its own code, which qcc neither runs nor trusts; convert it to a "
                  "built-in model_type");
  for (const ForeignKey &foreign : foreignKeys)
    if (const json::Value *value = root.get(foreign.key); value && !isNeutral(*value, foreign.neutral))
      root.complain(text(foreign.key, " changes the mathematics in a way that is not supported"));
}

} // namespace qcc::hf
