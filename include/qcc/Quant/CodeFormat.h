//===- CodeFormat.h - How a weight matrix is stored ---------------*- C++ -*-===//
//
// A weight W[rows, cols] (rows are out-features) is stored as codes, scales and perhaps zero points:
//
//   W[r, c] = (code[r, c] - zero[b]) · scale[b],   b = the block of (r, c)
//
// Scales are rounded to their stored type before codes are computed, so that codes are optimal for the scale that will
// be used. A scale may be negative where a search finds that better: the integer grid has one level more on its
// negative side.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_CODEFORMAT_H
#define QCC_QUANT_CODEFORMAT_H

#include <cstdint>
#include <span>
#include <vector>

namespace qcc::quant {

struct CodeFormat {
  enum class Kind { Int, E4M3 };
  enum class ScaleType { F32, BF16 };
  Kind kind = Kind::Int;
  int bits = 4;           ///< of Int: 2, 3, 4 or 8
  bool zeroPoint = false; ///< of Int: codes and zero points in [-2^(bits-1), 2^(bits-1) - 1]
  ScaleType scale = ScaleType::BF16;
  int64_t blockRows = 1;   ///< rows that share a scale; 0: all
  int64_t blockCols = 128; ///< columns that share a scale; 0: all. The last block of a row may be short

  static CodeFormat intGroup(int bits, int64_t group, bool zeroPoint = false) {
    return {Kind::Int, bits, zeroPoint, ScaleType::BF16, 1, group};
  }
  static CodeFormat intChannel(int bits) { return {Kind::Int, bits, false, ScaleType::F32, 1, 0}; }
  static CodeFormat e4m3Channel() { return {Kind::E4M3, 8, false, ScaleType::F32, 1, 0}; }
  static CodeFormat e4m3Tensor() { return {Kind::E4M3, 8, false, ScaleType::F32, 0, 0}; }
  static CodeFormat e4m3Block(int64_t rows, int64_t cols) { return {Kind::E4M3, 8, false, ScaleType::F32, rows, cols}; }

  int64_t rowsOf(int64_t rows) const { return blockRows == 0 ? (rows > 0 ? rows : 1) : blockRows; }
  int64_t colsOf(int64_t cols) const { return blockCols == 0 ? (cols > 0 ? cols : 1) : blockCols; }
  /// Extents of the array of scales.
  int64_t scaleRows(int64_t rows) const { return (rows + rowsOf(rows) - 1) / rowsOf(rows); }
  int64_t scaleCols(int64_t cols) const { return (cols + colsOf(cols) - 1) / colsOf(cols); }
  /// Largest and smallest code of Int.
  int maxCode() const { return (1 << (bits - 1)) - 1; }
  int minCode() const { return -(1 << (bits - 1)); }
};

/// A stored weight. Codes are a byte each: the integer, or the bits of an e4m3 number.
struct CodedMatrix {
  CodeFormat format;
  int64_t rows = 0, cols = 0;
  std::vector<int8_t> codes; ///< [rows, cols]
  std::vector<float> scales; ///< [scaleRows, scaleCols], values of the scale's stored type, never zero
  std::vector<int8_t> zeros; ///< like scales; empty without zero points

  size_t blockOf(int64_t row, int64_t col) const {
    return size_t(row / format.rowsOf(rows) * format.scaleCols(cols) + col / format.colsOf(cols));
  }
};

/// A finite value / scale to the nearest number of steps, ties to even, + zero, saturating; `scale` is a stored scale.
int8_t encode(const CodeFormat &format, float value, float scale, int zero = 0);
/// The number a code stands for.
float decode(const CodeFormat &format, int8_t code, float scale, int zero = 0);
/// decode(encode(value)).
float roundToGrid(const CodeFormat &format, float value, float scale, int zero = 0);
/// Rounds to the scale's stored type; what would not be a normal number of it becomes 1 (all codes are then zero).
float storedScale(const CodeFormat &format, float scale);

/// All values, into w[rows, cols].
void decode(const CodedMatrix &matrix, std::span<float> w);

} // namespace qcc::quant

#endif // QCC_QUANT_CODEFORMAT_H
