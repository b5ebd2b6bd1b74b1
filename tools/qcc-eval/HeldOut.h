//===- HeldOut.h - Windows of held-out tokens ---------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_EVAL_HELDOUT_H
#define QCC_TOOLS_QCC_EVAL_HELDOUT_H

#include "Metrics.h"
#include "Options.h"
#include "qcc/Import/HuggingFace/Import.h"

namespace qcc::eval {

/// Equal windows that do not overlap; what is left at the end of a text (or of a row of a token file) is not used.
struct HeldOut {
  std::string source;
  int64_t window = 0;
  std::vector<std::vector<int32_t>> windows;
};

/// --text or --tokens-file, cut as --window says. Fails when a token is outside the vocabulary or no window is whole.
Expected<HeldOut> readHeldOut(const hf::Model &model, const Options &options);

/// Logits that other programs wrote for the same windows: one or more .npy files of f32 whose rows, in order, are the
/// positions of the windows; shapes [windows, window, vocabulary] or [tokens, vocabulary].
class StoredLogits {
public:
  static Expected<StoredLogits> open(const std::vector<std::string> &files, const HeldOut &heldOut, int64_t vocabulary);
  /// Logits of a window, [window, vocabulary].
  std::span<const float> window(size_t index) const;

private:
  std::vector<std::vector<float>> windows;
};

} // namespace qcc::eval

#endif // QCC_TOOLS_QCC_EVAL_HELDOUT_H
