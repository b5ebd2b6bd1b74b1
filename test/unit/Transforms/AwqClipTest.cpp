//===- AwqClipTest.cpp - Limits of weights --------------------------------===//
//
// Oracle: outputs of one group in double precision, candidate by candidate.
//
//===----------------------------------------------------------------------===//
#include "AwqClip.h"
#include "qcc/Quant/ScaleSearch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace qcc;

namespace {

constexpr int64_t rows = 5, cols = 80, tokens = 64; // the last group is short
const quant::CodeFormat format = quant::CodeFormat::intGroup(4, 32);

/// Output error of one row's group when its weights are first clipped to ±limit, then rounded.
double outputError(std::span<const float> w, std::span<const float> x, int64_t begin, float limit) {
  std::vector<float> tried(w.begin(), w.end()), rounded(w.size());
  for (float &value : tried)
    value = std::clamp(value, -limit, limit);
  quant::decode(quant::roundToNearest(tried, 1, int64_t(w.size()), format), rounded);
  double sum = 0;
  for (int64_t t = 0; t < tokens; ++t) {
    double y = 0;
    for (size_t c = 0; c < w.size(); ++c)
      y += double(x[size_t(t * cols + begin) + c]) * (double(rounded[c]) - double(w[c]));
    sum += y * y;
  }
  return sum;
}

TEST(AwqClip, TakesTheBestLimitOfEachGroup) {
  std::mt19937 random(11);
  std::student_t_distribution<float> heavy(3.0f);
  std::normal_distribution<float> normal;
  std::vector<float> w(rows * cols), x(tokens * cols);
  for (float &value : w)
    value = heavy(random);
  for (float &value : x)
    value = normal(random);
  std::vector<float> clipped = clipWeights(w, rows, cols, format, x, 2);
  int changed = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t begin = 0; begin < cols; begin += 32) {
      std::span<const float> group =
          std::span(w).subspan(size_t(row * cols + begin), size_t(std::min<int64_t>(32, cols - begin)));
      float amax = 0;
      for (float value : group)
        amax = std::max(amax, std::fabs(value));
      float best = amax;
      double least = INFINITY;
      for (int step = 0; step < 10; ++step)
        if (double error = outputError(group, x, begin, amax * (1 - float(step) / 20)); error < least * (1 - 1e-9)) {
          least = error;
          best = amax * (1 - float(step) / 20);
        }
      changed += best != amax;
      for (size_t c = 0; c < group.size(); ++c)
        EXPECT_EQ(clipped[size_t(row * cols + begin) + c], std::clamp(group[c], -best, best)) << row << " " << begin;
    }
  EXPECT_GT(changed, 0) << "the test should have something to clip";
}

} // namespace
