//===- LayoutSparseTest.cpp - 2:4 weights against the PTX ISA's sparse fragments ===//
//
// Oracle: the dense matrix is put together again from values and metadata as the PTX ISA describes the operands of
// `mma.sp` ("Matrix fragments for multiply-accumulate operation with sparse matrix A"): element i of a lane's fragment
// belongs to a range of columns, and the word of another lane tells which of them. That is the direction of the
// hardware; the packer goes from lanes to columns.
//
//===----------------------------------------------------------------------===//

#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace qcc;
using namespace qcc::quant;

namespace {

constexpr int64_t kRows = 16 * 2 + 3, kCols = 128 + 22; // short rows, and a short last four
constexpr int64_t kRowsUp = 48, kColsUp = 192;

/// Where the metadata of four columns lie: a lane's word in the block of 64 columns, and its lowest bit there.
struct Place {
  int lane, bit;
};

/// .m16n8k32 with .bf16: the pair of lanes that the selector names holds 16 columns each, rows g and g + 8 in its
/// halves. The second product of a block uses selector 1.
Place placeOf16Bit(int row, int col) {
  int selector = col / 32;
  return {row % 8 * 4 + selector * 2 + col % 32 / 16, row / 8 * 16 + col % 16};
}

/// .m16n8k64 with .s8 and .e4m3: each lane of a quad holds 32 columns of one row.
Place placeOf8Bit(int row, int col) { return {row % 8 * 4 + col / 32 * 2 + row / 8, col % 32}; }

/// What the operand registers of one `mma.sp` mean: element i of a lane's A fragment, its row and first column of four.
struct Element {
  int row, firstCol;
};

/// .m16n8k32 .bf16: registers of two elements, out of four consecutive columns.
Element element16Bit(int lane, int i) {
  bool low = i < 2 || (i >= 4 && i < 6);
  return {low ? lane >> 2 : (lane >> 2) + 8, lane % 4 * 4 + (i < 4 ? 0 : 16)};
}

/// .m16n8k64 .s8: registers of four elements, out of eight consecutive columns.
Element element8Bit(int lane, int i) {
  bool low = i < 4 || (i >= 8 && i < 12);
  return {low ? lane >> 2 : (lane >> 2) + 8, lane % 4 * 8 + (i < 8 ? 0 : 32) + (i % 4 / 2) * 4};
}

/// The dense matrix [kRowsUp, kColsUp] that values and metadata stand for. Fails the test when the two indices of a
/// four do not rise.
template <typename T> std::vector<T> expand(const std::vector<uint8_t> &values, const std::vector<uint8_t> &metadata) {
  constexpr bool wide = sizeof(T) == 2;
  constexpr int width = wide ? 32 : 64, elements = wide ? 8 : 16;
  std::vector<T> dense(kRowsUp * kColsUp, T(0));
  for (int64_t row0 = 0; row0 < kRowsUp; row0 += 16)
    for (int64_t col0 = 0; col0 < kColsUp; col0 += width)
      for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < elements; ++i) {
          Element element = wide ? element16Bit(lane, i) : element8Bit(lane, i);
          T value;
          std::memcpy(&value,
                      &values[size_t((row0 / 16 * (kColsUp / width) + col0 / width) * 512 + lane * 16) + i * sizeof(T)],
                      sizeof(T));
          int inBlock = int(col0 % 64) + element.firstCol;
          Place place = wide ? placeOf16Bit(element.row, inBlock) : placeOf8Bit(element.row, inBlock);
          uint32_t word;
          std::memcpy(&word, &metadata[size_t((row0 / 16 * (kColsUp / 64) + col0 / 64) * 128 + place.lane * 4)], 4);
          uint32_t first = word >> place.bit & 3, second = word >> place.bit >> 2 & 3;
          EXPECT_LT(first, second);
          dense[size_t((row0 + element.row) * kColsUp + col0 + element.firstCol + (i % 2 ? second : first))] = value;
        }
  return dense;
}

/// Random weights with zero, one or two of each four not zero; all eleven patterns occur.
template <typename T> std::vector<T> sparseWeights(unsigned seed) {
  std::mt19937 random(seed);
  std::vector<T> w(kRows * kCols, T(0));
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t col = 0; col < kCols; col += 4)
      for (int kept = int(random() % 3); kept > 0; --kept) {
        int64_t at = col + random() % 4;
        if (at < kCols)
          w[size_t(row * kCols + at)] = T(random() % 120 + 1);
      }
  return w;
}

