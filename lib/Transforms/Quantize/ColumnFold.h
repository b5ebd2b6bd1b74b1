//===- ColumnFold.h - Column scales kept in a norm --------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_COLUMNFOLD_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_COLUMNFOLD_H

#include "qcc/Quant/Gptq.h"

namespace qcc {

/// What linears that read one norm stand for, stacked by rows.
struct StackedWeights {
  std::vector<float> w, d; ///< given and stored weights, [rows, k]
  int64_t rows = 0;

  void add(std::span<const float> given, const quant::CodedMatrix &stored);
};

/// The norm's weight γ (bf16 values) times the column scales that are best for all its readers (quant::columnScales),
/// rounded to bf16. Empty where, after this rounding, the readers' held-out error does not fall.
Expected<std::vector<float>> foldColumns(std::span<const float> gamma, const StackedWeights &weights,
                                         const quant::Moments &moments, double damping, unsigned threads);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_COLUMNFOLD_H
