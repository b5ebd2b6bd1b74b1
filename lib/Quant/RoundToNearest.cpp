//===- RoundToNearest.cpp -------------------------------------------------===//

#include "qcc/Quant/RoundToNearest.h"
#include "qcc/Quant/Formats.h"

#include <algorithm>
#include <cmath>

namespace qcc::quant {
namespace {

/// NaN does not raise the maximum: it shows in its own code instead of erasing the row.
float absMax(std::span<const float> values) {
  float amax = 0;
  for (float value : values)
    amax = std::fabs(value) > amax ? std::fabs(value) : amax;
  return amax;
}

} // namespace

std::optional<NonFinite> findNonFinite(std::span<const float> values) {
  NonFinite found;
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) {
      if (found.count++ == 0)
        found.first = int64_t(i);
    }
  if (found.count == 0)
    return std::nullopt;
  return found;
}

void dequantizeE4M3PerRow(std::span<const uint8_t> codes, std::span<const float> scales, int64_t rows, int64_t cols,
                          std::span<float> x) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < cols; ++col)
      x[row * cols + col] = e4m3ToFloat(codes[row * cols + col]) * scales[row];
}

uint16_t scaleInt4(float amax) {
  float scale = roundToBF16(amax / 7.5f);
  return floatToBF16(scale >= 0x1p-126f ? scale : 1.0f);
}

void quantizeInt4PerGroup(std::span<const float> w, int64_t rows, int64_t cols, int64_t group, std::span<int8_t> codes,
                          std::span<uint16_t> scales) {
  int64_t groups = groupCount(cols, group);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t g = 0; g < groups; ++g) {
      int64_t begin = g * group, size = std::min(group, cols - begin);
      std::span<const float> values = w.subspan(row * cols + begin, size);
      uint16_t stored = scaleInt4(absMax(values));
      scales[row * groups + g] = stored;
      float scale = bf16ToFloat(stored);
      for (int64_t i = 0; i < size; ++i)
        codes[row * cols + begin + i] = int8_t(std::clamp(std::nearbyint(values[i] / scale), -8.0f, 7.0f));
    }
}

void dequantizeInt4PerGroup(std::span<const int8_t> codes, std::span<const uint16_t> scales, int64_t rows, int64_t cols,
                            int64_t group, std::span<float> w) {
  int64_t groups = groupCount(cols, group);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < cols; ++col)
      w[row * cols + col] = float(codes[row * cols + col]) * bf16ToFloat(scales[row * groups + col / group]);
}

} // namespace qcc::quant
