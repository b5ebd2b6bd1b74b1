//===- ScaleSearch.cpp ----------------------------------------------------===//

#include "qcc/Quant/ScaleSearch.h"
#include "BlockErrors.h"
#include "Rounding.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <cmath>

namespace qcc::quant {
namespace {

/// Re-encodings of the best candidate, each followed by a refit; the error settles after two or three.
constexpr int kRefits = 4;

/// Smallest and largest weight of a block, 0 included: zero has to be a grid point.
std::pair<float, float> rangeOf(const WeightBlock &block) {
  float low = 0, high = 0;
  for (int64_t row = 0; row < block.rows; ++row)
    for (int64_t col = 0; col < block.cols; ++col) {
      float w = block.w[row * block.pitch + col];
      low = w < low ? w : low;
      high = w > high ? w : high;
    }
  return {low, high};
}

int nearestZero(const CodeFormat &format, double zero) {
  return int(std::nearbyint(std::clamp(zero, double(format.minCode()), double(format.maxCode()))));
}

/// The search over one block; buffers are kept from block to block.
class BlockSearch {
public:
  BlockSearch(const CodeFormat &format, const ScaleSearch &search) : format(format), search(search) {}

  Candidate run(const WeightBlock &block, unsigned threads) {
    auto [low, high] = rangeOf(block);
    double span = format.zeroPoint ? double(high) - low : std::max(double(high), -double(low));
    double step = span / stepsOfSpan();
    // A step that cannot be stored leaves the scale at 1 and all codes at zero.
    if (!std::isnormal(rounded(step)))
      return {};
    candidates.clear();
    int zero = format.zeroPoint ? nearestZero(format, format.minCode() - double(low) / rounded(step)) : 0;
    addCandidate(step, zero);
    if (search.rule == ScaleRule::MinMax)
      return candidates.front();
    addFactors(step, zero);
    sumBlock(block, format, candidates, threads, sums);
    size_t best = 0;
    for (size_t c = 1; c < candidates.size(); ++c)
      if (boundOf(c) < boundOf(best))
        best = c;
    Candidate chosen = candidates[best];
    return search.rule == ScaleRule::Signed ? refine(block, chosen, sums[best], threads) : chosen;
  }

private:
  /// Steps between the ends that MinMax maps to the ends of the grid: (2^bits - 1) / 2 from zero for symmetric codes.
  double stepsOfSpan() const {
    if (format.kind == CodeFormat::Kind::E4M3)
      return kE4M3Max;
    double steps = double((1 << format.bits) - 1);
    return format.zeroPoint ? steps : steps / 2;
  }

  float rounded(double scale) const {
    return format.scale == CodeFormat::ScaleType::BF16 ? roundToBF16(float(scale)) : float(scale);
  }

  void addCandidate(double step, int zero) {
    Candidate candidate{rounded(step), zero};
    if (std::isnormal(candidate.scale) && zero >= format.minCode() && zero <= format.maxCode())
      candidates.push_back(candidate);
  }

  void addFactors(double step, int zero) {
    // The grid of e4m3 repeats with every factor of two, but for its ends: one octave more holds every alignment of the
    // steps without clipping.
    double from = search.from, to = format.kind == CodeFormat::Kind::E4M3 ? 2.0 * search.to : search.to;
    for (int i = 0; i < search.steps; ++i) {
      double factor = search.steps == 1 ? to : from + (to - from) * i / (search.steps - 1);
      addCandidate(step * factor, zero);
      if (format.zeroPoint) {
        // Both ends shrink by the factor, which leaves the zero where it is; its neighbours clip one end more.
        addCandidate(step * factor, zero - 1);
        addCandidate(step * factor, zero + 1);
      } else if (search.rule == ScaleRule::Signed && format.kind == CodeFormat::Kind::Int) {
        addCandidate(-step * factor, zero);
      }
    }
  }

  /// The scale and zero that are best for the codes of `own`, in their stored types. Candidates that would not be
  /// normal numbers leave `own`.
  Candidate refit(const Candidate &own, const BlockSums &s) const {
    Candidate fitted = own;
    if (format.zeroPoint) {
      // Weighted regression of w = own.scale·q + r on q with an intercept a = s'·(own.zero - zero').
      double variance = s.qq * s.one - s.q * s.q;
      if (!(variance > 0))
        return own;
      double slope = own.scale + (s.rq * s.one - s.r * s.q) / variance;
      double intercept = (s.r - (slope - own.scale) * s.q) / s.one;
      if (std::isfinite(intercept / slope))
        fitted.zero = nearestZero(format, own.zero - intercept / slope);
    }
    // q' = q + dz; the least-squares scale is Σ i w q' / Σ i q'².
    double dz = own.zero - fitted.zero;
    double wq = own.scale * (s.qq + dz * s.q) + s.rq + dz * s.r;
    double qq = s.qq + 2 * dz * s.q + dz * dz * s.one;
    fitted.scale = rounded(wq / qq);
    return std::isnormal(fitted.scale) && (format.kind == CodeFormat::Kind::Int || fitted.scale > 0) ? fitted : own;
  }

