//===- HistogramTest.cpp - Counts, percentiles and static scales -----------===//
//
// Oracle: the values themselves, sorted, or rounded one by one in double precision.
//
//===----------------------------------------------------------------------===//
#include "qcc/Calibration/Histogram.h"
#include "qcc/Quant/Formats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace qcc::calib;

namespace {

/// Mostly near zero, a few far out.
std::vector<float> heavyTailed(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::student_t_distribution<float> draw(4.0f);
  std::vector<float> values(count);
  for (float &value : values)
    value = draw(random);
  return values;
}

TEST(Histogram, OrderAndBatchesDoNotMatter) {
  std::vector<float> values = heavyTailed(10000, 1);
  values[77] = 4096; // widens late when added in order, first when reversed
  Histogram whole, pieces, left, right;
  whole.add(values);
  for (size_t i = 0; i < values.size(); i += 100)
    pieces.add(std::span(values).subspan(i, 100));
  left.add(std::span(values).first(3000));
  right.add(std::span(values).subspan(3000));
  right.add(left);
  EXPECT_EQ(whole.exponent(), 2);
  for (const Histogram *other : {&pieces, &right}) {
    EXPECT_EQ(other->exponent(), whole.exponent());
    EXPECT_TRUE(std::ranges::equal(other->bins(), whole.bins()));
  }
  EXPECT_EQ(whole.total(), values.size());
}

TEST(Histogram, ExtremeValues) {
  Histogram histogram;
  histogram.add(std::vector<float>{0, 0});
  EXPECT_EQ(histogram.percentile(1), std::ldexp(1.0, Histogram::kSmallest));
  histogram.add(std::vector<float>{1e-45f});
  histogram.add(std::vector<float>{-3.4028235e38f});
  EXPECT_EQ(histogram.total(), 4u);
  EXPECT_GE(histogram.percentile(1), 3.4028235e38);
  EXPECT_EQ(Histogram().percentile(0.5), 0);
}

TEST(Histogram, PercentilesAreWithinABin) {
  std::vector<float> values = heavyTailed(20000, 2);
  Histogram histogram;
  histogram.add(values);
  for (float &value : values)
    value = std::fabs(value);
  std::sort(values.begin(), values.end());
  for (double share : {0.01, 0.5, 0.99, 0.999, 1.0}) {
    double exact = double(values[size_t(std::ceil(share * double(values.size()))) - 1]),
           width = std::ldexp(1.0, histogram.exponent());
    EXPECT_GE(histogram.percentile(share), exact) << share;
    EXPECT_LE(histogram.percentile(share), exact + width) << share;
  }
}

double errorOf(std::span<const float> values, float scale, StaticFormat format) {
  double sum = 0;
  for (float value : values) {
    double rounded;
    if (format == StaticFormat::Int8)
      rounded = std::clamp(std::nearbyint(double(value) / double(scale)), -127.0, 127.0) * double(scale);
    else
      rounded = double(qcc::quant::e4m3ToFloat(qcc::quant::floatToE4M3(value / scale))) * double(scale);
    sum += (double(value) - rounded) * (double(value) - rounded);
  }
  return sum;
}

TEST(StaticScale, IsNearlyTheBestOfTheGrid) {
  for (StaticFormat format : {StaticFormat::Int8, StaticFormat::E4M3}) {
    std::vector<float> values = heavyTailed(20000, 3);
    float absMax = 0;
    for (float value : values)
      absMax = std::max(absMax, std::fabs(value));
    Histogram histogram;
    histogram.add(values);
    const float full = absMax / (format == StaticFormat::Int8 ? 127.0f : 448.0f);
    double best = errorOf(values, full, format), plain = best;
    for (int i = 0; i < 100; ++i)
      best = std::min(best, errorOf(values, float(full * (0.2 + 0.8 * i / 99)), format));
    double found = errorOf(values, searchStaticScale(histogram, absMax, format), format);
    EXPECT_LE(found, best * 1.02);
    EXPECT_LE(found, plain);
    if (format == StaticFormat::Int8) {
      EXPECT_LT(found, plain * 0.95) << "a long tail must be clipped for int8";
    }
  }
}

TEST(StaticScale, ZerosHaveScaleOne) { EXPECT_EQ(searchStaticScale(Histogram(), 0, StaticFormat::Int8), 1); }

} // namespace
