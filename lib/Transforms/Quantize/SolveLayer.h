//===- SolveLayer.h - Stored numbers of one weight --------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_SOLVELAYER_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_SOLVELAYER_H

#include "qcc/Quant/Gptq.h"
#include "qcc/Quant/Sparsity.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include <optional>

namespace qcc {

/// How weights are solved for, from the options.
struct SolveSettings {
  quant::GptqOptions gptq;
  quant::GptqSearch search;
  std::optional<quant::PruneMethod> prune; ///< of layers that are pruned
  quant::PruneOptions pruning;

  static SolveSettings of(const QuantizeOptions &options);
  /// With what is given for a layer in place of the lists that are searched.
  SolveSettings with(const SearchedValues &given, const std::string &layer) const;
  /// Everything that the stored numbers depend on, as text.
  std::string describe() const;
};

struct SolvedLayer {
  quant::CodedMatrix coded;  ///< of a quantized layer; its shape alone for one that is pruned only
  std::vector<float> pruned; ///< [rows, cols] bf16 values, of a layer that is pruned only
  quant::GptqReport report;  ///< `heldOutError` alone for one that is pruned only
};

/// W[rows, cols] as codes of `format`, or pruned to 2:4 (`prunes`), or both: the mask first, then codes within it.
/// `moments` may be empty (k = 0) for pruning by magnitude without codes.
/// `isLastUse`: they may be given up on the way, which spares a k × k matrix.
Expected<SolvedLayer> solveLayer(std::span<const float> w, int64_t rows, int64_t cols, quant::Moments &moments,
                                 bool isLastUse, const std::optional<quant::CodeFormat> &format, bool prunes,
                                 const SolveSettings &settings);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_SOLVELAYER_H
