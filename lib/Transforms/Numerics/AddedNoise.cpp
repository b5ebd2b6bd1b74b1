//===- AddedNoise.cpp -----------------------------------------------------===//

#include "AddedNoise.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace qcc::numerics {
namespace {

/// Rows that are looked at, spread evenly: sums over channels need no more.
constexpr size_t kRows = 64;

/// Σ var(w)·E[x²] of one channel; `w` as the module holds it before rounding.
double predictedNoise(graph::SchemeAttr scheme, std::span<const double> w, std::span<const double> squares) {
  double sum = 0;
  auto integer = dyn_cast<IntegerType>(scheme.getStorage());
  if (!integer) {
    for (size_t k = 0; k < w.size(); ++k)
      sum += 5.6e-4 * w[k] * w[k] * squares[k];
    return sum;
  }
  size_t group = scheme.getGranularity() == graph::Granularity::group ? size_t(scheme.getGroupSize()) : w.size();
  const double codes = std::exp2(integer.getWidth() - 1.0) - 1;
  for (size_t begin = 0; begin < w.size(); begin += group) {
    double largest = 0, weighted = 0;
    for (size_t k = begin; k < std::min(begin + group, w.size()); ++k) {
      largest = std::max(largest, std::fabs(w[k]));
      weighted += squares[k];
    }
    sum += std::pow(largest / codes, 2) / 12 * weighted;
  }
  return sum;
}

double inDecibels(double noise, double predicted) {
  // NaN and infinity are too much, too.
  return std::isfinite(noise) ? 10 * std::log10(std::max(noise, 1e-300) / std::max(predicted, 1e-300)) : HUGE_VAL;
}

} // namespace

std::optional<AddedNoise> addedNoise(graph::SchemeAttr scheme, const LinearNumbers &linear, int64_t channels) {
  auto integer = dyn_cast<IntegerType>(scheme.getStorage());
  bool perRow =
      scheme.getGranularity() == graph::Granularity::group || scheme.getGranularity() == graph::Granularity::channel;
  if (!perRow || (integer && integer.getWidth() < 3))
    return std::nullopt;
  const size_t outputs = size_t(channels), columns = linear.w.size() / outputs, rows = linear.x.size() / columns;
  const size_t used = std::min(rows, kRows);
  // Transposed, so that the products run along rows.
  std::vector<float> x(columns * used);
  std::vector<double> squares(columns);
  for (size_t i = 0; i < used; ++i)
    for (size_t k = 0; k < columns; ++k) {
      float value = linear.x[i * rows / used * columns + k];
      squares[k] += double(value) * value / double(used);
      x[k * used + i] = value;
    }
  std::vector<double> noises(outputs), predicted(outputs);
  parallelFor(0, channels, 16, defaultThreads(), [&](int64_t begin, int64_t end) {
    std::vector<double> w(columns);
    std::vector<float> y(used);
    for (size_t n = size_t(begin); n < size_t(end); ++n) {
      const double row = linear.rowFactors.empty() ? 1 : linear.rowFactors[n];
      std::fill(y.begin(), y.end(), linear.bias.empty() ? 0.0f : float(row * linear.bias[n]));
      for (size_t k = 0; k < columns; ++k) {
        w[k] = row * linear.w[n * columns + k] / (linear.columnFactors.empty() ? 1 : linear.columnFactors[k]);
        for (size_t i = 0; i < used; ++i)
          y[i] += float(w[k]) * x[k * used + i];
      }
      for (size_t i = 0; i < used; ++i)
        noises[n] += std::pow(double(linear.y[i * rows / used * outputs + n]) - double(y[i]), 2) / double(used);
      predicted[n] = predictedNoise(scheme, w, squares);
    }
  });
  double noise = 0, expected = 0;
  for (size_t n = 0; n < outputs; ++n) {
    noise += noises[n];
    expected += predicted[n];
  }
  AddedNoise result{inDecibels(noise, expected), 0, -HUGE_VAL};
  for (size_t n = 0; n < outputs; ++n)
    // A row of zeros has no rounding; that of the output is left.
    if (double excess = inDecibels(noises[n], std::max(predicted[n], 1e-3 * expected / double(outputs)));
        excess > result.worstExcess) {
      result.worstExcess = excess;
      result.worstChannel = int64_t(n);
    }
  return result;
}

} // namespace qcc::numerics
