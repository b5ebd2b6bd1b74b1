//===- GptqTest.cpp - Error feedback against its definition -----------------===//

#include "qcc/Quant/Gptq.h"
#include "SyntheticLayer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

using namespace qcc;
using namespace qcc::quant;

namespace {

/// A⁻¹ by Gauss-Jordan with pivoting.
std::vector<double> inverse(std::vector<double> a, int64_t n) {
  std::vector<double> result(n * n);
  for (int64_t i = 0; i < n; ++i)
    result[i * n + i] = 1;
  for (int64_t col = 0; col < n; ++col) {
    int64_t pivot = col;
    for (int64_t row = col; row < n; ++row)
      if (std::fabs(a[row * n + col]) > std::fabs(a[pivot * n + col]))
        pivot = row;
    for (int64_t j = 0; j < n; ++j) {
      std::swap(a[pivot * n + j], a[col * n + j]);
      std::swap(result[pivot * n + j], result[col * n + j]);
    }
    double diagonal = a[col * n + col];
    for (int64_t j = 0; j < n; ++j) {
      a[col * n + j] /= diagonal;
      result[col * n + j] /= diagonal;
    }
    for (int64_t row = 0; row < n; ++row)
      if (double factor = a[row * n + col]; row != col && factor != 0)
        for (int64_t j = 0; j < n; ++j) {
          a[row * n + j] -= factor * a[col * n + j];
          result[row * n + j] -= factor * result[col * n + j];
        }
  }
  return result;
}

double meanDiagonal(const Moments &moments) {
  double sum = 0;
  int64_t live = 0;
  for (int64_t i = 0; i < moments.k; ++i)
    if (double value = moments.hessian[i * moments.k + i]) {
      sum += value;
      ++live;
    }
  return live ? sum / double(live) : 0;
}

/// H + λI
std::vector<double> damped(const Moments &moments, double damping) {
  std::vector<double> h(moments.hessian.begin(), moments.hessian.end());
  for (int64_t i = 0; i < moments.k; ++i)
    h[i * moments.k + i] += damping * meanDiagonal(moments);
  return h;
}

/// tr(D H Dᵀ) with D = a - b.
double quadratic(const std::vector<float> &a, const std::vector<float> &b, int64_t rows, const std::vector<double> &h,
                 int64_t k) {
  double sum = 0;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = 0; j < k; ++j)
        sum += (double(a[r * k + i]) - b[r * k + i]) * h[i * k + j] * (double(a[r * k + j]) - b[r * k + j]);
  return sum;
}

std::vector<float> values(const CodedMatrix &coded) {
  std::vector<float> w(coded.rows * coded.cols);
  decode(coded, w);
  return w;
}

std::vector<float> diagonal(const Moments &moments) {
  std::vector<float> result(moments.k);
  for (int64_t i = 0; i < moments.k; ++i)
    result[i] = moments.hessian[i * moments.k + i];
  return result;
}

/// GPTQ as its paper states it: quantize a column, update the others with the inverse of the Hessian of what is left,
/// remove the column from that inverse.
std::vector<int8_t> direct(const std::vector<float> &w, int64_t rows, const Moments &moments, const CodedMatrix &scales,
                           double damping, ColumnOrder order, const std::vector<uint8_t> &mask) {
  int64_t k = moments.k;
  std::vector<double> inv = inverse(damped(moments, damping), k), current(w.begin(), w.end());
  std::vector<int64_t> columns(k);
  std::iota(columns.begin(), columns.end(), 0);
  if (order == ColumnOrder::Activation)
    std::stable_sort(columns.begin(), columns.end(),
                     [&](int64_t a, int64_t b) { return moments.hessian[a * k + a] > moments.hessian[b * k + b]; });
  std::vector<int8_t> codes(rows * k);
  for (int64_t step = 0; step < k; ++step) {
    int64_t i = columns[step];
    for (int64_t r = 0; r < rows; ++r) {
      size_t block = scales.blockOf(r, i);
      int zero = scales.zeros.empty() ? 0 : scales.zeros[block];
      double wanted = mask.empty() || mask[r * k + i] ? current[r * k + i] : 0;
      codes[r * k + i] = encode(scales.format, float(wanted), scales.scales[block], zero);
      double error = current[r * k + i] - decode(scales.format, codes[r * k + i], scales.scales[block], zero);
      for (int64_t later = step; later < k; ++later)
        current[r * k + columns[later]] -= error / inv[i * k + i] * inv[i * k + columns[later]];
    }
    std::vector<double> column(k);
    for (int64_t a = 0; a < k; ++a)
      column[a] = inv[a * k + i];
    for (int64_t a = 0; a < k; ++a)
      for (int64_t b = 0; b < k; ++b)
        inv[a * k + b] -= column[a] * column[b] / column[i];
  }
  return codes;
}

