//===- RandomData.h - Random inputs and comparisons ---------------*- C++ -*-===//
#ifndef QCC_BENCH_KERNELS_RANDOMDATA_H
#define QCC_BENCH_KERNELS_RANDOMDATA_H

#include "CaseResult.h"
#include "qcc/Quant/Formats.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace qcc::bench {

/// Normally distributed values, the same on every machine for a seed.
class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}

  /// Sum of twelve uniforms: normal enough, and without the library's unspecified algorithms.
  float normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i)
      sum += double(engine() >> 11) * 0x1p-53;
    return float(sum);
  }
  int64_t below(int64_t limit) { return int64_t(engine() % uint64_t(limit)); }

  std::vector<uint16_t> bf16(size_t count, float scale = 1.0f) {
    std::vector<uint16_t> values(count);
    for (uint16_t &value : values)
      value = quant::floatToBF16(normal() * scale);
    return values;
  }
  std::vector<float> floats(size_t count, float scale = 1.0f) {
    std::vector<float> values(count);
    for (float &value : values)
      value = normal() * scale;
    return values;
  }

private:
  std::mt19937_64 engine;
};

/// A row of bf16 with the pitch of an activation; the tail holds NaN, which must never reach a result.
inline std::vector<uint16_t> withPitch(const std::vector<uint16_t> &dense, int64_t rows, int64_t columns,
                                       int64_t pitch) {
  std::vector<uint16_t> padded(size_t(rows * pitch), 0x7fc0);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      padded[size_t(row * pitch + column)] = dense[size_t(row * columns + column)];
  return padded;
}

/// Spacing of bf16 at `value`, which near zero is that of 2^-20.
inline double bf16Step(double value) {
  return std::exp2(std::floor(std::log2(std::max(std::fabs(value), 0x1p-20))) - 7);
}

/// Whether f32 arithmetic (relative error up to 2^-20) may round `value` to another bf16 than exact arithmetic does.
inline bool nearBoundary(double value) {
  return quant::floatToBF16(float(value * (1 + 0x1p-20))) != quant::floatToBF16(float(value * (1 - 0x1p-20)));
}

/// Gathers the comparisons of one case: the first failure, and how near its bound the worst error came.
class Comparison {
public:
  void near(double actual, double expected, double bound, const char *what, int64_t row, int64_t column) {
    double error = std::fabs(actual - expected);
    if (!(error <= bound)) // NaN fails
      fail(what, row, column, actual, expected);
    else
      outcome.worst = std::max(outcome.worst, bound > 0 ? error / bound : 0);
  }
  void equal(double actual, double expected, const char *what, int64_t row, int64_t column) {
    if (actual != expected)
      fail(what, row, column, actual, expected);
  }
  /// Equal, or both NaN.
  void same(double actual, double expected, const char *what, int64_t row, int64_t column) {
    if (!(std::isnan(actual) && std::isnan(expected)))
      equal(actual, expected, what, row, column);
  }
  void error(const std::string &message) {
    if (outcome.failure.empty())
      outcome.failure = message;
  }
  bool failed() const { return !outcome.failure.empty(); }
  const CaseResult &result() const { return outcome; }

private:
  void fail(const char *what, int64_t row, int64_t column, double actual, double expected) {
    error(std::string(what) + " at row " + std::to_string(row) + ", column " + std::to_string(column) + " is " +
          std::to_string(actual) + ", expected " + std::to_string(expected));
  }
  CaseResult outcome;
};

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_RANDOMDATA_H
