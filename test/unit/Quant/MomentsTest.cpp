//===- MomentsTest.cpp - Moments against sums in double precision ----------===//

#include "qcc/Quant/Moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace qcc;
using namespace qcc::quant;

namespace {

std::vector<float> gaussian(int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random) + 0.5f;
  return values;
}

Moments sumOf(const std::vector<float> &xq, const std::vector<float> &xf, int64_t k, std::vector<int64_t> batches,
              unsigned threads = 1) {
  MomentSum sum(k, !xf.empty(), threads);
  int64_t row = 0;
  for (int64_t rows : batches) {
    sum.add(std::span(xq).subspan(row * k, rows * k),
            xf.empty() ? std::span<const float>() : std::span(xf).subspan(row * k, rows * k), rows);
    row += rows;
  }
  EXPECT_EQ(row * k, int64_t(xq.size()));
  return *std::move(sum).finish();
}

TEST(Moments, AreMeansOfProductsWithinTheStatedBound) {
  // More than one tile of columns and more than two chunks of rows, neither a multiple.
  const int64_t k = 530, n = 2500;
  std::vector<float> xq = gaussian(n * k, 1), xf = gaussian(n * k, 2);
  Moments moments = sumOf(xq, xf, k, {n});
  EXPECT_EQ(moments.tokens, n);
  double factor = double(kMomentChunk + n / kMomentChunk + 2) * 0x1p-24;
  for (int64_t i = 0; i < k; i += 7)
    for (int64_t j = 0; j < k; j += 3) {
      double hessian = 0, hessianAbs = 0, cross = 0, crossAbs = 0;
      for (int64_t t = 0; t < n; ++t) {
        double qi = xq[t * k + i], qj = xq[t * k + j], difference = double(xf[t * k + i] - xq[t * k + i]);
        hessian += qi * qj, hessianAbs += std::fabs(qi * qj);
        cross += difference * qj, crossAbs += std::fabs(difference * qj);
      }
      ASSERT_NEAR(moments.hessian[i * k + j], hessian / n, factor * hessianAbs / n) << i << ", " << j;
      ASSERT_NEAR(moments.cross[i * k + j], cross / n, factor * crossAbs / n) << i << ", " << j;
      ASSERT_EQ(moments.hessian[i * k + j], moments.hessian[j * k + i]);
    }
}

TEST(Moments, DoNotDependOnBatchesOrThreads) {
  const int64_t k = 600, n = 2200;
  std::vector<float> xq = gaussian(n * k, 1), xf = gaussian(n * k, 2);
  Moments whole = sumOf(xq, xf, k, {n}), parts = sumOf(xq, xf, k, {1, 1023, 1, 700, 475}, 3);
  EXPECT_EQ(whole.hessian, parts.hessian);
  EXPECT_EQ(whole.cross, parts.cross);
}

TEST(Moments, HeldOutRowsStayApart) {
  const int64_t k = 5;
  std::vector<float> x = gaussian(20 * k, 1), held = gaussian(3 * k, 2);
  MomentSum sum(k, false);
  sum.add(x, {}, 20);
  sum.addHeldOut(held, {}, 2 + 1);
  Expected<Moments> moments = std::move(sum).finish();
  ASSERT_TRUE(moments);
  EXPECT_EQ(moments->hessian, sumOf(x, {}, k, {20}).hessian);
  EXPECT_EQ(moments->heldOutQuant, held);
  EXPECT_TRUE(moments->heldOutFloat.empty());
  EXPECT_EQ(moments->heldOut, 3);
  EXPECT_TRUE(moments->cross.empty());
}

TEST(Moments, RefuseWhatIsNotFiniteNamingTheColumnAndNoTokens) {
  const int64_t k = 8, n = 10;
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f}) {
    std::vector<float> xq = gaussian(n * k, 1), xf = gaussian(n * k, 2);
    (bad == 1e30f ? xq : xf)[3 * k + 6] = bad;
    MomentSum sum(k, true);
    sum.add(xq, xf, n);
    Expected<Moments> moments = std::move(sum).finish();
    ASSERT_FALSE(moments);
    EXPECT_NE(moments.error().message.find("column 6 of 8"), std::string::npos) << moments.error().message;
  }
  std::vector<float> good = gaussian(n * k, 1), held = gaussian(n * k, 2);
  held[2 * k + 5] = std::numeric_limits<float>::infinity();
  MomentSum sum(k, false);
  sum.add(good, {}, n);
  sum.addHeldOut(held, {}, n);
  Expected<Moments> moments = std::move(sum).finish();
  ASSERT_FALSE(moments);
  EXPECT_NE(moments.error().message.find("held-out inputs: NaN or infinity in column 5 of 8"), std::string::npos);
  Expected<Moments> none = MomentSum(k, false).finish();
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("no token"), std::string::npos);
}

} // namespace
