//===- ColumnFold.cpp -----------------------------------------------------===//

#include "ColumnFold.h"
#include "qcc/Quant/Formats.h"

namespace qcc {

void StackedWeights::add(std::span<const float> given, const quant::CodedMatrix &stored) {
  w.insert(w.end(), given.begin(), given.end());
  d.resize(w.size());
  quant::decode(stored, std::span(d).last(given.size()));
  rows += stored.rows;
}

Expected<std::vector<float>> foldColumns(std::span<const float> gamma, const StackedWeights &weights,
                                         const quant::Moments &moments, double damping, unsigned threads) {
  if (moments.heldOut == 0)
    return std::vector<float>();
  auto scales = quant::columnScales(weights.w, weights.d, weights.rows, moments, damping, threads);
  if (!scales)
    return scales.takeError();
  std::vector<float> folded(gamma.size());
  for (size_t j = 0; j < gamma.size(); ++j) {
    folded[j] = quant::roundToBF16(gamma[j] * (*scales)[j]);
    (*scales)[j] = gamma[j] == 0 ? 1 : folded[j] / gamma[j]; // what the rounded weight really scales by
  }
  std::vector<float> scaled = weights.d;
  for (size_t i = 0; i < scaled.size(); ++i)
    scaled[i] *= (*scales)[i % gamma.size()];
  double before = quant::heldOutError(weights.w, weights.d, weights.rows, moments, threads);
  double after = quant::heldOutError(weights.w, scaled, weights.rows, moments, threads);
  return after < before ? folded : std::vector<float>();
}

} // namespace qcc
