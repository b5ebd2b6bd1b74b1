//===- TensorPlan.h - Every tensor consumed or explained --------*- C++ -*-===//
#ifndef QCC_IMPORT_HUGGINGFACE_TENSORPLAN_H
#define QCC_IMPORT_HUGGINGFACE_TENSORPLAN_H

#include "qcc/Import/HuggingFace/Checkpoint.h"
#include "qcc/Import/HuggingFace/Config.h"

namespace qcc::hf {

/// A tensor the model reads.
struct ExpectedTensor {
  std::string name;
  std::vector<int64_t> shape;
};

/// All tensors of a decoder with this configuration, in the order of computation. Without lm_head.weight when
/// embeddings are tied.
std::vector<ExpectedTensor> expectedTensors(const ModelConfig &config);

/// Compares the checkpoint with the configuration: missing and unknown tensors, wrong shapes, types that are not f32,
/// f16 or bf16, all at once. Explained without being consumed: `…rotary_emb.inv_freq`, which follows from the
/// configuration, and a tied lm_head.weight that has the bytes of the embeddings.
Status checkTensors(const ModelConfig &config, const Checkpoint &checkpoint);

} // namespace qcc::hf

#endif // QCC_IMPORT_HUGGINGFACE_TENSORPLAN_H