const CodeFormat kFormats[] = {
    CodeFormat::intGroup(4, 32),   CodeFormat::intGroup(4, 128), CodeFormat::intGroup(3, 32, true),
    CodeFormat::intChannel(8),     CodeFormat::e4m3Channel(),    CodeFormat::e4m3Tensor(),
    CodeFormat::e4m3Block(16, 32), CodeFormat::intGroup(2, 48),
};

TEST(Gptq, CodesAreThoseOfTheDefinition) {
  const int64_t rows = 20, k = 72;
  SyntheticLayer layer = syntheticLayer(rows, k, 500, 0, 0, 1);
  Moments moments = layer.moments(false, false);
  for (const CodeFormat &format : kFormats)
    for (ColumnOrder order : {ColumnOrder::Natural, ColumnOrder::Activation}) {
      GptqOptions options;
      options.order = order;
      options.descentPasses = 0;
      options.damping = 0.01;
      options.block = 16;
      Expected<GptqResult> result = gptq(layer.w, rows, moments, format, options);
      ASSERT_TRUE(result);
      CodedMatrix scales = searchScales(layer.w, rows, k, format, diagonal(moments), options.scales);
      EXPECT_EQ(result->coded.scales, scales.scales);
      EXPECT_EQ(result->coded.zeros, scales.zeros);
      EXPECT_EQ(result->coded.codes, direct(layer.w, rows, moments, scales, 0.01, order, {}))
          << format.bits << " bits, " << format.blockRows << "×" << format.blockCols;
    }
}

/// Least squares on the kept columns of each row: q A q ᵀ - 2 w A qᵀ least for A = H + λI.
std::vector<float> refitRows(const std::vector<float> &w, int64_t rows, const std::vector<double> &a, int64_t k,
                             const std::vector<uint8_t> &mask) {
  std::vector<float> result(rows * k);
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<int64_t> kept;
    for (int64_t i = 0; i < k; ++i)
      if (mask[r * k + i])
        kept.push_back(i);
    int64_t n = int64_t(kept.size());
    std::vector<double> some(n * n);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        some[i * n + j] = a[kept[i] * k + kept[j]];
    std::vector<double> inv = inverse(some, n);
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < n; ++j)
        for (int64_t m = 0; m < k; ++m)
          sum += inv[i * n + j] * a[kept[j] * k + m] * w[r * k + m];
      result[r * k + kept[i]] = float(sum);
    }
  }
  return result;
}

TEST(Gptq, MaskedWeightsAreZeroAndTheKeptOnesRefitBefore) {
  const int64_t rows = 12, k = 64;
  SyntheticLayer layer = syntheticLayer(rows, k, 500, 0, 0, 2);
  Moments moments = layer.moments(false, false);
  std::vector<uint8_t> mask(rows * k);
  for (int64_t i = 0; i < rows * k; ++i)
    mask[i] = (i + i / k) % 4 < 2;
  for (const CodeFormat &format : kFormats) {
    GptqOptions options;
    options.descentPasses = 0;
    Expected<GptqResult> result = gptq(layer.w, rows, moments, format, options, mask);
    ASSERT_TRUE(result);
    std::vector<float> target = refitRows(layer.w, rows, damped(moments, options.damping), k, mask);
    CodedMatrix scales = searchScales(target, rows, k, format, diagonal(moments), options.scales);
    std::vector<int8_t> expected =
        direct(target, rows, moments, scales, options.damping, ColumnOrder::Activation, mask);
    // Two solutions of the same equations round differently to f32: a scale may be off by an ulp and a code on a tie
    // by one.
    int64_t different = 0;
    for (size_t i = 0; i < expected.size(); ++i)
      different += expected[i] != result->coded.codes[i];
    EXPECT_LE(different, 2);
    options.descentPasses = 3;
    result = gptq(layer.w, rows, moments, format, options, mask);
    std::vector<float> q = values(result->coded);
    for (size_t i = 0; i < q.size(); ++i)
      if (!mask[i]) {
        ASSERT_EQ(q[i], 0) << i;
      }
  }
}

