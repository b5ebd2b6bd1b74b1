//===- Metrics.cpp --------------------------------------------------------===//

#include "Metrics.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <random>

namespace qcc::eval {
namespace {

/// ln Σ exp(x), and the position of the largest.
struct Normalizer {
  double logSum;
  size_t best;
};
Normalizer normalize(std::span<const float> logits) {
  size_t best = size_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
  double top = logits[best], sum = 0;
  for (float x : logits)
    sum += std::exp(double(x) - top);
  return {top + std::log(sum), best};
}

double klDivergence(std::span<const float> reference, double referenceSum, std::span<const float> quantized,
                    double quantizedSum) {
  double kl = 0;
  for (size_t v = 0; v < reference.size(); ++v) {
    double lnP = double(reference[v]) - referenceSum, lnQ = double(quantized[v]) - quantizedSum;
    if (double p = std::exp(lnP); p > 0)
      kl += p * (lnP - lnQ);
  }
  return std::max(kl, 0.0); // rounding may leave a tiny negative sum where both agree
}

/// Value at share `at` of sorted values, linear between neighbours.
double quantile(std::span<const double> sorted, double at) {
  if (sorted.empty())
    return 0;
  double place = at * double(sorted.size() - 1);
  size_t below = size_t(place), above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - double(below)) * (sorted[above] - sorted[below]);
}

} // namespace

void Comparer::add(std::span<const float> reference, std::span<const float> quantized,
                   std::span<const int32_t> window) {
  assert(reference.size() == quantized.size() && reference.size() % window.size() == 0);
  size_t vocabulary = reference.size() / window.size();
  Window sums;
  for (size_t t = 0; t < window.size(); ++t) {
    auto f = reference.subspan(t * vocabulary, vocabulary), q = quantized.subspan(t * vocabulary, vocabulary);
    Normalizer nf = normalize(f), nq = normalize(q);
    double divergence = klDivergence(f, nf.logSum, q, nq.logSum);
    kl.push_back(divergence);
    sums.kl += divergence;
    sums.agreeing += nf.best == nq.best;
    ++sums.positions;
    if (t + 1 == window.size())
      break;
    size_t next = size_t(window[t + 1]);
    double lossF = nf.logSum - f[next], lossQ = nq.logSum - q[next];
    sums.nllFloat += lossF;
    sums.nllQuantized += lossQ;
    double deltaP = std::exp(-lossQ) - std::exp(-lossF);
    sums.deltaPSquared += deltaP * deltaP;
    sums.flips += (nf.best == next) != (nq.best == next);
    ++sums.predictions;
  }
  windows.push_back(sums);
}

Comparison Comparer::finish() const {
  Comparison result;
  Window total;
  auto accumulate = [](Window &into, const Window &w) {
    into.kl += w.kl;
    into.nllFloat += w.nllFloat;
    into.nllQuantized += w.nllQuantized;
    into.deltaPSquared += w.deltaPSquared;
    into.agreeing += w.agreeing;
    into.flips += w.flips;
    into.positions += w.positions;
    into.predictions += w.predictions;
  };
  for (const Window &w : windows)
    accumulate(total, w);
  result.positions = total.positions;
  result.predictions = total.predictions;
  if (total.positions == 0)
    return result;
  double positions = double(total.positions), predictions = double(std::max<int64_t>(total.predictions, 1));
  result.klMean = total.kl / positions;
  result.nllFloat = total.nllFloat / predictions;
  result.nllQuantized = total.nllQuantized / predictions;
  result.top1 = double(total.agreeing) / positions;
  result.flips = double(total.flips) / predictions;
  result.rmsDeltaP = std::sqrt(total.deltaPSquared / predictions);
  std::vector<double> sorted = kl;
  std::sort(sorted.begin(), sorted.end());
  // A NaN compares false with everything: it must show rather than hide in a corner of the order.
  bool broken = std::any_of(kl.begin(), kl.end(), [](double x) { return std::isnan(x); });
  double nan = std::numeric_limits<double>::quiet_NaN();
  result.klMedian = broken ? nan : quantile(sorted, 0.5);
  result.klP99 = broken ? nan : quantile(sorted, 0.99);
  result.klMax = broken ? nan : sorted.back();

  constexpr int rounds = 1000;
  std::mt19937_64 random(20240229);
  std::vector<double> means, deltas, agreements;
  for (int round = 0; round < rounds; ++round) {
    Window sample;
    for (size_t i = 0; i < windows.size(); ++i)
      accumulate(sample, windows[size_t(random() % windows.size())]);
    means.push_back(sample.kl / double(sample.positions));
    deltas.push_back((sample.nllQuantized - sample.nllFloat) / double(std::max<int64_t>(sample.predictions, 1)));
    agreements.push_back(double(sample.agreeing) / double(sample.positions));
  }
  auto interval = [&](std::vector<double> &values) -> Interval {
    if (broken)
      return {nan, nan};
    std::sort(values.begin(), values.end());
    return {quantile(values, 0.025), quantile(values, 0.975)};
  };
  result.klInterval = interval(means);
  result.deltaNllInterval = interval(deltas);
  result.top1Interval = interval(agreements);
  return result;
}

void SignalToNoise::add(std::span<const float> reference, std::span<const float> quantized) {
  assert(reference.size() == quantized.size());
  for (size_t i = 0; i < reference.size(); ++i) {
    double y = reference[i], error = y - double(quantized[i]);
    signal += y * y;
    noise += error * error;
  }
}

double SignalToNoise::decibel() const {
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

} // namespace qcc::eval
