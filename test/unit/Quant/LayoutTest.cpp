//===- LayoutTest.cpp - Packed weights against the PTX ISA's fragment formulas ===//
//
// Oracle: the row/column formulas of the PTX ISA's "Matrix Fragments for mma.m16n8k16 / m16n8k32" sections, written
// element-wise: for element i of a lane's fragment, row = groupID (+8) and col as given there. The packer is written
// the other way round, from registers.
//
//===----------------------------------------------------------------------===//

#include "qcc/Quant/Layout.h"
#include "qcc/Quant/Formats.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

using namespace qcc::quant;

namespace {

/// PTX ISA, .bf16 m16n8k16 A: a_i, i = 0..7.
std::pair<int, int> elementK16(int lane, int i) {
  int row = (i < 2 || (i >= 4 && i < 6)) ? lane >> 2 : (lane >> 2) + 8;
  int col = (lane % 4) * 2 + (i & 1) + (i >= 4 ? 8 : 0);
  return {row, col};
}

/// PTX ISA, .e4m3 m16n8k32 A: a_i, i = 0..15.
std::pair<int, int> elementK32(int lane, int i) {
  int row = (i < 4 || (i >= 8 && i < 12)) ? lane >> 2 : (lane >> 2) + 8;
  int col = (lane % 4) * 4 + (i & 3) + (i >= 8 ? 16 : 0);
  return {row, col};
}

constexpr int64_t kRows = 16 * 2 + 3, kCols = 64 + 21;

size_t tileOffset(int64_t row, int64_t col, FragmentFormat format) {
  int64_t width = tileCols(format);
  return size_t((row / 16) * (paddedCols(kCols) / width) + col / width) * 512;
}

TEST(Layout, BF16TilesHoldTheFragmentsOfM16N8K16) {
  std::vector<uint16_t> w(kRows * kCols);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = uint16_t(i + 1);
  std::vector<uint8_t> packed(packedBytes(FragmentFormat::BF16, kRows, kCols), 0xee);
  packFragmentsBF16(w, kRows, kCols, packed);
  for (int64_t row0 = 0; row0 < 48; row0 += 16)
    for (int64_t col0 = 0; col0 < 128; col0 += 16)
      for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 8; ++i) {
          auto [row, col] = elementK16(lane, i);
          row += row0, col += col0;
          uint16_t value;
          std::memcpy(&value, &packed[tileOffset(row0, col0, FragmentFormat::BF16) + lane * 16 + i * 2], 2);
          ASSERT_EQ(value, row < kRows && col < kCols ? w[row * kCols + col] : 0);
        }
}

TEST(Layout, E4M3TilesHoldTheFragmentsOfM16N8K32) {
  std::vector<uint8_t> w(kRows * kCols);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = uint8_t(i * 7 + 1);
  std::vector<uint8_t> packed(packedBytes(FragmentFormat::E4M3, kRows, kCols), 0xee);
  packFragmentsE4M3(w, kRows, kCols, packed);
  for (int64_t row0 = 0; row0 < 48; row0 += 16)
    for (int64_t col0 = 0; col0 < 128; col0 += 32)
      for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 16; ++i) {
          auto [row, col] = elementK32(lane, i);
          row += row0, col += col0;
          ASSERT_EQ(packed[tileOffset(row0, col0, FragmentFormat::E4M3) + lane * 16 + i],
                    row < kRows && col < kCols ? w[row * kCols + col] : 0);
        }
}

TEST(Layout, S4WordsUnpackToTheBF16FragmentsBySharedShifts) {
  std::vector<int8_t> w(kRows * kCols);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = int8_t(int(i * 5 % 16) - 8);
  std::vector<uint8_t> packed(packedBytes(FragmentFormat::S4, kRows, kCols), 0xee);
  packFragmentsS4(w, kRows, kCols, packed);
  for (int64_t row0 = 0; row0 < 48; row0 += 16)
    for (int64_t col0 = 0; col0 < 128; col0 += 64)
      for (int lane = 0; lane < 32; ++lane)
        for (int slab = 0; slab < 4; ++slab) {
          uint32_t word;
          std::memcpy(&word, &packed[tileOffset(row0, col0, FragmentFormat::S4) + lane * 16 + slab * 4], 4);
          for (int i = 0; i < 8; ++i) {
            auto [row, col] = elementK16(lane, i);
            row += row0, col += col0 + slab * 16;
            // Register a_{i/2}: shift by 4 per register, low half then high half.
            int code = int((word >> (4 * (i / 2)) & 0x000f000f) >> (i % 2 ? 16 : 0) & 0xf) - 8;
            ASSERT_EQ(code, row < kRows && col < kCols ? w[row * kCols + col] : 0);
          }
        }
}

TEST(Layout, S8TilesHoldTheFragmentsOfM16N8K32) {
  std::vector<int8_t> w(kRows * kCols);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = int8_t(i * 7 + 1);
  std::vector<uint8_t> packed(packedBytes(FragmentFormat::S8, kRows, kCols), 0xee);
  packFragmentsS8(w, kRows, kCols, packed);
  for (int64_t row0 = 0; row0 < 48; row0 += 16)
    for (int64_t col0 = 0; col0 < 128; col0 += 32)
      for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 16; ++i) {
          auto [row, col] = elementK32(lane, i);
          row += row0, col += col0;
          ASSERT_EQ(int8_t(packed[tileOffset(row0, col0, FragmentFormat::S8) + lane * 16 + i]),
                    row < kRows && col < kCols ? w[row * kCols + col] : 0);
        }
}

