//===- Layout.cpp - Fragment tiles of dense weights and their scales ------===//

#include "qcc/Quant/Layout.h"
#include "LayoutTiles.h"
#include "qcc/Quant/Formats.h"

#include <algorithm>

namespace qcc::quant {
namespace {

/// Tiles of one fragment a lane.
template <typename T>
void packWhole(FragmentFormat format, std::span<const T> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  ZeroPadded<T> weight{w, rows, cols};
  forEachLane(tileCols(format), paddedCols(cols), 16, out,
              [&](int64_t row, int64_t col, int lane, uint8_t *bytes) { fillFragment(weight, row, col, lane, bytes); });
}

/// Tiles of integer codes in which a lane holds several fragments: put(words, slab, reg, i, code) places the code of
/// element i of register `reg` of fragment `slab`, each fragment `slabCols` columns wide with `perReg` a register.
template <typename Put>
void packSlabs(FragmentFormat format, std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
               int perReg, Put put) {
  ZeroPadded<int8_t> weight{w, rows, cols};
  int64_t width = tileCols(format), slabCols = 8 * perReg;
  forEachLane(width, paddedCols(cols), 16, out, [&](int64_t row, int64_t col, int lane, uint8_t *bytes) {
    uint32_t words[4] = {};
    for (int slab = 0; slab < width / slabCols; ++slab)
      for (int reg = 0; reg < 4; ++reg)
        for (int i = 0; i < perReg; ++i)
          put(words, slab, reg, i,
              weight(row + lane / 4 + (reg & 1) * 8,
                     col + slab * slabCols + (lane % 4) * perReg + (reg / 2) * slabCols / 2 + i));
    std::memcpy(bytes, words, sizeof(words));
  });
}

/// [rows, groups] → [groups, paddedRows(rows)].
template <typename T, typename Value>
void transposePadded(std::span<const T> in, int64_t rows, int64_t groups, uint16_t padding, std::span<uint16_t> out,
                     Value value) {
  int64_t padded = paddedRows(rows);
  for (int64_t group = 0; group < groups; ++group)
    for (int64_t row = 0; row < padded; ++row)
      out[size_t(group * padded + row)] = row < rows ? value(in[size_t(row * groups + group)]) : padding;
}

} // namespace

int64_t tileCols(FragmentFormat format) {
  switch (format) {
  case FragmentFormat::BF16:
    return 16;
  case FragmentFormat::E4M3:
  case FragmentFormat::S8:
  case FragmentFormat::S8ToBF16:
  case FragmentFormat::BF16Sparse:
    return 32;
  case FragmentFormat::S4:
  case FragmentFormat::S4ToE4M3:
  case FragmentFormat::E4M3Sparse:
  case FragmentFormat::S8Sparse:
    return 64;
  }
  return 0;
}

int64_t packedBytes(FragmentFormat format, int64_t rows, int64_t cols) {
  return (rows + kTileRows - 1) / kTileRows * (paddedCols(cols) / tileCols(format)) * kTileBytes;
}

void packFragmentsBF16(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  packWhole(FragmentFormat::BF16, w, rows, cols, out);
}

void packFragmentsE4M3(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  packWhole(FragmentFormat::E4M3, w, rows, cols, out);
}

void packFragmentsS8(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  packWhole(FragmentFormat::S8, w, rows, cols, out);
}

void packFragmentsS8ToBF16(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  packSlabs(FragmentFormat::S8ToBF16, w, rows, cols, out, 2,
            [](uint32_t *words, int slab, int reg, int i, int8_t code) {
              words[2 * slab + reg / 2] |= uint32_t(uint8_t(code)) << (8 * (reg % 2) + 16 * i);
            });
}

void packFragmentsS4(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  packSlabs(FragmentFormat::S4, w, rows, cols, out, 2, [](uint32_t *words, int slab, int reg, int i, int8_t code) {
    words[slab] |= uint32_t(code + 8) << (4 * (reg + 4 * i));
  });
}

void packFragmentsS4ToE4M3(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out) {
  packSlabs(FragmentFormat::S4ToE4M3, w, rows, cols, out, 4,
            [](uint32_t *words, int slab, int reg, int i, int8_t code) {
              words[2 * slab + reg / 2] |= uint32_t(code & 0xf) << (16 * (reg % 2) + 4 * i);
            });
}

void packChannelScales(std::span<const float> scales, std::span<float> out) {
  std::copy(scales.begin(), scales.end(), out.begin());
  std::fill(out.begin() + scales.size(), out.end(), 1.0f);
}

void packTensorScale(float scale, int64_t rows, std::span<float> out) {
  std::fill(out.begin(), out.begin() + rows, scale);
  std::fill(out.begin() + rows, out.end(), 1.0f);
}

void packGroupScales(std::span<const uint16_t> scales, int64_t rows, int64_t groups, std::span<uint16_t> out) {
  transposePadded(scales, rows, groups, floatToBF16(1.0f), out, [](uint16_t scale) { return scale; });
}

void packGroupZeros(std::span<const int8_t> zeros, int64_t rows, int64_t groups, std::span<uint16_t> out) {
  transposePadded(zeros, rows, groups, 0, out, [](int8_t zero) { return floatToBF16(float(zero)); });
}

} // namespace qcc::quant
