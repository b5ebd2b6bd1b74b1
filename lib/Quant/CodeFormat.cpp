//===- CodeFormat.cpp - Codes and the numbers they stand for --------------===//

#include "qcc/Quant/CodeFormat.h"
#include "Rounding.h"
#include "qcc/Quant/Formats.h"

#include <algorithm>
#include <cmath>

namespace qcc::quant {

int8_t encode(const CodeFormat &format, float value, float scale, int zero) {
  if (format.kind == CodeFormat::Kind::E4M3)
    return int8_t(floatToE4M3(value / scale));
  // Clamped first: both ends are integers, and the sum of two integers is rounded the same before and after.
  float steps = clampTo(value / scale, float(format.minCode() - zero), float(format.maxCode() - zero));
  return int8_t(int(roundToInteger(steps)) + zero);
}

float decode(const CodeFormat &format, int8_t code, float scale, int zero) {
  if (format.kind == CodeFormat::Kind::E4M3)
    return e4m3ToFloat(uint8_t(code)) * scale;
  return float(int(code) - zero) * scale;
}

float roundToGrid(const CodeFormat &format, float value, float scale, int zero) {
  return decode(format, encode(format, value, scale, zero), scale, zero);
}

float storedScale(const CodeFormat &format, float scale) {
  if (format.scale == CodeFormat::ScaleType::BF16)
    scale = roundToBF16(scale);
  return std::isnormal(scale) ? scale : 1.0f;
}

void decode(const CodedMatrix &matrix, std::span<float> w) {
  int64_t width = matrix.format.colsOf(matrix.cols);
  for (int64_t row = 0; row < matrix.rows; ++row)
    for (int64_t begin = 0; begin < matrix.cols; begin += width) {
      size_t block = matrix.blockOf(row, begin);
      int zero = matrix.zeros.empty() ? 0 : matrix.zeros[block];
      for (int64_t col = begin; col < std::min(begin + width, matrix.cols); ++col) {
        size_t i = size_t(row * matrix.cols + col);
        w[i] = decode(matrix.format, matrix.codes[i], matrix.scales[block], zero);
      }
    }
}

} // namespace qcc::quant