TEST(Gptq, DoesNotDependOnBlockSizeOrThreads) {
  const int64_t rows = 80, k = 200;
  SyntheticLayer layer = syntheticLayer(rows, k, 600, 100, 0.05, 3);
  Moments moments = layer.moments(true);
  for (const CodeFormat &format : kFormats) {
    GptqOptions options;
    GptqResult reference = *gptq(layer.w, rows, moments, format, options);
    for (int64_t block : {1, 7, 64, 200, 1000}) {
      options.block = block;
      options.threads = unsigned(block % 3 + 1);
      GptqResult other = *gptq(layer.w, rows, moments, format, options);
      std::vector<float> a = values(reference.coded), b = values(other.coded);
      double difference = 0, total = 0;
      for (size_t i = 0; i < a.size(); ++i) {
        difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
        total += double(a[i]) * a[i];
      }
      EXPECT_LE(std::sqrt(difference / total), 1e-6) << block;
      EXPECT_NEAR(other.report.trainError, reference.report.trainError, 1e-6 * reference.report.trainError);
    }
    options = {};
    options.threads = 3;
    GptqResult threads = *gptq(layer.w, rows, moments, format, options);
    EXPECT_EQ(threads.coded.codes, reference.coded.codes);
    EXPECT_EQ(threads.coded.scales, reference.coded.scales);
    EXPECT_EQ(threads.report.trainError, reference.report.trainError);
    EXPECT_EQ(threads.report.heldOutError, reference.report.heldOutError);
  }
}

TEST(Gptq, CorrectionIsTheClosedForm) {
  const int64_t rows = 9, k = 40;
  SyntheticLayer layer = syntheticLayer(rows, k, 400, 0, 0.1, 4);
  Moments moments = layer.moments(true, false);
  std::vector<double> inv = inverse(damped(moments, 0.02), k);
  Expected<std::vector<float>> corrected = correctedWeights(layer.w, rows, moments, 0.02, 0.6);
  ASSERT_TRUE(corrected);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < k; ++j) {
      double sum = 0;
      for (int64_t a = 0; a < k; ++a)
        for (int64_t b = 0; b < k; ++b)
          sum += double(layer.w[r * k + a]) * moments.cross[a * k + b] * inv[b * k + j];
      double wanted = layer.w[r * k + j] + 0.6 * sum;
      // W D is kept in f32, and (H + λI)⁻¹ can magnify its rounding by the condition number, at most k / damping.
      EXPECT_NEAR((*corrected)[r * k + j], wanted, 1e-5 * std::fabs(wanted) + 1e-6);
    }
  EXPECT_EQ(*correctedWeights(layer.w, rows, moments, 0.02, 0), layer.w);
}

TEST(Gptq, ReportsTheErrorOfWhatItReturnsAndDescentOnlyLowersIt) {
  const int64_t rows = 40, k = 96;
  SyntheticLayer layer = syntheticLayer(rows, k, 600, 200, 0.05, 5);
  Moments moments = layer.moments(true);
  std::vector<double> h(moments.hessian.begin(), moments.hessian.end());
  std::vector<float> none(rows * k), target = *correctedWeights(layer.w, rows, moments, 0.05, 0.75);
  for (const CodeFormat &format : kFormats) {
    double last = std::numeric_limits<double>::infinity();
    for (int passes : {0, 1, 2, 5}) {
      GptqOptions options;
      options.descentPasses = passes;
      GptqResult result = *gptq(layer.w, rows, moments, format, options);
      std::vector<float> q = values(result.coded);
      double cost = quadratic(target, q, rows, h, k), train = cost / quadratic(layer.w, none, rows, h, k);
      // The corrected weights are rounded to f32 here and there, and stored values f32 products.
      EXPECT_NEAR(result.report.trainError, train, 1e-4 * train);
      EXPECT_NEAR(result.report.heldOutError, heldOutError(layer.w, q, rows, moments), 1e-12);
      EXPECT_LE(cost, last * (1 + 1e-12));
      last = cost;
    }
  }
}

TEST(Gptq, IsBetterThanRoundingWithTheSameScales) {
  const int64_t rows = 64, k = 192;
  SyntheticLayer layer = syntheticLayer(rows, k, 1500, 0, 0, 6);
  Moments moments = layer.moments(false, false);
  std::vector<double> h(moments.hessian.begin(), moments.hessian.end());
  for (const CodeFormat &format : kFormats) {
    GptqOptions options;
    options.descentPasses = 0;
    std::vector<float> q = values(gptq(layer.w, rows, moments, format, options)->coded);
    std::vector<float> rounded = values(roundToNearest(layer.w, rows, k, format, diagonal(moments), options.scales));
    EXPECT_LT(quadratic(layer.w, q, rows, h, k), 0.7 * quadratic(layer.w, rounded, rows, h, k));
  }
}

