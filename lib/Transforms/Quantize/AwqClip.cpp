//===- AwqClip.cpp --------------------------------------------------------===//

#include "AwqClip.h"
#include "qcc/Quant/ScaleSearch.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <cmath>

namespace qcc {
namespace {

constexpr int kSteps = 10, kGrid = 20;

/// Second moments of columns [begin, begin + size) over the tokens: the error of a group is dᵀ H d.
std::vector<double> groupMoments(std::span<const float> x, int64_t cols, int64_t begin, int64_t size) {
  std::vector<double> h(size_t(size * size));
  for (size_t row = 0; row < x.size(); row += size_t(cols)) {
    const float *group = x.data() + row + begin;
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j <= i; ++j)
        h[size_t(i * size + j)] += double(group[i]) * double(group[j]);
  }
  return h;
}

/// dᵀ H d from the lower triangle.
double quadratic(std::span<const double> h, std::span<const double> d) {
  double sum = 0;
  for (size_t i = 0; i < d.size(); ++i) {
    double dot = 0;
    for (size_t j = 0; j < i; ++j)
      dot += h[i * d.size() + j] * d[j];
    sum += d[i] * (2 * dot + h[i * d.size() + i] * d[i]);
  }
  return sum;
}

} // namespace

std::vector<float> clipWeights(std::span<const float> w, int64_t rows, int64_t cols, const quant::CodeFormat &format,
                               std::span<const float> x, unsigned threads) {
  std::vector<float> clipped(w.begin(), w.end());
  const int64_t width = format.colsOf(cols);
  parallelFor(0, format.scaleCols(cols), 1, threads, [&](int64_t group, int64_t) {
    const int64_t begin = group * width, size = std::min(width, cols - begin);
    const std::vector<double> h = groupMoments(x, cols, begin, size);
    std::vector<float> tried(static_cast<size_t>(size)), rounded(tried.size());
    std::vector<double> difference(tried.size());
    for (int64_t row = 0; row < rows; ++row) {
      std::span<const float> values = w.subspan(size_t(row * cols + begin), size_t(size));
      float amax = 0;
      for (float value : values)
        amax = std::max(amax, std::fabs(value));
      double least = INFINITY;
      float best = amax;
      for (int step = 0; step < kSteps; ++step) {
        const float limit = amax * (1 - float(step) / kGrid);
        for (size_t i = 0; i < tried.size(); ++i)
          tried[i] = std::clamp(values[i], -limit, limit);
        quant::decode(quant::roundToNearest(tried, 1, size, format), rounded);
        for (size_t i = 0; i < tried.size(); ++i)
          difference[i] = double(rounded[i]) - double(values[i]);
        if (double error = quadratic(h, difference); error < least) {
          least = error;
          best = limit;
        }
      }
      for (int64_t i = 0; i < size; ++i) {
        float &value = clipped[size_t(row * cols + begin + i)];
        value = std::clamp(value, -best, best);
      }
    }
  });
  return clipped;
}

} // namespace qcc
