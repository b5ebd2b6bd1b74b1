//===- Layout.h - Weights in the order the GEMM kernels read -----*- C++ -*-===//
//
// W[N, K] is cut into tiles of 16 rows × KT columns. A tile is 512 bytes: lane l of a warp owns bytes 16l … 16l+15,
// which are its A fragment of `mma.sync` (PTX ISA, "Matrix Fragments for mma.m16n8k16" and "… m16n8k32"). With
// g = l / 4 and t = l % 4:
//
//   bf16,     KT = 16   a0 = W[g][2t,2t+1]     a1 = W[g+8][2t,2t+1]   a2 = W[g][2t+8,2t+9]   a3 = W[g+8][2t+8,2t+9]
//   e4m3, s8, KT = 32   a0 = W[g][4t..4t+3]    a1 = W[g+8][4t..4t+3]  a2 = W[g][4t+16..]     a3 = W[g+8][4t+16..]
//   s4,       KT = 64   word j holds the bf16 fragment of columns 16j…16j+15
//   s8_bf16,  KT = 32   words 2j, 2j+1 hold the bf16 fragment of columns 16j…16j+15
//   s4_e4m3,  KT = 64   words 2j, 2j+1 hold the e4m3 fragment of columns 32j…32j+31
//
// s4: the pair (lo, hi) of register a_r lies in nibbles r and r + 4, stored offset binary (code + 8), so that
// (word >> 4r) & 0x000f000f are lo and hi in the halves of a bf16x2 register.
//
// s8_bf16: word 2j + r/2 holds the pair (lo, hi) of register a_r in bytes 0 and 2 (r even) or 1 and 3 (r odd), two's
// complement: v = (word >> 8(r%2)) & 0x00ff00ff are lo and hi in the halves. In bf16 (0x4300 | v & 0x7f) is 128 + the
// low seven bits and (0x4300 | v & 0x80) is 128, or 256 for a negative code: their difference is the code, exactly.
//
// s4_e4m3: word 2j + r/2 holds the four codes of register a_r, lowest column in the lowest nibble, in its low half
// (r even) or high half (r odd), two's complement: (word >> 16(r%2)) & 0x7777 is a `prmt` selector of the magnitudes'
// table, and bit 3 of a nibble its sign.
//
// 2:4 sparse weights (mma.sp): of each aligned four columns of a row two are stored. Those are the lexicographically
// first pair of columns that contains all non-zero ones, so any row with at most two has one form. With C[N, K/2] the
// stored values, dense column 4q + i going to one of 2q, 2q+1 in rising order:
//
//   bf16_24,          KT = 32   the bf16 fragment of 16 columns of C: A of `mma.sp.m16n8k32`
//   e4m3_24, s8_24,   KT = 64   the e4m3 fragment of 32 columns of C: A of `mma.sp.m16n8k64`
//
// Metadata is a buffer of its own: two bits for each stored value, its column within the four. It is cut into blocks of
// 16 rows × 64 dense columns, 128 bytes, ordered [row tile][column block]; lane l owns the 32-bit word at byte 4l. A
// chunk of 16 dense columns of a row is a half-word: fours from the lowest bits, in each the lower column first.
//
//   bf16_24          word = chunk (g, t) | chunk (g+8, t) << 16: lanes t = 0, 1 describe columns 0…31 of the block
//                    (sparsity selector 0), lanes t = 2, 3 columns 32…63 (selector 1)
//   e4m3_24, s8_24   word = chunk (r, 2c) | chunk (r, 2c+1) << 16 with r = g + 8(t % 2), c = t / 2 (selector 0)
//
// Indices rise within each four, so `mma.sp` and `mma.sp::ordered_metadata` read the same (PTX ISA, "Matrix fragments
// for multiply-accumulate operation with sparse matrix A").
//
// Scales and zero points:
//
//   channel f32 [paddedRows(N)]; a scale of the whole tensor is repeated for each of the N rows
//   group bf16 [groups][paddedRows(N)]; a channel of integers is one group. Scales may be negative
//   zero points of groups: bf16 values of the integers, in the layout of group scales
//   blocks f32 [ceil(N / 128)][ceil(K / 128)], as they are
//
// Tiles are ordered [row tile][column tile]; rows are padded to kWeightRowPad and columns to kWeightColPad with zero
// values.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_LAYOUT_H
#define QCC_QUANT_LAYOUT_H