TEST(Gptq, DeadColumnsAreStoredAsZero) {
  const int64_t rows = 16, k = 64;
  SyntheticLayer layer = syntheticLayer(rows, k, 300, 0, 0.05, 7);
  for (int64_t t = 0; t < 300; ++t)
    layer.xq[t * k + 3] = layer.xq[t * k + 40] = 0;
  for (bool withCross : {false, true}) {
    Moments moments = layer.moments(withCross, false);
    for (const CodeFormat &format : kFormats) {
      GptqResult result = *gptq(layer.w, rows, moments, format, {});
      EXPECT_EQ(result.report.deadColumns, 2);
      EXPECT_EQ(result.report.escalations, 0);
      std::vector<float> q = values(result.coded);
      for (int64_t r = 0; r < rows; ++r)
        EXPECT_EQ(std::fabs(q[r * k + 3]) + std::fabs(q[r * k + 40]), 0);
    }
  }
  std::fill(layer.xq.begin(), layer.xq.end(), 0.0f);
  GptqResult result = *gptq(layer.w, rows, layer.moments(false, false), CodeFormat::intGroup(4, 32), {});
  EXPECT_EQ(result.report.deadColumns, k);
  EXPECT_EQ(result.report.trainError, 0);
}

TEST(Gptq, RaisesTheDampingOfASingularHessianAndSaysSo) {
  const int64_t rows = 8, k = 64;
  SyntheticLayer layer = syntheticLayer(rows, k, 10, 0, 0, 8); // 10 tokens span 10 of 64 directions
  Moments moments = layer.moments(false, false);
  GptqOptions options;
  options.damping = 0;
  GptqResult result = *gptq(layer.w, rows, moments, CodeFormat::intGroup(4, 32), options);
  EXPECT_GE(result.report.escalations, 1);
  EXPECT_GT(result.report.damping, 0);
  options.damping = result.report.damping;
  GptqResult again = *gptq(layer.w, rows, moments, CodeFormat::intGroup(4, 32), options);
  EXPECT_EQ(again.report.escalations, 0);
  EXPECT_EQ(again.coded.codes, result.coded.codes);
}

TEST(Gptq, RefusesWhatItCannotSolve) {
  const int64_t rows = 8, k = 32;
  SyntheticLayer layer = syntheticLayer(rows, k, 100, 10, 0, 9);
  const Moments good = layer.moments(false);
  CodeFormat format = CodeFormat::intGroup(4, 32);
  auto message = [&](const std::vector<float> &w, const Moments &moments, GptqOptions options = {}) {
    Expected<GptqResult> result = gptq(w, rows, moments, format, options);
    return result ? std::string("accepted") : result.error().message;
  };
  EXPECT_EQ(message(layer.w, good), "accepted");
  Moments indefinite = good;
  for (int64_t i = 0; i < k; ++i) // -1e9 off the diagonal: no damping up to 5e8 helps
    for (int64_t j = 0; j < k; ++j)
      if (i != j)
        indefinite.hessian[i * k + j] = -1e12f;
  EXPECT_NE(message(layer.w, indefinite).find("not positive definite even with a damping of 5e+08 (started at 0.05)"),
            std::string::npos)
      << message(layer.w, indefinite);
  Moments nan = good;
  nan.hessian[5 * k + 5] = std::nanf("");
  EXPECT_NE(message(layer.w, nan).find("diagonal element 5 of 32 is nan"), std::string::npos);
  Moments hidden = good;
  hidden.hessian[7 * k + 5] = hidden.hessian[5 * k + 7] = std::nanf("");
  EXPECT_NE(message(layer.w, hidden).find("not positive definite"), std::string::npos);
  std::vector<float> w = layer.w;
  w[3 * k + 9] = std::numeric_limits<float>::infinity();
  EXPECT_NE(message(w, good).find("row 3, column 9 (1 such elements of 256)"), std::string::npos);
  w.resize(5);
  EXPECT_NE(message(w, good).find("of another layer or model"), std::string::npos);
  GptqOptions options;
  options.damping = -1;
  EXPECT_NE(message(layer.w, good, options).find("damping -1"), std::string::npos);
}

} // namespace
