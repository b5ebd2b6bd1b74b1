//===- Sparsity.cpp - 2:4 masks and the methods that choose them ----------===//

#include "qcc/Quant/Sparsity.h"
#include "SparsitySteps.h"
#include "qcc/Quant/NonFinite.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>

namespace qcc::quant {
namespace {

/// |w| · sqrt(importance[col]); an empty importance is 1.
std::vector<float> scores(std::span<const float> w, int64_t rows, int64_t cols, const std::vector<double> &importance) {
  std::vector<float> score(w.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < cols; ++col) {
      size_t i = size_t(row * cols + col);
      score[i] = std::fabs(w[i]) * (importance.empty() ? 1.0f : float(std::sqrt(importance[size_t(col)])));
    }
  return score;
}

PruneResult maskedBy(std::vector<uint8_t> mask, std::span<const float> w) {
  PruneResult result{std::vector<float>(w.size()), std::move(mask), 0};
  for (size_t i = 0; i < w.size(); ++i)
    result.w[i] = result.mask[i] ? w[i] : 0.0f;
  return result;
}

/// SparseGpt and Refit.
Expected<PruneResult> pruneBySolving(std::span<const float> w, int64_t rows, const Moments &moments, PruneMethod method,
                                     const PruneOptions &options) {
  Expected<Factor> factor = factorize(moments, options.damping, ColumnOrder::Natural, options.threads);
  if (!factor)
    return factor.takeError();
  std::vector<float> target;
  if (method == PruneMethod::Refit) {
    std::vector<float> product;
    if (options.correction != 0)
      product = crossProduct(w, rows, moments, options.threads);
    target = correct(w, product, rows, *factor, options.correction, options.threads);
    w = target;
  }
  Masked masked = sparseGpt(w, rows, *factor, options.threads);
  if (method == PruneMethod::Refit) {
    factor->lower = {}; // only λ and the dead columns are needed from here
    Normal normal(moments, *factor);
    if (Status status = refit(w, rows, normal, options.exactCols, options.threads, masked); !status)
      return status.takeError();
    for (int round = 0; round < options.searchRounds; ++round) {
      searchMasks(w, rows, normal, options.threads, masked);
      if (Status status = refit(w, rows, normal, options.exactCols, options.threads, masked); !status)
        return status.takeError();
    }
  }
  return PruneResult{std::vector<float>(masked.q.begin(), masked.q.end()), std::move(masked.mask), 0};
}

Expected<PruneResult> prune(std::span<const float> w, int64_t rows, int64_t cols, const Moments &moments,
                            PruneMethod method, const PruneOptions &options) {
  if (method == PruneMethod::Magnitude)
    return maskedBy(mask24(scores(w, rows, cols, {}), rows, cols), w);
  if (moments.k != cols)
    return Error{text("second moments of ", moments.k, " inputs for a weight of ", cols,
                      " columns: they are of another layer or model; calibrate again")};
  if (Status status = checkLayer(w, rows, moments, options.damping, {}); !status)
    return status.takeError();
  if (method != PruneMethod::Wanda)
    return pruneBySolving(w, rows, moments, method, options);
  std::vector<double> importance(static_cast<size_t>(cols));
  for (int64_t col = 0; col < cols; ++col)
    importance[size_t(col)] = std::max(0.0, double(moments.hessian[size_t(col * cols + col)]));
  return maskedBy(mask24(scores(w, rows, cols, importance), rows, cols), w);
}

} // namespace

std::vector<uint8_t> mask24(std::span<const float> score, int64_t rows, int64_t cols) {
  std::vector<uint8_t> mask(size_t(rows * cols));
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t begin = 0; begin < cols; begin += 4) {
      const float *s = &score[size_t(row * cols + begin)];
      int64_t count = std::min<int64_t>(4, cols - begin);
      for (int64_t i = 0; i < count; ++i) {
        int better = 0;
        for (int64_t j = 0; j < count; ++j)
          better += s[j] > s[i] || (s[j] == s[i] && j < i);
        mask[size_t(row * cols + begin + i)] = better < 2;
      }
    }
  return mask;
}

std::optional<SparsityBreach> findBreach24(std::span<const float> w, int64_t rows, int64_t cols) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t begin = 0; begin < cols; begin += 4) {
      int64_t end = std::min(cols, begin + 4);
      if (std::count_if(&w[size_t(row * cols)] + begin, &w[size_t(row * cols)] + end, [](float v) { return v != 0; }) >
          2)
        return SparsityBreach{row, begin};
    }
  return std::nullopt;
}

Expected<PruneResult> prune24(std::span<const float> w, int64_t rows, int64_t cols, const Moments &moments,
                              PruneMethod method, const PruneOptions &options) {
  if (rows <= 0 || cols <= 0 || w.size() != size_t(rows) * size_t(cols))
    return Error{text("weight of ", w.size(), " elements is not one of ", rows, " rows and ", cols, " columns")};
  if (auto bad = findNonFinite(w))
    return Error{text("weight is not finite at row ", bad->first / cols, ", column ", bad->first % cols, " (",
                      bad->count, " such elements of ", w.size(), "): the checkpoint is damaged")};
  Expected<PruneResult> result = prune(w, rows, cols, moments, method, options);
  if (result && moments.k == cols)
    result->heldOutError = heldOutError(w, result->w, rows, moments, options.threads);
  return result;
}

} // namespace qcc::quant
