//===- RowCodes.h - One row of a coded matrix, without divisions per element -------*- C++ -*-===//
#ifndef QCC_LIB_QUANT_ROWCODES_H
#define QCC_LIB_QUANT_ROWCODES_H

#include "qcc/Quant/CodeFormat.h"

#include <vector>

namespace qcc::quant {

/// Which block of its row each column lies in.
inline std::vector<int32_t> blocksOfColumns(const CodeFormat &format, int64_t cols) {
  std::vector<int32_t> blocks(cols);
  for (int64_t col = 0, width = format.colsOf(cols); col < cols; ++col)
    blocks[col] = int32_t(col / width);
  return blocks;
}

/// A row of `coded`; `blocks` is blocksOfColumns of its format.
class RowCodes {
public:
  RowCodes(CodedMatrix &coded, const std::vector<int32_t> &blocks, int64_t row)
      : format(coded.format), blocks(blocks.data()), codes(coded.codes.data() + row * coded.cols) {
    size_t first = coded.blockOf(row, 0);
    scales = coded.scales.data() + first;
    zeros = coded.zeros.empty() ? nullptr : coded.zeros.data() + first;
  }

  float scale(int64_t col) const { return scales[blocks[col]]; }
  int zero(int64_t col) const { return zeros ? zeros[blocks[col]] : 0; }
  float value(int64_t col) const { return decode(format, codes[col], scale(col), zero(col)); }
  float value(int64_t col, int8_t code) const { return decode(format, code, scale(col), zero(col)); }
  /// The code as a number, without its scale.
  float unit(int64_t col) const { return decode(format, codes[col], 1.0f, zero(col)); }
  int8_t nearest(int64_t col, double value) const { return encode(format, float(value), scale(col), zero(col)); }
  int8_t &code(int64_t col) { return codes[col]; }

private:
  const CodeFormat &format;
  const int32_t *blocks;
  int8_t *codes;
  const float *scales;
  const int8_t *zeros;
};

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_ROWCODES_H
