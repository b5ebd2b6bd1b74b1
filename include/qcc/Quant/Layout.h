//===- Layout.h - Weights in the order the GEMM kernels read -----*- C++ -*-===//
//
// W[N, K] is cut into tiles of 16 rows × KT columns. A tile is 512 bytes: lane l of a warp owns bytes 16l … 16l+15,
// which are its A fragment of `mma.sync` (PTX ISA, "Matrix Fragments for mma.m16n8k16" and "… m16n8k32"). With
// g = l / 4 and t = l % 4:
//
//   bf16, KT = 16   a0 = W[g][2t,2t+1]     a1 = W[g+8][2t,2t+1]   a2 = W[g][2t+8,2t+9]   a3 = W[g+8][2t+8,2t+9]
//   e4m3, KT = 32   a0 = W[g][4t..4t+3]    a1 = W[g+8][4t..4t+3]  a2 = W[g][4t+16..]     a3 = W[g+8][4t+16..]
//   s4,   KT = 64   word j holds the bf16 fragment of columns 16j…16j+15
//
// s4: the pair (lo, hi) of register a_r lies in nibbles r and r + 4, stored offset binary (code + 8), so that
// (word >> 4r) & 0x000f000f are lo and hi in the halves of a bf16x2 register.
//
// Tiles are ordered [row tile][column tile]; rows are padded to kWeightRowPad and columns to kWeightColPad with zero
// values.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_LAYOUT_H
#define QCC_QUANT_LAYOUT_H

#include <cstdint>
#include <span>

namespace qcc::quant {

inline constexpr int64_t kWeightRowPad = 64;
inline constexpr int64_t kWeightColPad = 64;
inline constexpr int64_t kTileRows = 16;
inline constexpr int64_t kTileBytes = 512;

inline int64_t paddedRows(int64_t rows) { return (rows + kWeightRowPad - 1) / kWeightRowPad * kWeightRowPad; }
inline int64_t paddedCols(int64_t cols) { return (cols + kWeightColPad - 1) / kWeightColPad * kWeightColPad; }

enum class FragmentFormat { BF16, E4M3, S4 };
/// Columns of one tile: 16, 32, 64.
int64_t tileCols(FragmentFormat format);
/// Bytes of the packed form of `rows` rows (any number; rounded up to whole row tiles) of a weight with `cols` columns.
int64_t packedBytes(FragmentFormat format, int64_t rows, int64_t cols);

/// Packs `rows` consecutive rows starting at a multiple of 16; missing rows of the last tile and columns are zero.
/// `out` holds packedBytes(format, rows, cols) bytes, which is a contiguous range of the whole weight's packed form.
void packFragmentsBF16(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);
void packFragmentsE4M3(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);
/// Codes one per byte, -8…7.
void packFragmentsS4(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);

/// Channel scales f32[N] → f32[paddedRows(N)]; padding is 1, which keeps padded rows finite.
void packChannelScales(std::span<const float> scales, std::span<float> out);
/// Group scales bf16 [N, groups] → [groups, paddedRows(N)]: the rows a lane needs are adjacent; padding is 1.
void packGroupScales(std::span<const uint16_t> scales, int64_t rows, int64_t groups, std::span<uint16_t> out);

} // namespace qcc::quant

#endif // QCC_QUANT_LAYOUT_H