template <typename T> void expectDense(const std::vector<T> &dense, const std::vector<T> &w) {
  for (int64_t row = 0; row < kRowsUp; ++row)
    for (int64_t col = 0; col < kColsUp; ++col)
      ASSERT_EQ(dense[size_t(row * kColsUp + col)], row < kRows && col < kCols ? w[size_t(row * kCols + col)] : T(0))
          << row << ", " << col;
}

template <typename T> struct Packers {
  FragmentFormat format;
  Status (*values)(std::span<const T>, int64_t, int64_t, std::span<uint8_t>, int64_t);
  Status (*metadata)(std::span<const T>, int64_t, int64_t, std::span<uint8_t>, int64_t);
};
const Packers<uint16_t> kBF16{FragmentFormat::BF16Sparse, packFragmentsBF16Sparse, packMetadataBF16};
const Packers<uint8_t> kE4M3{FragmentFormat::E4M3Sparse, packFragmentsE4M3Sparse, packMetadataE4M3};
const Packers<int8_t> kS8{FragmentFormat::S8Sparse, packFragmentsS8Sparse, packMetadataS8};

template <typename T> void expectRoundTrip(const Packers<T> &pack) {
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::vector<T> w = sparseWeights<T>(seed);
    std::vector<uint8_t> values(packedBytes(pack.format, kRows, kCols), 0xee),
        metadata(metadataBytes(kRows, kCols), 0xee);
    ASSERT_TRUE(pack.values(w, kRows, kCols, values, 0));
    ASSERT_TRUE(pack.metadata(w, kRows, kCols, metadata, 0));
    expectDense(expand<T>(values, metadata), w);
  }
}

TEST(LayoutSparse, BF16ValuesAndMetadataAreTheOperandsOfM16N8K32) { expectRoundTrip(kBF16); }
TEST(LayoutSparse, E4M3ValuesAndMetadataAreTheOperandsOfM16N8K64) { expectRoundTrip(kE4M3); }
TEST(LayoutSparse, S8ValuesAndMetadataAreTheOperandsOfM16N8K64) { expectRoundTrip(kS8); }

TEST(LayoutSparse, SizesAreHalfTheDenseValuesAndOneBitAColumn) {
  EXPECT_EQ(packedBytes(FragmentFormat::BF16Sparse, 64, 128), 64 * 128);
  EXPECT_EQ(packedBytes(FragmentFormat::E4M3Sparse, 64, 128), 64 * 128 / 2);
  EXPECT_EQ(metadataBytes(64, 128), 64 * 128 / 8);
  EXPECT_EQ(metadataBytes(1, 1), 128);
}

TEST(LayoutSparse, RowBlocksPackToContiguousRangesAndPaddingTilesAreValid) {
  std::vector<int8_t> w = sparseWeights<int8_t>(5);
  std::vector<uint8_t> whole(metadataBytes(kRows, kCols)), part(metadataBytes(64, kCols), 0xee);
  ASSERT_TRUE(packMetadataS8(w, kRows, kCols, whole));
  ASSERT_TRUE(packMetadataS8(std::span(w).subspan(16 * kCols), kRows - 16, kCols, part));
  size_t begin = size_t(metadataBytes(16, kCols));
  EXPECT_TRUE(std::equal(whole.begin() + begin, whole.end(), part.begin()));
  for (size_t i = whole.size() - begin; i < part.size(); ++i)
    ASSERT_EQ(part[i], 0x44); // columns 0 and 1 of each four
}

/// A four of row `row`, first column `col` in a block of 16 x 64, and where the PTX ISA's figures draw its four bits.
struct Drawn {
  int64_t row, col;
  int lane, bit;
};

