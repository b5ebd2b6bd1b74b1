//===- LayoutSparse.cpp - Values and metadata of 2:4 weights --------------===//

#include "LayoutTiles.h"

#include <string>
#include <vector>

namespace qcc::quant {
namespace {

constexpr int64_t kMetadataCols = 64;
constexpr int kMetadataLaneBytes = 4;

/// Which bits of a value tell that it is not zero: negative zero is zero.
template <typename T> struct Value {
  T nonZeroBits;
  bool isZero(T value) const { return (value & nonZeroBits) == 0; }
};
constexpr Value<uint16_t> kBF16{0x7fff};
constexpr Value<uint8_t> kE4M3{0x7f};
constexpr Value<int8_t> kS8{-1};

/// Stored columns of each aligned four of a row: first | second << 2.
constexpr uint8_t kFirstPair = 0 | 1 << 2;

/// The lexicographically first pair that contains all non-zero columns of four; 0 when there are more than two.
template <typename T> uint8_t pairOf(const ZeroPadded<T> &w, Value<T> kind, int64_t row, int64_t col) {
  int count = 0, kept[2] = {};
  for (int i = 0; i < 4; ++i)
    if (!kind.isZero(w(row, col + i))) {
      if (count == 2)
        return 0;
      kept[count++] = i;
    }
  if (count == 0)
    return kFirstPair;
  if (count == 1) // with column 0, or column 1 when it is 0 itself
    return kept[0] == 0 ? kFirstPair : uint8_t(0 | kept[0] << 2);
  return uint8_t(kept[0] | kept[1] << 2);
}

template <typename T> class Sparse24 {
public:
  Sparse24(std::span<const T> w, int64_t rows, int64_t cols)
      : w{w, rows, cols}, fours(paddedCols(cols) / 4), pairs(size_t(rows * fours)) {}

  /// Finds the stored columns of every four.
  Status read(Value<T> kind, int64_t firstRow) {
    for (int64_t row = 0; row < w.rows; ++row)
      for (int64_t four = 0; four < fours; ++four) {
        uint8_t pair = pairOf(w, kind, row, 4 * four);
        if (pair == 0)
          return Error{"row " + std::to_string(firstRow + row) + ", columns " + std::to_string(4 * four) + " to " +
                       std::to_string(4 * four + 3) +
                       ": more than two weights are not zero, which 2:4 sparsity does not allow; prune the weight with "
                       "--sparsity 2:4, or store it dense"};
        pairs[size_t(row * fours + four)] = pair;
      }
    return {};
  }

  void packValues(int64_t width, std::span<uint8_t> out) const {
    // C[rows, K/2], whose columns 2q and 2q + 1 are the stored values of four q.
    std::vector<T> values(size_t(w.rows * fours * 2));
    for (int64_t row = 0; row < w.rows; ++row)
      for (int64_t four = 0; four < fours; ++four)
        for (int i = 0; i < 2; ++i)
          values[size_t((row * fours + four) * 2 + i)] = w(row, 4 * four + (pair(row, four) >> (2 * i) & 3));
    ZeroPadded<T> stored{values, w.rows, fours * 2};
    forEachLane(width / 2, fours * 2, 16, out, [&](int64_t row, int64_t col, int lane, uint8_t *bytes) {
      fillFragment(stored, row, col, lane, bytes);
    });
  }

  /// A lane's word is the chunk (16 columns) `chunkOf(lane, half)` of row `rowOf(lane, half)` in each of its halves.
  template <typename RowOf, typename ChunkOf>
  void packMetadata(std::span<uint8_t> out, RowOf rowOf, ChunkOf chunkOf) const {
    forEachLane(kMetadataCols, paddedCols(w.cols), kMetadataLaneBytes, out,
                [&](int64_t row, int64_t col, int lane, uint8_t *bytes) {
                  uint32_t word = 0;
                  for (int half = 0; half < 2; ++half)
                    for (int four = 0; four < 4; ++four)
                      word |= uint32_t(pair(row + rowOf(lane, half), col / 4 + chunkOf(lane, half) * 4 + four))
                              << (16 * half + 4 * four);
                  std::memcpy(bytes, &word, sizeof(word));
                });
  }

private:
  uint8_t pair(int64_t row, int64_t four) const {
    return row < w.rows ? pairs[size_t(row * fours + four)] : kFirstPair;
  }

  ZeroPadded<T> w;
  int64_t fours;
  std::vector<uint8_t> pairs;
};

template <typename T>
Status packValues(FragmentFormat format, Value<T> kind, std::span<const T> w, int64_t rows, int64_t cols,
                  std::span<uint8_t> out, int64_t firstRow) {
  Sparse24<T> sparse(w, rows, cols);
  if (Status read = sparse.read(kind, firstRow); !read)
    return read;
  sparse.packValues(tileCols(format), out);
  return {};
}

/// m16n8k64 of 8-bit values: a lane describes 32 columns of one row.
template <typename T>
Status packMetadata8(Value<T> kind, std::span<const T> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                     int64_t firstRow) {
  Sparse24<T> sparse(w, rows, cols);
  if (Status read = sparse.read(kind, firstRow); !read)
    return read;
  sparse.packMetadata(
      out, [](int lane, int) { return lane / 4 + 8 * (lane % 2); },
      [](int lane, int half) { return 2 * (lane % 4 / 2) + half; });
  return {};
}

} // namespace

Status packFragmentsBF16Sparse(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                               int64_t firstRow) {
  return packValues(FragmentFormat::BF16Sparse, kBF16, w, rows, cols, out, firstRow);
}

Status packFragmentsE4M3Sparse(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                               int64_t firstRow) {
  return packValues(FragmentFormat::E4M3Sparse, kE4M3, w, rows, cols, out, firstRow);
}

Status packFragmentsS8Sparse(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                             int64_t firstRow) {
  return packValues(FragmentFormat::S8Sparse, kS8, w, rows, cols, out, firstRow);
}

int64_t metadataBytes(int64_t rows, int64_t cols) {
  return (rows + kTileRows - 1) / kTileRows * (paddedCols(cols) / kMetadataCols) * 32 * kMetadataLaneBytes;
}

Status packMetadataBF16(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                        int64_t firstRow) {
  Sparse24<uint16_t> sparse(w, rows, cols);
  if (Status read = sparse.read(kBF16, firstRow); !read)
    return read;
  // m16n8k32 of 16-bit values: a lane describes 16 columns of two rows; two products share a block.
  sparse.packMetadata(
      out, [](int lane, int half) { return lane / 4 + 8 * half; }, [](int lane, int) { return lane % 4; });
  return {};
}

Status packMetadataE4M3(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                        int64_t firstRow) {
  return packMetadata8(kE4M3, w, rows, cols, out, firstRow);
}

Status packMetadataS8(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out, int64_t firstRow) {
  return packMetadata8(kS8, w, rows, cols, out, firstRow);
}

} // namespace qcc::quant
