//===- GptqSearch.cpp - Damping, correction and order by held-out error -------------===//

#include "SparsitySteps.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace qcc::quant {
namespace {

/// Rows that stand for all: every n-th block of rows that share scales.
std::vector<int64_t> judgedRows(const CodeFormat &format, int64_t rows) {
  int64_t together = format.rowsOf(rows), blocks = (rows + together - 1) / together;
  int64_t wanted = std::clamp<int64_t>(kJudgedRows / together, 1, blocks);
  std::vector<int64_t> judged;
  for (int64_t i = 0; i < wanted; ++i) {
    int64_t block = i * blocks / wanted;
    for (int64_t row = block * together; row < std::min(rows, (block + 1) * together); ++row)
      judged.push_back(row);
  }
  return judged;
}

template <typename T> std::vector<T> gather(std::span<const T> matrix, const std::vector<int64_t> &rows, int64_t k) {
  std::vector<T> gathered;
  gathered.reserve(matrix.empty() ? 0 : rows.size() * size_t(k));
  for (int64_t row : rows)
    if (!matrix.empty())
      gathered.insert(gathered.end(), matrix.begin() + row * k, matrix.begin() + (row + 1) * k);
  return gathered;
}

/// A layer, or some rows of one.
struct Rows {
  std::span<const float> w, product;
  std::span<const uint8_t> mask;
  int64_t count;
};

struct Candidate {
  double damping, correction;
  ColumnOrder order;
};

class Search {
public:
  Search(const Moments &moments, const CodeFormat &format, const GptqOptions &options)
      : moments(moments), format(format), options(options) {}

  Expected<GptqResult> run(const Rows &rows, const Candidate &candidate) {
    if (!factored || factorDamping != candidate.damping || factor.order != candidate.order) {
      factor = {}; // its memory before the next one's
      factored = false;
      Expected<Factor> next = factorize(moments, candidate.damping, candidate.order, options.threads);
      if (!next)
        return next.takeError();
      factor = std::move(*next);
      factorDamping = candidate.damping;
      factored = true;
    }
    GptqResult result;
    std::vector<float> corrected =
        correct(rows.w, rows.product, rows.count, factor, candidate.correction, options.threads);
    if (!rows.mask.empty())
      if (Status status = refitKept(rows, corrected); !status)
        return status.takeError();
    Solution solution = solve({corrected, rows.count, moments.k, rows.mask}, moments, factor, format, options);
    std::vector<float>().swap(corrected);
    result.report = {factor.damping, factor.escalations, rows.product.empty() ? 0 : candidate.correction,
                     candidate.order, factor.deadColumns};
    double total = energy(rows.w, rows.count, factor, options.threads);
    result.report.trainError = total > 0 ? std::max(0.0, solution.cost) / total : 0;
    if (moments.heldOut > 0)
      result.report.heldOutError = heldOutError(rows.w, decoded(solution.coded), rows.count, moments, options.threads);
    result.coded = std::move(solution.coded);
    return result;
  }

private:
  /// The weights nearest to W* within the mask: Q's distance to W* and to them differ by a constant.
  Status refitKept(const Rows &rows, std::vector<float> &corrected) {
    Masked masked{{corrected.begin(), corrected.end()}, {rows.mask.begin(), rows.mask.end()}};
    for (size_t i = 0; i < masked.q.size(); ++i)
      masked.q[i] *= masked.mask[i] != 0;
    Status status =
        refit(corrected, rows.count, Normal(moments, factor), PruneOptions().exactCols, options.threads, masked);
    std::copy(masked.q.begin(), masked.q.end(), corrected.begin());
    return status;
  }

  const Moments &moments;
  const CodeFormat &format;
  const GptqOptions &options;
  Factor factor;
  double factorDamping = 0;
  bool factored = false;
};

/// `owned` is null or `moments`, whose cross moments may go once the product is there.
Expected<GptqResult> searchLayer(std::span<const float> w, int64_t rows, const Moments &moments, Moments *owned,
                                 const CodeFormat &format, const GptqOptions &options, const GptqSearch &search,
                                 std::span<const uint8_t> mask) {
  assert(!search.dampings.empty() && !search.corrections.empty() && !search.orders.empty());
  for (double damping : search.dampings)
    if (Status status = checkLayer(w, rows, moments, damping, mask); !status)
      return status.takeError();
  std::vector<float> product;
  if (std::any_of(search.corrections.begin(), search.corrections.end(), [](double beta) { return beta != 0; }))
    product = crossProduct(w, rows, moments, options.threads);
  if (owned)
    std::vector<float>().swap(owned->cross);

  std::vector<Candidate> candidates;
  for (double damping : search.dampings)
    for (ColumnOrder order : search.orders)
      for (double correction : search.corrections)
        if (candidates.empty() || !product.empty() || correction == search.corrections.front())
          candidates.push_back({damping, correction, order});
  if (moments.heldOut == 0)
    candidates.resize(1);

  Search steps(moments, format, options);
  Rows whole{w, product, mask, rows};
  if (candidates.size() == 1)
    return steps.run(whole, candidates.front());

  std::vector<int64_t> judged = judgedRows(format, rows);
  bool judgeWhole = int64_t(judged.size()) == rows;
  std::vector<float> someW, someProduct;
  std::vector<uint8_t> someMask;
  if (!judgeWhole) {
    someW = gather(w, judged, moments.k);
    someProduct = gather(std::span<const float>(product), judged, moments.k);
    someMask = gather(mask, judged, moments.k);
  }
  Rows some = judgeWhole ? whole : Rows{someW, someProduct, someMask, int64_t(judged.size())};
  GptqResult best;
  Candidate chosen{};
  double least = std::numeric_limits<double>::infinity();
  for (const Candidate &candidate : candidates) {
    Expected<GptqResult> result = steps.run(some, candidate);
    if (!result)
      return result;
    if (result->report.heldOutError < least) {
      least = result->report.heldOutError;
      chosen = candidate;
      best = std::move(*result);
    }
  }
  if (least == std::numeric_limits<double>::infinity())
    return Error{text("error on ", moments.heldOut, " held-out rows is not finite for any of ", candidates.size(),
                      " candidates; look at the layer's inputs on the calibration data")};
  if (judgeWhole)
    return best;
  best = {}; // memory that the whole layer needs
  std::vector<float>().swap(someW);
  std::vector<float>().swap(someProduct);
  std::vector<uint8_t>().swap(someMask);
  return steps.run(whole, chosen);
}

} // namespace

Expected<GptqResult> searchGptq(std::span<const float> w, int64_t rows, const Moments &moments,
                                const CodeFormat &format, const GptqOptions &options, const GptqSearch &search,
                                std::span<const uint8_t> mask) {
  return searchLayer(w, rows, moments, nullptr, format, options, search, mask);
}

Expected<GptqResult> searchGptq(std::span<const float> w, int64_t rows, Moments &&moments, const CodeFormat &format,
                                const GptqOptions &options, const GptqSearch &search, std::span<const uint8_t> mask) {
  Moments owned = std::move(moments);
  return searchLayer(w, rows, owned, &owned, format, options, search, mask);
}

} // namespace qcc::quant
