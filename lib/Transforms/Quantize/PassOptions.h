//===- PassOptions.h - QuantizeOptions as options of passes -----*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_PASSOPTIONS_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_PASSOPTIONS_H

#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include "llvm/ADT/ArrayRef.h"

#include <optional>
#include <utility>

namespace qcc {

/// A pass that may be made of QuantizeOptions. They also become its textual options, as far as it has them, so that the
/// text of a pipeline runs the same passes; rules have no text.
template <typename PassBase> struct OfQuantizeOptions : PassBase {
  using PassBase::PassBase;
  OfQuantizeOptions() = default;
  explicit OfQuantizeOptions(const QuantizeOptions &options) : given(options) {
    if constexpr (requires { this->preset; })
      this->preset = options.preset;
    if constexpr (requires { this->groupSize; })
      this->groupSize = options.groupSize;
    if constexpr (requires { this->exclude; })
      this->exclude = llvm::ArrayRef(options.exclude);
    if constexpr (requires { this->head; })
      this->head = options.quantizeHead;
    if constexpr (requires { this->embeddings; })
      this->embeddings = options.quantizeEmbeddings;
    if constexpr (requires { this->prune; })
      this->prune = options.prune;
    if constexpr (requires { this->calib; }) {
      this->calib = options.calib;
      this->calibTokens = options.calibTokens;
      this->workDir = options.workDir;
      this->threads = options.threads;
    }
    if constexpr (requires { this->stats; })
      this->stats = options.stats;
    if constexpr (requires { this->alpha; })
      this->alpha = options.smoothAlpha.value_or(-1);
    if constexpr (requires { this->damping; })
      this->damping = options.damping.value_or(-1);
    if constexpr (requires { this->pruneDamping; })
      this->pruneDamping = options.pruneDamping.value_or(-1);
    if constexpr (requires { this->perTensor; }) {
      this->type = options.kvCache;
      this->perTensor = options.kvScales == KvScales::Tensor;
    }
  }

protected:
  bool isGiven() const { return given.has_value(); }

  /// What the pass was made of, or else what its text says.
  QuantizeOptions readOptions() const {
    if (given)
      return *given;
    QuantizeOptions options;
    if constexpr (requires { this->preset; })
      options.preset = this->preset;
    if constexpr (requires { this->groupSize; })
      options.groupSize = this->groupSize;
    if constexpr (requires { this->exclude; })
      options.exclude.assign(this->exclude.begin(), this->exclude.end());
    if constexpr (requires { this->head; })
      options.quantizeHead = this->head;
    if constexpr (requires { this->embeddings; })
      options.quantizeEmbeddings = this->embeddings;
    if constexpr (requires { this->prune; }) {
      options.prune = this->prune;
      options.pruneExclude = options.exclude;
    }
    if constexpr (requires { this->calib; }) {
      options.calib = this->calib;
      options.calibTokens = this->calibTokens;
      options.workDir = this->workDir;
      options.threads = this->threads;
    }
    if constexpr (requires { this->stats; })
      options.stats = this->stats;
    if constexpr (requires { this->alpha; })
      if (this->alpha >= 0)
        options.smoothAlpha = this->alpha;
    if constexpr (requires { this->damping; })
      if (this->damping >= 0)
        options.damping = this->damping;
    if constexpr (requires { this->pruneDamping; })
      if (this->pruneDamping >= 0)
        options.pruneDamping = this->pruneDamping;
    if constexpr (requires { this->perTensor; }) {
      options.kvCache = this->type;
      options.kvScales = this->perTensor ? KvScales::Tensor : KvScales::Head;
    }
    return options;
  }

private:
  std::optional<QuantizeOptions> given;
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_PASSOPTIONS_H