  /// What candidate c can reach at most: its error, or the error after a refit.
  double boundOf(size_t c) const {
    if (search.rule == ScaleRule::Grid)
      return sums[c].rr;
    return std::min(sums[c].rr, sums[c].errorOf(candidates[c], refit(candidates[c], sums[c])));
  }

  /// Refits and encodes again while the error falls.
  Candidate refine(const WeightBlock &block, Candidate best, BlockSums bestSums, unsigned threads) {
    for (int i = 0; i < kRefits; ++i) {
      Candidate next = refit(best, bestSums);
      if (next.scale == best.scale && next.zero == best.zero)
        break;
      sumBlock(block, format, std::span(&next, 1), threads, sums);
      if (!(sums[0].rr < bestSums.rr))
        break;
      best = next;
      bestSums = sums[0];
    }
    return best;
  }

  const CodeFormat &format;
  const ScaleSearch &search;
  std::vector<Candidate> candidates;
  std::vector<BlockSums> sums;
};

/// Importance divided by its maximum, so that f32 sums neither overflow nor vanish; ones when there is none.
std::vector<float> relativeImportance(std::span<const float> importance, int64_t cols) {
  std::vector<float> relative(size_t(cols), 1.0f);
  float largest = importance.empty() ? 0 : *std::max_element(importance.begin(), importance.end());
  if (largest > 0)
    for (size_t col = 0; col < relative.size(); ++col)
      relative[col] = importance[col] / largest;
  return relative;
}

void encodeRow(CodedMatrix &matrix, std::span<const float> w, int64_t row) {
  const CodeFormat &format = matrix.format;
  int64_t width = format.colsOf(matrix.cols);
  for (int64_t begin = 0; begin < matrix.cols; begin += width) {
    size_t block = matrix.blockOf(row, begin);
    float scale = matrix.scales[block];
    int zero = matrix.zeros.empty() ? 0 : matrix.zeros[block];
    int64_t end = std::min(begin + width, matrix.cols);
    for (int64_t i = row * matrix.cols + begin; i < row * matrix.cols + end; ++i)
      matrix.codes[size_t(i)] = encode(format, w[size_t(i)], scale, zero);
  }
}

} // namespace

CodedMatrix searchScales(std::span<const float> w, int64_t rows, int64_t cols, const CodeFormat &format,
                         std::span<const float> importance, const ScaleSearch &search, unsigned threads) {
  CodedMatrix matrix{format, rows, cols, {}, {}, {}};
  int64_t height = format.rowsOf(rows), width = format.colsOf(cols);
  int64_t blockRows = format.scaleRows(rows), blockCols = format.scaleCols(cols);
  matrix.scales.assign(size_t(blockRows * blockCols), 1.0f);
  if (format.zeroPoint)
    matrix.zeros.assign(matrix.scales.size(), 0);
  std::vector<float> relative = relativeImportance(importance, cols);
  // A single block per matrix is divided among the threads inside, many are divided among them here.
  unsigned inner = blockRows == 1 ? threads : 1;
  parallelFor(0, blockRows, std::max<int64_t>(1, 16 / height), threads, [&](int64_t begin, int64_t end) {
    BlockSearch blocks(format, search);
    for (int64_t blockRow = begin; blockRow < end; ++blockRow)
      for (int64_t blockCol = 0; blockCol < blockCols; ++blockCol) {
        int64_t row = blockRow * height, col = blockCol * width;
        WeightBlock block{&w[size_t(row * cols + col)], cols, std::min(height, rows - row), std::min(width, cols - col),
                          &relative[size_t(col)]};
        Candidate best = blocks.run(block, inner);
        size_t i = size_t(blockRow * blockCols + blockCol);
        matrix.scales[i] = best.scale;
        if (format.zeroPoint)
          matrix.zeros[i] = int8_t(best.zero);
      }
  });
  return matrix;
}

CodedMatrix roundToNearest(std::span<const float> w, int64_t rows, int64_t cols, const CodeFormat &format,
                           std::span<const float> importance, const ScaleSearch &search, unsigned threads) {
  CodedMatrix matrix = searchScales(w, rows, cols, format, importance, search, threads);
  matrix.codes.resize(size_t(rows * cols));
  parallelFor(0, rows, 16, threads, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      encodeRow(matrix, w, row);
  });
  return matrix;
}

} // namespace qcc::quant