#include "qcc/Support/Error.h"

#include <cstdint>
#include <span>

namespace qcc::quant {

inline constexpr int64_t kWeightRowPad = 64;
inline constexpr int64_t kWeightColPad = 64;
inline constexpr int64_t kTileRows = 16;
inline constexpr int64_t kTileBytes = 512;

inline int64_t paddedRows(int64_t rows) { return (rows + kWeightRowPad - 1) / kWeightRowPad * kWeightRowPad; }
inline int64_t paddedCols(int64_t cols) { return (cols + kWeightColPad - 1) / kWeightColPad * kWeightColPad; }

enum class FragmentFormat { BF16, E4M3, S8, S4, S8ToBF16, S4ToE4M3, BF16Sparse, E4M3Sparse, S8Sparse };
/// Dense columns of one tile: KT above.
int64_t tileCols(FragmentFormat format);
/// Bytes of the packed form of `rows` rows (any number; rounded up to whole row tiles) of a weight with `cols` columns.
int64_t packedBytes(FragmentFormat format, int64_t rows, int64_t cols);

/// Packs `rows` consecutive rows starting at a multiple of 16. `out` is a contiguous range of the whole weight's packed
/// form, packedBytes(format, n, cols) bytes for an n ≥ rows: rows beyond `rows` and columns beyond `cols` are zero.
void packFragmentsBF16(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);
void packFragmentsE4M3(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);
void packFragmentsS8(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);
void packFragmentsS8ToBF16(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);
/// Codes one per byte, -8…7.
void packFragmentsS4(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);
void packFragmentsS4ToE4M3(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out);

/// Stored values of a dense matrix of 2:4 weights, into packedBytes(…Sparse, rows, cols) bytes. Fails when four columns
/// hold more than two non-zero weights, naming row (+ firstRow) and columns. Negative zero is zero.
Status packFragmentsBF16Sparse(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                               int64_t firstRow = 0);
Status packFragmentsE4M3Sparse(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                               int64_t firstRow = 0);
Status packFragmentsS8Sparse(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                             int64_t firstRow = 0);

/// Bytes of the metadata of `rows` rows (rounded up to whole row tiles).
int64_t metadataBytes(int64_t rows, int64_t cols);
/// Metadata of the same dense matrix, into metadataBytes(n, cols) bytes for an n ≥ rows; fails in the same way. A four
/// of zeros (padding too) stores columns 0 and 1: equal indices are undefined behaviour of mma.sp.
Status packMetadataBF16(std::span<const uint16_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                        int64_t firstRow = 0);
Status packMetadataE4M3(std::span<const uint8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                        int64_t firstRow = 0);
Status packMetadataS8(std::span<const int8_t> w, int64_t rows, int64_t cols, std::span<uint8_t> out,
                      int64_t firstRow = 0);

/// Channel scales f32[N] → f32[paddedRows(N)]; padding is 1, which keeps padded rows finite.
void packChannelScales(std::span<const float> scales, std::span<float> out);
/// One scale for all rows, as the channel scales of N equal ones.
void packTensorScale(float scale, int64_t rows, std::span<float> out);
/// Group scales bf16 [N, groups] → [groups, paddedRows(N)]: the rows a lane needs are adjacent; padding is 1.
void packGroupScales(std::span<const uint16_t> scales, int64_t rows, int64_t groups, std::span<uint16_t> out);
/// Zero points [N, groups] → bf16 [groups, paddedRows(N)]; padding is 0.
void packGroupZeros(std::span<const int8_t> zeros, int64_t rows, int64_t groups, std::span<uint16_t> out);

} // namespace qcc::quant

#endif // QCC_QUANT_LAYOUT_H