/// Numbers worked out one by one, so that no formula takes part: one four keeps its columns 2 and 3 (0b1110), all
/// others 0 and 1 (0b0100).
template <typename T> void expectDrawn(const Packers<T> &pack, std::initializer_list<Drawn> figure) {
  for (const Drawn &four : figure) {
    std::vector<T> w(16 * 64, T(0));
    w[size_t(four.row * 64 + four.col + 2)] = w[size_t(four.row * 64 + four.col + 3)] = T(1);
    std::vector<uint8_t> metadata(metadataBytes(16, 64));
    ASSERT_TRUE(pack.metadata(w, 16, 64, metadata, 0));
    for (int lane = 0; lane < 32; ++lane) {
      uint32_t word, expected = 0x44444444;
      std::memcpy(&word, &metadata[size_t(lane * 4)], 4);
      if (lane == four.lane)
        expected ^= 0xau << four.bit; // 0b0100 becomes 0b1110
      EXPECT_EQ(word, expected) << "row " << four.row << ", column " << four.col << ", lane " << lane;
    }
  }
}

// "Sparse MMA .m16n8k32 metadata layout for .f16/.bf16 type": lanes 0 and 1 of a quad with selector 0, 2 and 3 with 1.
TEST(LayoutSparse, MetadataOfM16N8K32LieWhereTheFigureDrawsThem) {
  expectDrawn(kBF16, {{0, 0, 0, 0},
                      {0, 4, 0, 4},
                      {0, 12, 0, 12},
                      {8, 0, 0, 16},
                      {8, 12, 0, 28},
                      {0, 16, 1, 0},
                      {8, 28, 1, 28},
                      {0, 32, 2, 0},
                      {8, 44, 2, 28},
                      {0, 48, 3, 0},
                      {1, 0, 4, 0},
                      {9, 20, 5, 20},
                      {7, 8, 28, 8},
                      {15, 60, 31, 28}});
}

// "Sparse MMA .m16n8k64 metadata layout for … .u8/.s8/.e4m3 type": columns 0 to 31 in lanes 0 (row g) and 1 (row g + 8)
// of a quad, columns 32 to 63 in lanes 2 and 3.
TEST(LayoutSparse, MetadataOfM16N8K64LieWhereTheFigureDrawsThem) {
  std::initializer_list<Drawn> figure = {{0, 0, 0, 0}, {0, 4, 0, 4},   {0, 12, 0, 12}, {0, 16, 0, 16},  {0, 28, 0, 28},
                                         {8, 0, 1, 0}, {8, 28, 1, 28}, {0, 32, 2, 0},  {0, 60, 2, 28},  {8, 32, 3, 0},
                                         {1, 0, 4, 0}, {9, 20, 5, 20}, {7, 40, 30, 8}, {15, 60, 31, 28}};
  expectDrawn(kS8, figure);
  expectDrawn(kE4M3, figure);
}

TEST(LayoutSparse, NegativeZeroIsZeroButTheLowestIntegerIsNot) {
  std::vector<uint16_t> bf16 = {0x8000, 0x3f80, 0x8000, 0xbf80};
  std::vector<uint8_t> e4m3 = {0x80, 0x38, 0xb8, 0x80};
  std::vector<int8_t> s8 = {-128, 1, 0, 2};
  std::vector<uint8_t> out(packedBytes(FragmentFormat::BF16Sparse, 1, 4)), metadata(metadataBytes(1, 4));
  EXPECT_TRUE(packFragmentsBF16Sparse(bf16, 1, 4, out));
  EXPECT_TRUE(packMetadataBF16(bf16, 1, 4, metadata));
  EXPECT_EQ(metadata[0] & 0xf, 1 | 3 << 2);
  out.resize(size_t(packedBytes(FragmentFormat::E4M3Sparse, 1, 4)));
  EXPECT_TRUE(packFragmentsE4M3Sparse(e4m3, 1, 4, out));
  EXPECT_FALSE(packFragmentsS8Sparse(s8, 1, 4, out));
}

TEST(LayoutSparse, ABreachNamesRowAndColumns) {
  std::vector<int8_t> w = sparseWeights<int8_t>(6);
  for (int64_t col : {100, 101, 103})
    w[size_t(20 * kCols + col)] = 1;
  std::vector<uint8_t> values(packedBytes(FragmentFormat::S8Sparse, kRows, kCols)),
      metadata(metadataBytes(kRows, kCols));
  for (Status status :
       {packFragmentsS8Sparse(w, kRows, kCols, values, 640), packMetadataS8(w, kRows, kCols, metadata, 640)}) {
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("row 660, columns 100 to 103"), std::string::npos) << status.error().message;
  }
}

} // namespace
