//===- Noise.cpp ----------------------------------------------------------===//

#include "qcc/Transforms/Numerics/Noise.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace qcc::numerics {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// A channel counts on its own when its signal is at least this part of the mean channel's: the noise of the others
/// that norms and sums of f32 leave in a channel of next to nothing says nothing about it.
constexpr double kSignificant = 0.01;
/// Of fewer rows the signal of a channel is chance: the sum of 64 squares of normal numbers is below a tenth of its
/// mean once in 10^17, that of 8 once in 10^4.
constexpr size_t kLeastRows = 64;

double decibels(double signal, double noise) {
  if (!std::isfinite(noise))
    return -kInfinity;
  if (noise <= 0)
    return kInfinity;
  return signal > 0 ? 10 * std::log10(signal / noise) : -kInfinity;
}

} // namespace

ChannelSums::ChannelSums(std::span<const float> r, std::span<const float> v, int64_t channels)
    : rows(r.size() / size_t(channels)), reference(size_t(channels)), values(size_t(channels)),
      products(size_t(channels)) {
  assert(r.size() == v.size() && channels > 0 && r.size() % size_t(channels) == 0);
  for (size_t row = 0; row < r.size(); row += size_t(channels))
    for (size_t c = 0; c < size_t(channels); ++c) {
      double exact = r[row + c], value = v[row + c];
      reference[c] += exact * exact;
      values[c] += value * value;
      products[c] += exact * value;
    }
}

Noise ChannelSums::noise(std::span<const double> factors) const {
  std::vector<double> signals(reference.size()), noises(reference.size());
  double signal = 0, noise = 0;
  for (size_t c = 0; c < reference.size(); ++c) {
    double g = factors.empty() ? 1 : factors[c];
    signals[c] = g * g * reference[c];
    noises[c] = values[c] - 2 * g * products[c] + signals[c];
    // What is left of equal sums is rounding of f64, not noise; it may be negative.
    if (std::isfinite(values[c]) && std::fabs(noises[c]) <= 1e-14 * (signals[c] + values[c]))
      noises[c] = 0;
    signal += signals[c];
    noise += noises[c];
  }
  Noise result{decibels(signal, noise), 0, kInfinity};
  for (size_t c = 0; c < reference.size(); ++c)
    if ((rows >= kLeastRows && signals[c] * double(reference.size()) >= kSignificant * signal) ||
        !std::isfinite(noises[c]))
      if (double ratio = decibels(signals[c], noises[c]); ratio < result.worstDecibels) {
        result.worstDecibels = ratio;
        result.worstChannel = int64_t(c);
      }
  return result;
}

std::vector<double> ChannelSums::factors() const {
  std::vector<double> result(reference.size(), 1.0);
  for (size_t c = 0; c < result.size(); ++c)
    if (reference[c] > 0 && std::isfinite(products[c]))
      result[c] = products[c] / reference[c];
  return result;
}

} // namespace qcc::numerics
