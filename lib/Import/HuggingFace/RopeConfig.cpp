//===- RopeConfig.cpp - rope_scaling and rope_parameters ------------------===//

#include "ConfigReader.h"
#include "qcc/Import/HuggingFace/Config.h"

#include <algorithm>

namespace qcc::hf {
namespace {

constexpr double huge = 1e12;
constexpr int64_t maxPositionsLimit = int64_t(1) << 32;

/// Any other key in the rope object would change the rotation in a way we do not know.
constexpr std::string_view knownKeys[] = {"rope_type",        "type",
                                          "rope_theta",       "factor",
                                          "low_freq_factor",  "high_freq_factor",
                                          "beta_fast",        "beta_slow",
                                          "attention_factor", "original_max_position_embeddings",
                                          "mscale",           "truncate",
                                          "mscale_all_dim",   "partial_rotary_factor",
                                          "finetuned"};

void requireFactor(const ConfigReader &reader, RopeSpec &rope) {
  if (!reader.has("factor"))
    reader.complain("factor is missing");
  rope.factor = reader.real("factor", 1, huge).value_or(1);
}

void readLlama3(const ConfigReader &reader, RopeSpec &rope) {
  requireFactor(reader, rope);
  for (const char *key : {"low_freq_factor", "high_freq_factor", "original_max_position_embeddings"})
    if (!reader.has(key))
      reader.complain(text(key, " is missing"));
  rope.lowFreqFactor = reader.real("low_freq_factor", 0, huge).value_or(1);
  rope.highFreqFactor = reader.real("high_freq_factor", 0, huge).value_or(4);
  rope.originalContext = double(reader.integer("original_max_position_embeddings", 1, maxPositionsLimit).value_or(1));
}

/// YaRN (Peng et al. 2023, section 3.4). An attention_factor that is given wins over the one inferred from the mscales.
void readYarn(const ConfigReader &reader, int64_t maxPositions, RopeSpec &rope) {
  requireFactor(reader, rope);
  rope.originalContext =
      double(reader.integer("original_max_position_embeddings", 1, maxPositionsLimit).value_or(maxPositions));
  rope.betaFast = reader.real("beta_fast", 1e-6, huge).value_or(32);
  rope.betaSlow = reader.real("beta_slow", 1e-6, huge).value_or(1);
  rope.truncate = reader.boolean("truncate").value_or(true);
  double inferred =
      yarnAttentionFactor(rope.factor, reader.real("mscale", 0, huge), reader.real("mscale_all_dim", 0, huge));
  rope.attentionFactor = reader.real("attention_factor", 1e-6, huge).value_or(inferred);
}

void readScaling(const ConfigReader &reader, const json::Value &object, int64_t maxPositions, RopeSpec &rope) {
  for (const json::Member &member : object.members())
    if (std::find(std::begin(knownKeys), std::end(knownKeys), member.name) == std::end(knownKeys) &&
        !member.value.isNull())
      reader.complain(text("unknown key ", quote(member.name), " may change the rotation; it is not supported"));
  std::string type = "default";
  for (const char *key : {"type", "rope_type"}) // the newer spelling wins
    if (std::optional<std::string> given = reader.string(key))
      type = *given;
  if (type == "default")
    rope.kind = RopeKind::Default;
  else if (type == "linear") {
    rope.kind = RopeKind::Linear;
    requireFactor(reader, rope);
  } else if (type == "llama3") {
    rope.kind = RopeKind::Llama3;
    readLlama3(reader, rope);
  } else if (type == "yarn") {
    rope.kind = RopeKind::Yarn;
    readYarn(reader, maxPositions, rope);
  } else {
    reader.complain(text("unknown rope type ", quote(type), "; supported are default, linear, llama3 and yarn"));
  }
}

} // namespace

void readRope(const ConfigReader &root, ErrorList &problems, ModelConfig &config) {
  RopeSpec &rope = config.rope;
  rope.dim = config.headDim;
  auto readShared = [&](const ConfigReader &reader) {
    if (std::optional<double> theta = reader.real("rope_theta", 1.0001, huge * huge))
      rope.theta = *theta;
    if (double part = reader.real("partial_rotary_factor", 0, 1).value_or(1); part != 1)
      reader.complain(text("partial_rotary_factor = ", part, " is not supported; it must be 1"));
  };
  readShared(root);
  const json::Value *v4 = root.get("rope_scaling"), *v5 = root.get("rope_parameters");
  if (v4 && v5)
    root.complain("both rope_scaling and rope_parameters are given; keep one");
  for (auto [value, key] : {std::pair{v4, "rope_scaling"}, std::pair{v5, "rope_parameters"}}) {
    if (!value)
      continue;
    if (!value->isObject()) {
      root.complain(text(key, " must be an object, found ", json::describe(value->kind)));
      continue;
    }
    for (const char *layerType : {"full_attention", "sliding_attention"})
      if (value->find(layerType)) {
        root.complain(text(key, " differs by layer type (", layerType, "), which is not supported"));
        return;
      }
    ConfigReader reader(*value, root.name() + ": " + key, problems);
    readShared(reader);
    size_t before = problems.errors.size();
    readScaling(reader, *value, config.maxPositions, rope);
    if (problems.errors.size() == before && rope.dim > 0 && rope.dim % 2 == 0)
      if (std::string problem = check(rope); !problem.empty())
        reader.complain(problem);
  }
}

} // namespace qcc::hf
