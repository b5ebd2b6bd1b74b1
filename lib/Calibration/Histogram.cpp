//===- Histogram.cpp ------------------------------------------------------===//

#include "qcc/Calibration/Histogram.h"
#include "qcc/Quant/CodeFormat.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace qcc::calib {

void Histogram::widen(int exponent) {
  const int shift = exponent - exp;
  if (shift <= 0)
    return;
  for (size_t i = 1; i < kBins; ++i) {
    uint64_t moved = std::exchange(counts[i], 0);
    counts[shift < 11 ? i >> shift : 0] += moved; // kBins is 2^11
  }
  exp = exponent;
}

void Histogram::add(std::span<const float> finite) {
  float largest = 0;
  for (float value : finite)
    largest = std::max(largest, std::fabs(value));
  if (largest > 0) {
    int exponent;
    std::frexp(largest, &exponent); // largest < 2^exponent
    widen(exponent - 11);
  }
  const double perWidth = std::ldexp(1.0, -exp);
  for (float value : finite)
    ++counts[size_t(std::fabs(value) * perWidth)];
}

void Histogram::add(const Histogram &other) {
  widen(other.exp);
  Histogram widened = other;
  widened.widen(exp);
  for (size_t i = 0; i < kBins; ++i)
    counts[i] += widened.counts[i];
}

uint64_t Histogram::total() const { return std::accumulate(counts.begin(), counts.end(), uint64_t(0)); }

double Histogram::percentile(double share) const {
  const double wanted = share * double(total());
  uint64_t below = 0;
  for (size_t i = 0; i < kBins; ++i) {
    below += counts[i];
    if (below > 0 && double(below) >= wanted)
      return std::ldexp(double(i + 1), exp);
  }
  return 0;
}

float searchStaticScale(const Histogram &histogram, float absMax, StaticFormat format, int steps, double from,
                        double to) {
  const bool isInt = format == StaticFormat::Int8;
  const quant::CodeFormat codes = isInt ? quant::CodeFormat::intChannel(8) : quant::CodeFormat::e4m3Tensor();
  const float full = absMax / (isInt ? 127.0f : 448.0f);
  if (!std::isnormal(full))
    return 1;
  constexpr int kSamples = 4; ///< of a bin: a grid point may lie inside it
  const double width = std::ldexp(1.0, histogram.exponent());
  auto error = [&](float scale) {
    double sum = 0;
    for (size_t i = 0; i < Histogram::kBins; ++i) {
      if (histogram.bins()[i] == 0)
        continue;
      double bin = 0;
      for (int sample = 0; sample < kSamples; ++sample) {
        // The last bin reaches beyond the largest value.
        double x = std::min((double(i) + (sample + 0.5) / kSamples) * width, double(absMax));
        double difference = x - double(quant::roundToGrid(codes, float(x), scale));
        bin += difference * difference;
      }
      sum += bin * double(histogram.bins()[i]);
    }
    return sum;
  };
  float best = full;
  double least = error(full);
  for (int step = 0; step < steps; ++step) {
    float scale = float(full * (from + (to - from) * step / std::max(1, steps - 1)));
    if (double candidate = std::isnormal(scale) ? error(scale) : least; candidate < least) {
      least = candidate;
      best = scale;
    }
  }
  return best;
}

} // namespace qcc::calib