TEST(Layout, S8ToBF16WordsConvertByTheDifferenceOfTwoBF16Numbers) {
  std::vector<int8_t> w(kRows * kCols);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = int8_t(i * 11); // every code
  std::vector<uint8_t> packed(packedBytes(FragmentFormat::S8ToBF16, kRows, kCols), 0xee);
  packFragmentsS8ToBF16(w, kRows, kCols, packed);
  for (int64_t row0 = 0; row0 < 48; row0 += 16)
    for (int64_t col0 = 0; col0 < 128; col0 += 32)
      for (int lane = 0; lane < 32; ++lane)
        for (int slab = 0; slab < 2; ++slab)
          for (int i = 0; i < 8; ++i) {
            auto [row, col] = elementK16(lane, i);
            row += row0, col += col0 + slab * 16;
            int reg = i / 2;
            uint32_t word;
            std::memcpy(
                &word, &packed[tileOffset(row0, col0, FragmentFormat::S8ToBF16) + lane * 16 + (2 * slab + reg / 2) * 4],
                4);
            uint32_t pair = word >> 8 * (reg % 2) & 0x00ff00ff;
            uint16_t half = uint16_t(pair >> (i % 2 ? 16 : 0));
            float magnitude = bf16ToFloat(0x4300 | (half & 0x7f)), base = bf16ToFloat(0x4300 | (half & 0x80));
            ASSERT_EQ(magnitude - base, row < kRows && col < kCols ? w[row * kCols + col] : 0);
          }
}

TEST(Layout, S4ToE4M3HalfWordsSelectTheFragmentsOfM16N8K32) {
  std::vector<int8_t> w(kRows * kCols);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = int8_t(int(i * 5 % 16) - 8);
  std::vector<uint8_t> packed(packedBytes(FragmentFormat::S4ToE4M3, kRows, kCols), 0xee);
  packFragmentsS4ToE4M3(w, kRows, kCols, packed);
  for (int64_t row0 = 0; row0 < 48; row0 += 16)
    for (int64_t col0 = 0; col0 < 128; col0 += 64)
      for (int lane = 0; lane < 32; ++lane)
        for (int slab = 0; slab < 2; ++slab)
          for (int i = 0; i < 16; ++i) {
            auto [row, col] = elementK32(lane, i);
            row += row0, col += col0 + slab * 32;
            int reg = i / 4;
            uint32_t word;
            std::memcpy(
                &word, &packed[tileOffset(row0, col0, FragmentFormat::S4ToE4M3) + lane * 16 + (2 * slab + reg / 2) * 4],
                4);
            uint32_t nibble = word >> 16 * (reg % 2) >> 4 * (i % 4) & 0xf;
            int code = int(nibble & 7) - (nibble & 8 ? 8 : 0);
            ASSERT_EQ(code, row < kRows && col < kCols ? w[row * kCols + col] : 0);
          }
}

TEST(Layout, TilesBeyondTheRowsAreOfZeroWeights) {
  std::vector<int8_t> w(16 * 64, 5), empty(64 * 64, 0);
  std::vector<uint8_t> packed(packedBytes(FragmentFormat::S4, 64, 64)), zero(packed.size());
  packFragmentsS4(w, 16, 64, packed);
  packFragmentsS4(empty, 64, 64, zero);
  size_t tile = packedBytes(FragmentFormat::S4, 16, 64);
  EXPECT_TRUE(std::equal(packed.begin() + tile, packed.end(), zero.begin() + tile));
  EXPECT_FALSE(std::equal(packed.begin(), packed.begin() + tile, zero.begin()));
}

TEST(Layout, RowBlocksPackToContiguousRangesOfTheWhole) {
  std::vector<uint8_t> w(kRows * kCols);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = uint8_t(i * 11);
  std::vector<uint8_t> whole(packedBytes(FragmentFormat::E4M3, kRows, kCols)),
      part(packedBytes(FragmentFormat::E4M3, kRows - 16, kCols));
  packFragmentsE4M3(w, kRows, kCols, whole);
  packFragmentsE4M3(std::span(w).subspan(16 * kCols), kRows - 16, kCols, part);
  size_t begin = packedBytes(FragmentFormat::E4M3, 16, kCols);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + begin, whole.end()));
}

TEST(Layout, ScalesArePaddedWithOneAndGroupScalesTransposed) {
  std::vector<float> channel = {2, 3, 4}, channelOut(paddedRows(3));
  packChannelScales(channel, channelOut);
  EXPECT_EQ(channelOut[2], 4.0f);
  EXPECT_EQ(channelOut[3], 1.0f);
  std::vector<uint16_t> group = {10, 11, 20, 21, 30, 31}, groupOut(2 * paddedRows(3));
  packGroupScales(group, 3, 2, groupOut);
  EXPECT_EQ(groupOut[1], 20);
  EXPECT_EQ(groupOut[64], 11);
  EXPECT_EQ(groupOut[66], 31);
  EXPECT_EQ(groupOut[67], 0x3f80);
  std::vector<float> tensorOut(paddedRows(3));
  packTensorScale(-0.5f, 3, tensorOut);
  EXPECT_EQ(tensorOut[2], -0.5f);
  EXPECT_EQ(tensorOut[3], 1.0f);
}

TEST(Layout, ZeroPointsAreBF16InTheOrderOfGroupScales) {
  std::vector<int8_t> zeros = {-8, 7, 0, 3, -1, 5};
  std::vector<uint16_t> out(2 * paddedRows(3), 0xeeee);
  packGroupZeros(zeros, 3, 2, out);
  for (int row = 0; row < 64; ++row)
    for (int group = 0; group < 2; ++group)
      EXPECT_EQ(bf16ToFloat(out[group * 64 + row]), row < 3 ? zeros[row * 2 + group] : 0);
}

} // namespace
