//===- MmaInteger.cpp - s8 and u8 mma.sync --------------------------------===//
//
// Exact: the dot product of at most 32 stored products of 8-bit values fits s32; adding C wraps, or
// clamps with .satfinite (PTX ISA 9.7.14.5.14).
//
//===----------------------------------------------------------------------===//

#include "MmaKernels.h"

#include <cstring>

#define QCCSIM_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))

namespace qccsim {
namespace {

[[gnu::always_inline]] inline void unpackTile(MmaType type, const uint32_t *words, int16_t *out) {
  const auto *bytes = reinterpret_cast<const uint8_t *>(words);
  for (int row = 0; row < 8; ++row)
    for (int i = 0; i < 16; ++i) {
      uint8_t byte = bytes[row * 16 + i];
      out[row * mmaMaxK + i] = type == MmaType::S8 ? int16_t(int8_t(byte)) : int16_t(byte);
    }
}

} // namespace

QCCSIM_CLONES void mmaInteger(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b,
                              const uint32_t *const *c, uint32_t *const *d, const MmaSelection *selection) {
  alignas(64) int16_t left[mmaRows][mmaMaxK];
  alignas(64) int16_t right[mmaColumns][mmaMaxK];
  MmaRegisters registers = mmaRegisters(desc);
  for (int i = 0; i < registers.a; ++i)
    unpackTile(desc.a, a[i], &left[i % 2 * 8][i / 2 * 16]);
  for (int i = 0; i < registers.b; ++i)
    unpackTile(desc.b, b[i], &right[0][i * 16]);
  int stored = mmaStored(desc);
  uint32_t result[4][32]; // d may name c's registers in another order
  for (int row = 0; row < mmaRows; ++row)
    for (int column = 0; column < mmaColumns; ++column) {
      int32_t dot = 0;
      if (selection)
        for (int i = 0; i < stored; ++i)
          dot += int32_t(left[row][i]) * right[column][selection->row[row][i]];
      else
        for (int k = 0; k < stored; ++k)
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
