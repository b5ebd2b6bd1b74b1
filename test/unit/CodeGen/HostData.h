//===- HostData.h - Random inputs and comparisons -----------------*- C++ -*-===//
#ifndef QCC_TEST_UNIT_CODEGEN_HOSTDATA_H
#define QCC_TEST_UNIT_CODEGEN_HOSTDATA_H

#include "qcc/Quant/Formats.h"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace qcc::test {

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
inline std::vector<uint16_t> withPitch(const std::vector<uint16_t> &dense, int64_t rows, int64_t columns, int64_t pitch) {
  std::vector<uint16_t> padded(size_t(rows * pitch), 0x7fc0);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      padded[size_t(row * pitch + column)] = dense[size_t(row * columns + column)];
  return padded;
}

/// Distance to `expected` in units of its bf16 spacing, which near zero is that of `smallest`.
inline double bf16Steps(uint16_t actual, double expected, double smallest = 0x1p-20) {
  double magnitude = std::max(std::fabs(expected), smallest);
  double step = std::exp2(std::floor(std::log2(magnitude)) - 7);
  return std::fabs(double(quant::bf16ToFloat(actual)) - expected) / step;
}

} // namespace qcc::test

#endif // QCC_TEST_UNIT_CODEGEN_HOSTDATA_H
