//===- CholeskyTest.cpp - Factors multiplied back --------------------------===//

#include "qcc/Quant/Cholesky.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

using namespace qcc;
using namespace qcc::quant;

namespace {

/// B Bᵀ / n + shift · I of random B[n, inner].
std::vector<double> positiveDefinite(int64_t n, int64_t inner, double shift, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> b(n * inner), a(n * n);
  for (double &value : b)
    value = normal(random);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = i == j ? shift : 0;
      for (int64_t m = 0; m < inner; ++m)
        sum += b[i * inner + m] * b[j * inner + m] / double(inner);
      a[i * n + j] = sum;
    }
  return a;
}

// Sizes: one leaf, one more than a leaf, odd halves, several levels with and without a remainder.
const int64_t kSizes[] = {1, 2, 31, 32, 33, 100, 129, 257, 640};

TEST(Cholesky, FactorTimesItsTransposeIsTheMatrix) {
  for (int64_t n : kSizes) {
    std::vector<double> a = positiveDefinite(n, n + 5, 0.1, unsigned(n)), l = a;
    for (int64_t i = 0; i < n; ++i) // only the lower triangle may be read
      for (int64_t j = i + 1; j < n; ++j)
        l[i * n + j] = std::nan("");
    ASSERT_TRUE(choleskyLower(l.data(), n));
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j <= i; ++j) {
        double sum = 0;
        for (int64_t m = 0; m <= j; ++m)
          sum += l[i * n + m] * l[j * n + m];
        ASSERT_NEAR(sum, a[i * n + j], 1e-13 * double(n)) << n << ": " << i << ", " << j;
      }
  }
}

TEST(Cholesky, SolvesEachRow) {
  const int64_t n = 300, rows = 140, pitch = 310;
  std::vector<double> a = positiveDefinite(n, n + 5, 0.1, 7), l = a, x(rows * pitch), b(rows * pitch, 3.0);
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  for (double &value : x)
    value = normal(random);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t m = 0; m < n; ++m)
        sum += x[r * pitch + m] * a[m * n + j];
      b[r * pitch + j] = sum;
    }
  ASSERT_TRUE(choleskyLower(l.data(), n));
  solveRows(l.data(), n, b.data(), rows, pitch);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < pitch; ++j)
      ASSERT_NEAR(b[r * pitch + j], j < n ? x[r * pitch + j] : 3.0, 1e-9);
}

TEST(Cholesky, SameBitsForAnyNumberOfThreads) {
  const int64_t n = 1300;
  std::vector<double> a = positiveDefinite(n, 40, 0.1, 3), one = a, three = a;
  ASSERT_TRUE(choleskyLower(one.data(), n, 1));
  ASSERT_TRUE(choleskyLower(three.data(), n, 3));
  EXPECT_EQ(one, three);
}

TEST(Cholesky, NamesThePivotThatIsNotPositive) {
  // Rank 40 of 64: exact arithmetic has pivots of zero from 40 on.
  std::vector<double> a = positiveDefinite(64, 40, 0, 3);
  Status status = choleskyLower(a.data(), 64);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "matrix of 64 rows is not positive definite: pivot 40");
  std::vector<double> nan(64 * 64, std::nan(""));
  EXPECT_FALSE(choleskyLower(nan.data(), 64));
  std::vector<double> negative = positiveDefinite(100, 105, 0.1, 1);
  negative[70 * 100 + 70] = -1;
  EXPECT_FALSE(choleskyLower(negative.data(), 100));
}

} // namespace
