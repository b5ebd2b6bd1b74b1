//===- ColumnScalesTest.cpp - Column scales are the minimum they claim --------------===//

#include "SyntheticLayer.h"
#include "qcc/Quant/Gptq.h"

#include <gtest/gtest.h>

#include <string>

using namespace qcc;
using namespace qcc::quant;

namespace {

/// Σ over tokens ‖W x_f - D diag(c) x_q‖² / tokens + λ‖W - D diag(c)‖², straight from the data.
double objective(const SyntheticLayer &layer, const std::vector<float> &d, const std::vector<double> &c,
                 double lambda) {
  int64_t k = layer.k, tokens = int64_t(layer.xq.size()) / k;
  double sum = 0;
  for (int64_t r = 0; r < layer.rows; ++r) {
    for (int64_t t = 0; t < tokens; ++t) {
      double error = 0;
      for (int64_t j = 0; j < k; ++j)
        error += double(layer.w[r * k + j]) * layer.xf[t * k + j] - d[r * k + j] * c[j] * layer.xq[t * k + j];
      sum += error * error / double(tokens);
    }
    for (int64_t j = 0; j < k; ++j) {
      double error = layer.w[r * k + j] - d[r * k + j] * c[j];
      sum += lambda * error * error;
    }
  }
  return sum;
}

TEST(ColumnScales, NoneIsBetterNearThem) {
  const int64_t rows = 24, k = 20;
  SyntheticLayer layer = syntheticLayer(rows, k, 200, 0, 0.1, 1);
  Moments moments = layer.moments(true, false);
  std::vector<float> d(rows * k);
  decode(roundToNearest(layer.w, rows, k, CodeFormat::intGroup(3, 0)), d);
  Expected<std::vector<float>> scales = columnScales(layer.w, d, rows, moments, 0.01);
  ASSERT_TRUE(scales);
  double mean = 0;
  for (int64_t i = 0; i < k; ++i)
    mean += moments.hessian[i * k + i] / double(k);
  std::vector<double> c(scales->begin(), scales->end());
  double least = objective(layer, d, c, 0.01 * mean);
  EXPECT_LT(least, 0.97 * objective(layer, d, std::vector<double>(k, 1.0), 0.01 * mean));
  for (int64_t j = 0; j < k; ++j)
    for (double step : {-0.01, 0.01}) {
      std::vector<double> moved = c;
      moved[j] += step;
      EXPECT_GT(objective(layer, d, moved, 0.01 * mean), least) << j;
    }
}

TEST(ColumnScales, AreOnesWhereNothingIsWrongOrNothingCanBeSaid) {
  const int64_t rows = 24, k = 40;
  SyntheticLayer layer = syntheticLayer(rows, k, 300, 0, 0, 2);
  Expected<std::vector<float>> same = columnScales(layer.w, layer.w, rows, layer.moments(false, false), 0.01);
  ASSERT_TRUE(same);
  for (float scale : *same)
    EXPECT_NEAR(scale, 1, 1e-4);
  std::vector<float> d = layer.w;
  for (int64_t r = 0; r < rows; ++r)
    d[r * k + 7] = 0;
  for (int64_t t = 0; t < 300; ++t)
    layer.xq[t * k + 9] = 0;
  Expected<std::vector<float>> partly = columnScales(layer.w, d, rows, layer.moments(false, false), 0.01);
  ASSERT_TRUE(partly);
  EXPECT_EQ((*partly)[7], 1);
  EXPECT_EQ((*partly)[9], 1);
}

TEST(ColumnScales, AreOnesWhenHeldOutRowsDisagree) {
  const int64_t rows = 8, k = 64;
  SyntheticLayer layer = syntheticLayer(rows, k, 100, 100, 0, 3);
  std::vector<float> d(rows * k);
  decode(roundToNearest(layer.w, rows, k, CodeFormat::intGroup(3, 0)), d);
  Moments moments = layer.moments(false, true);
  // Held-out inputs for which d is exact and any other scale is wrong: one weight that is its own code.
  std::fill(moments.heldOutQuant.begin(), moments.heldOutQuant.end(), 0.0f);
  for (int64_t t = 0; t < moments.heldOut; ++t)
    moments.heldOutQuant[t * k + 11] = 1;
  for (int64_t r = 0; r < rows; ++r)
    layer.w[r * k + 11] = d[r * k + 11];
  Expected<std::vector<float>> scales = columnScales(layer.w, d, rows, moments, 0.01);
  ASSERT_TRUE(scales);
  EXPECT_EQ(*scales, std::vector<float>(k, 1.0f));
  moments.heldOut = 0;
  moments.heldOutQuant.clear();
  EXPECT_NE(*columnScales(layer.w, d, rows, moments, 0.01), std::vector<float>(k, 1.0f));
}

TEST(ColumnScales, DoNotDependOnThreads) {
  const int64_t rows = 300, k = 600;
  SyntheticLayer layer = syntheticLayer(rows, k, 700, 50, 0.1, 4);
  std::vector<float> d(rows * k);
  decode(roundToNearest(layer.w, rows, k, CodeFormat::intGroup(3, 128)), d);
  Moments moments = layer.moments(true);
  EXPECT_EQ(*columnScales(layer.w, d, rows, moments, 0.01, 1), *columnScales(layer.w, d, rows, moments, 0.01, 3));
}

} // namespace
