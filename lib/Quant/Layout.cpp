//===- Layout.cpp - Fragment tiles ----------------------------------------===//

#include "qcc/Quant/Layout.h"

#include <algorithm>
#include <cstring>

namespace qcc::quant {
namespace {

/// A weight matrix that reads as zero outside its bounds.
template <typename T> struct ZeroPadded {
  std::span<const T> data;
  int64_t rows, cols;
  T operator()(int64_t row, int64_t col) const { return row < rows && col < cols ? data[row * cols + col] : T(0); }
};

/// Calls fill(firstRow, firstCol, lane, bytes) for each lane of each tile in storage order.
template <typename Fill>
void forEachLane(FragmentFormat format, int64_t rows, int64_t cols, std::span<uint8_t> out, Fill fill) {
  int64_t width = tileCols(format);
  uint8_t *bytes = out.data();
  for (int64_t row = 0; row < rows; row += kTileRows)
    for (int64_t col = 0; col < paddedCols(cols); col += width)
      for (int lane = 0; lane < 32; ++lane, bytes += 16)
        fill(row, col, lane, bytes);
}

} // namespace

int64_t tileCols(FragmentFormat format) {
  switch (format) {
  case FragmentFormat::BF16:
    return 16;
  case FragmentFormat::E4M3:
    return 32;
  case FragmentFormat::S4:
    return 64;
  }
  return 0;
}

int64_t packedBytes(FragmentFormat format, int64_t rows, int64_t cols) {
  return (rows + kTileRows - 1) / kTileRows * (paddedCols(cols) / tileCols(format)) * kTileBytes;
}

void packFragmentsBF16(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  ZeroPadded<uint16_t> weight{w, rows, cols};
  forEachLane(FragmentFormat::BF16, rows, cols, out, [&](int64_t row, int64_t col, int lane, uint8_t *bytes) {
    uint16_t values[8];
    for (int reg = 0; reg < 4; ++reg)
      for (int i = 0; i < 2; ++i)
        values[reg * 2 + i] = weight(row + lane / 4 + (reg & 1) * 8, col + (lane % 4) * 2 + (reg / 2) * 8 + i);
    std::memcpy(bytes, values, sizeof(values));
  });
}

void packFragmentsE4M3(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  ZeroPadded<uint8_t> weight{w, rows, cols};
  forEachLane(FragmentFormat::E4M3, rows, cols, out, [&](int64_t row, int64_t col, int lane, uint8_t *bytes) {
    for (int reg = 0; reg < 4; ++reg)
      for (int i = 0; i < 4; ++i)
        bytes[reg * 4 + i] = weight(row + lane / 4 + (reg & 1) * 8, col + (lane % 4) * 4 + (reg / 2) * 16 + i);
  });
}

void packFragmentsS4(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  ZeroPadded<int8_t> weight{w, rows, cols};
  forEachLane(FragmentFormat::S4, rows, cols, out, [&](int64_t row, int64_t col, int lane, uint8_t *bytes) {
    uint32_t words[4] = {};
    for (int slab = 0; slab < 4; ++slab)
      for (int reg = 0; reg < 4; ++reg)
        for (int i = 0; i < 2; ++i) {
          int8_t code = weight(row + lane / 4 + (reg & 1) * 8, col + slab * 16 + (lane % 4) * 2 + (reg / 2) * 8 + i);
          words[slab] |= uint32_t(code + 8) << (4 * (reg + 4 * i));
        }
    std::memcpy(bytes, words, sizeof(words));
  });
}

void packChannelScales(std::span<const float> scales, std::span<float> out) {
  std::copy(scales.begin(), scales.end(), out.begin());
  std::fill(out.begin() + scales.size(), out.end(), 1.0f);
}

void packGroupScales(std::span<const uint16_t> scales, int64_t rows, int64_t groups, std::span<uint16_t> out) {
  constexpr uint16_t one = 0x3f80;
  int64_t padded = paddedRows(rows);
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t row = 0; row < padded; ++row)
      out[group * padded + row] = row < rows ? scales[row * groups + group] : one;
}

} // namespace qcc::quant
