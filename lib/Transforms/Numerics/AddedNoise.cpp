//===- AddedNoise.cpp -----------------------------------------------------===//

#include "AddedNoise.h"
#include "WeightFactors.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace qcc::numerics {
namespace {

/// Rows that are looked at, spread evenly: sums over channels need no more.
constexpr size_t kRows = 64;
/// What errors that are not quite as assumed may be above their mean (docs/quantization.md has the measured ones), and
/// how often chance may exceed a limit.
constexpr double kModelDecibels = 3, kChance = 1e-6;
/// Relative variance of rounding to 8 significant bits, as of e4m3's 4.
constexpr double kBF16Variance = 5.6e-4 / 256;

/// 10·log10 of the factor that is exceeded by chance in one of `channels` channels with `directions` each.
double limitFor(double directions, double channels) {
  double t = std::log(channels / kChance);
  return kModelDecibels + 10 * std::log10(1 + 2 * std::sqrt(t / directions) + 2 * t / std::sqrt(directions));
}

/// (tr G)² / ‖G‖² of the rows' products G, whose eigenvalues are those of R; x transposed, [columns, rows].
double directionsOf(std::span<const float> x, size_t rows) {
  std::vector<double> products(rows * rows);
  for (size_t begin = 0; begin < x.size(); begin += rows)
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < rows; ++j)
        products[i * rows + j] += double(x[begin + i]) * x[begin + j];
  double trace = 0, squares = 0;
  for (size_t i = 0; i < rows; ++i)
    trace += products[i * rows + i];
  for (double product : products)
    squares += product * product;
  return squares > 0 ? std::max(1.0, trace * trace / squares) : 1;
}

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
  const WeightFactors factors = fitFactors(linear.w, linear.held, channels, linear.rowFactors, linear.columnFactors,
                                           linear.rowTolerance, linear.columnTolerance);
  std::vector<double> noises(outputs), predicted(outputs), inherited(outputs);
  parallelFor(0, channels, 16, defaultThreads(), [&](int64_t begin, int64_t end) {
    std::vector<double> w(columns);
    std::vector<float> y(used);
    for (size_t n = size_t(begin); n < size_t(end); ++n) {
      const double row = factors.rows[n];
      std::fill(y.begin(), y.end(), linear.bias.empty() ? 0.0f : float(row * linear.bias[n]));
      for (size_t k = 0; k < columns; ++k) {
        w[k] = row * linear.w[n * columns + k] / factors.columns[k];
        for (size_t i = 0; i < used; ++i)
          y[i] += float(w[k]) * x[k * used + i];
      }
      double outputSquares = 0, unsolved = 0;
      for (size_t i = 0; i < used; ++i) {
        const size_t at = i * rows / used * outputs + n;
        const double error = double(linear.y[at]) - double(y[i]);
        noises[n] += error * error / double(used);
        unsolved += error * (double(linear.y[at]) - row * linear.original[at]) / double(used);
        inherited[n] += std::pow(double(y[i]) - row * linear.original[at], 2) / double(used);
        outputSquares += double(y[i]) * y[i] / double(used);
      }
      if (linear.isSolved)
        noises[n] = std::min(noises[n], std::max(unsolved, 0.0));
      predicted[n] = predictedNoise(scheme, w, squares) + (linear.isBF16 ? kBF16Variance * outputSquares : 0);
    }
  });
  double noise = 0, expected = 0;
  for (size_t n = 0; n < outputs; ++n) {
    noise += noises[n];
    expected += predicted[n];
  }
  const double directions = directionsOf(x, used);
  AddedNoise result{inDecibels(noise, expected), limitFor(directions * double(outputs), 1), 0, -HUGE_VAL,
                    limitFor(directions, double(outputs))};
  for (size_t n = 0; n < outputs; ++n) {
    // A row of zeros has no rounding; that of the output is left.
    double allowed = std::max(predicted[n], 1e-3 * expected / double(outputs)) + (linear.isSolved ? inherited[n] : 0);
    if (double excess = inDecibels(noises[n], allowed); excess > result.worstExcess) {
      result.worstExcess = excess;
      result.worstChannel = int64_t(n);
    }
  }
  return result;
}

} // namespace qcc::numerics
