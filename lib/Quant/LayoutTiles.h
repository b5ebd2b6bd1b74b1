//===- LayoutTiles.h - Fragments of mma.sync, tile by tile ----------------===//
#ifndef QCC_LIB_QUANT_LAYOUTTILES_H
#define QCC_LIB_QUANT_LAYOUTTILES_H

#include "qcc/Quant/Layout.h"

#include <cstring>

namespace qcc::quant {

/// A weight matrix that reads as zero outside its bounds.
template <typename T> struct ZeroPadded {
  std::span<const T> data;
  int64_t rows, cols;
  T operator()(int64_t row, int64_t col) const {
    return row < rows && col < cols ? data[size_t(row * cols + col)] : T(0);
  }
};

/// Calls fill(firstRow, firstCol, lane, bytes) for each lane of each tile of `laneBytes` bytes a lane, in storage
/// order, until `out` is full.
template <typename Fill>
void forEachLane(int64_t width, int64_t cols, int laneBytes, std::span<uint8_t> out, Fill fill) {
  uint8_t *bytes = out.data();
  for (int64_t row = 0; bytes != out.data() + out.size(); row += kTileRows)
    for (int64_t col = 0; col < cols; col += width)
      for (int lane = 0; lane < 32; ++lane, bytes += laneBytes)
        fill(row, col, lane, bytes);
}

/// The A fragment of 16-bit values of a lane: registers a0…a3 of two columns each.
inline void fillFragment(const ZeroPadded<uint16_t> &w, int64_t row, int64_t col, int lane, uint8_t *bytes) {
  uint16_t values[8];
  for (int reg = 0; reg < 4; ++reg)
    for (int i = 0; i < 2; ++i)
      values[reg * 2 + i] = w(row + lane / 4 + (reg & 1) * 8, col + (lane % 4) * 2 + (reg / 2) * 8 + i);
  std::memcpy(bytes, values, sizeof(values));
}

/// The A fragment of 8-bit values of a lane: registers a0…a3 of four columns each.
template <typename T> void fillFragment(const ZeroPadded<T> &w, int64_t row, int64_t col, int lane, uint8_t *bytes) {
  static_assert(sizeof(T) == 1);
  for (int reg = 0; reg < 4; ++reg)
    for (int i = 0; i < 4; ++i)
      bytes[reg * 4 + i] = uint8_t(w(row + lane / 4 + (reg & 1) * 8, col + (lane % 4) * 4 + (reg / 2) * 16 + i));
}

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_LAYOUTTILES_H
