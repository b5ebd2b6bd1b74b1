//===- MmaInteger.cpp - s8 and u8 mma.sync --------------------------------===//
//
// Exact: the dot product of at most 32 products of 8-bit values fits s32; adding C wraps, or
// clamps with .satfinite (PTX ISA 9.7.14.5.14).
//
//===----------------------------------------------------------------------===//

#include "MmaKernels.h"

#include <cstring>

#define QCCSIM_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))

namespace qccsim {
namespace {

constexpr int maxK = 32;

[[gnu::always_inline]] inline void unpackTile(MmaType type, const uint32_t *words, int16_t *out) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(words);
  for (int row = 0; row < 8; ++row)
    for (int i = 0; i < 16; ++i) {
      uint8_t byte = bytes[row * 16 + i];
      out[row * maxK + i] = type == MmaType::S8 ? int16_t(int8_t(byte)) : int16_t(byte);
    }
}

} // namespace

QCCSIM_CLONES void mmaInteger(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b,
                              const uint32_t *const *c, uint32_t *const *d) {
  alignas(64) int16_t left[mmaRows][maxK];
  alignas(64) int16_t right[mmaColumns][maxK];
  int tiles = mmaRegisters(desc).b;
  int perRow = desc.k / tiles;
  for (int tile = 0; tile < tiles; ++tile) {
    unpackTile(desc.a, a[2 * tile], &left[0][tile * perRow]);
    unpackTile(desc.a, a[2 * tile + 1], &left[8][tile * perRow]);
    unpackTile(desc.b, b[tile], &right[0][tile * perRow]);
  }
  uint32_t result[4][32]; // d may name c's registers in another order
  for (int row = 0; row < mmaRows; ++row)
    for (int column = 0; column < mmaColumns; ++column) {
      int32_t dot = 0;
      for (int k = 0; k < desc.k; ++k)
        dot += int32_t(left[row][k]) * right[column][k];
      int reg = 2 * (row / 8) + column % 2, lane = row % 8 * 4 + column / 2;
      int64_t sum = int64_t(int32_t(c[reg][lane])) + dot;
      if (desc.satFinite)
        sum = sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum;
      result[reg][lane] = uint32_t(sum);
    }
  for (int reg = 0; reg < 4; ++reg)
    std::memcpy(d[reg], result[reg], sizeof(result[reg]));
}

} // namespace qccsim
