//===- ActivationCodes.cpp ------------------------------------------------===//

#include "qcc/Quant/ActivationCodes.h"
#include "Rounding.h"
#include "qcc/Quant/Formats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qcc::quant {
namespace {

constexpr float kInt8Max = 127.0f;

/// NaN does not raise the maximum: it shows in its own code instead of erasing the row.
float absMax(std::span<const float> values) {
  float amax = 0;
  for (float value : values)
    amax = std::fabs(value) > amax ? std::fabs(value) : amax;
  return amax;
}

float normalOrOne(float scale) { return scale >= std::numeric_limits<float>::min() ? scale : 1.0f; }

int8_t encodeInt8(float value, float scale) {
  float steps = value / scale;
  return steps != steps ? int8_t(0) : int8_t(roundToInteger(clampTo(steps, -kInt8Max, kInt8Max)));
}

} // namespace

float scaleE4M3(float amax) { return normalOrOne(amax / kE4M3Max); }

float scaleInt8(float amax) {
  return std::isfinite(amax) ? normalOrOne(amax / kInt8Max) : std::numeric_limits<float>::quiet_NaN();
}

void quantizeE4M3PerRow(std::span<const float> x, int64_t rows, int64_t cols, std::span<uint8_t> codes,
                        std::span<float> scales) {
  quantizeE4M3PerGroup(x, rows, cols, cols, codes, scales);
}

void quantizeE4M3PerGroup(std::span<const float> x, int64_t rows, int64_t cols, int64_t group, std::span<uint8_t> codes,
                          std::span<float> scales) {
  float *scale = scales.data();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < cols; col += group, ++scale) {
      size_t begin = size_t(row * cols + col), count = size_t(std::min(group, cols - col));
      *scale = scaleE4M3(absMax(x.subspan(begin, count)));
      quantizeE4M3Static(x.subspan(begin, count), *scale, codes.subspan(begin, count));
    }
}

void quantizeE4M3Static(std::span<const float> x, float scale, std::span<uint8_t> codes) {
  for (size_t i = 0; i < x.size(); ++i)
    codes[i] = floatToE4M3(x[i] / scale);
}

void quantizeInt8PerRow(std::span<const float> x, int64_t rows, int64_t cols, std::span<int8_t> codes,
                        std::span<float> scales) {
  for (int64_t row = 0; row < rows; ++row) {
    std::span<const float> values = x.subspan(size_t(row * cols), size_t(cols));
    bool finite = std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
    float scale = finite ? scaleInt8(absMax(values)) : std::numeric_limits<float>::quiet_NaN();
    scales[size_t(row)] = scale;
    quantizeInt8Static(values, scale, codes.subspan(size_t(row * cols), size_t(cols)));
  }
}

void quantizeInt8Static(std::span<const float> x, float scale, std::span<int8_t> codes) {
  for (size_t i = 0; i < x.size(); ++i)
    codes[i] = encodeInt8(x[i], scale);
}

} // namespace qcc::quant
