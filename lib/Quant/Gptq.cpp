//===- Gptq.cpp - One layer with given options ----------------------------===//

#include "qcc/Quant/Gptq.h"
#include "GptqSteps.h"
#include "qcc/Quant/NonFinite.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>

namespace qcc::quant {

Status checkLayer(std::span<const float> w, int64_t rows, const Moments &moments, double damping,
                  std::span<const uint8_t> mask) {
  int64_t k = moments.k;
  if (rows <= 0 || k <= 0 || w.size() != size_t(rows) * size_t(k))
    return Error{text("weight of ", w.size(), " elements in ", rows, " rows does not fit second moments of ", k,
                      " inputs: they are of another layer or model")};
  if (moments.hessian.size() != size_t(k) * size_t(k) ||
      (!moments.cross.empty() && moments.cross.size() != moments.hessian.size()))
    return Error{text("second moments of ", k, " inputs have ", moments.hessian.size(), " and ", moments.cross.size(),
                      " elements, not ", k, "²: the statistics are damaged")};
  size_t heldOut = size_t(moments.heldOut) * size_t(k);
  if (moments.heldOutQuant.size() != heldOut ||
      (!moments.heldOutFloat.empty() && moments.heldOutFloat.size() != heldOut))
    return Error{text(moments.heldOut, " held-out rows of ", k, " inputs have ", moments.heldOutQuant.size(), " and ",
                      moments.heldOutFloat.size(), " elements: the statistics are damaged")};
  if (!mask.empty() && mask.size() != w.size())
    return Error{text("mask of ", mask.size(), " elements for a weight of ", w.size())};
  if (!std::isfinite(damping) || damping < 0)
    return Error{text("damping ", damping, " is not a number of at least 0")};
  if (auto bad = findNonFinite(w))
    return Error{text("weight is not finite at row ", bad->first / k, ", column ", bad->first % k, " (", bad->count,
                      " such elements of ", w.size(), "): the checkpoint is damaged")};
  return {};
}

std::vector<float> decoded(const CodedMatrix &matrix) {
  std::vector<float> values(size_t(matrix.rows * matrix.cols));
  decode(matrix, values);
  return values;
}

Solution solve(const Target &target, const Moments &moments, const Factor &factor, const CodeFormat &format,
               const GptqOptions &options) {
  std::vector<float> importance(moments.k);
  for (int64_t i = 0; i < moments.k; ++i)
    importance[i] = moments.hessian[i * moments.k + i];
  Solution solution;
  solution.coded = searchScales(target.w, target.rows, target.k, format, importance, options.scales, options.threads);
  solution.cost = feedback(target, factor, options.block, options.threads, solution.coded);
  solution.cost -= descend(target, moments, factor.dead, options.descentPasses, options.threads, solution.coded);
  return solution;
}

Expected<std::vector<float>> correctedWeights(std::span<const float> w, int64_t rows, const Moments &moments,
                                              double damping, double correction, unsigned threads) {
  if (Status status = checkLayer(w, rows, moments, damping, {}); !status)
    return status.takeError();
  std::vector<float> product;
  if (correction != 0)
    product = crossProduct(w, rows, moments, threads);
  Expected<Factor> factor = factorize(moments, damping, ColumnOrder::Natural, threads);
  if (!factor)
    return factor.takeError();
  return correct(w, product, rows, *factor, correction, threads);
}

namespace {

/// A search over one candidate.
GptqSearch only(const GptqOptions &options) { return {{options.damping}, {options.correction}, {options.order}}; }

} // namespace

Expected<GptqResult> gptq(std::span<const float> w, int64_t rows, const Moments &moments, const CodeFormat &format,
                          const GptqOptions &options, std::span<const uint8_t> mask) {
  return searchGptq(w, rows, moments, format, options, only(options), mask);
}

Expected<GptqResult> gptq(std::span<const float> w, int64_t rows, Moments &&moments, const CodeFormat &format,
                          const GptqOptions &options, std::span<const uint8_t> mask) {
  return searchGptq(w, rows, std::move(moments), format, options, only(options), mask);
}

} // namespace qcc::quant
