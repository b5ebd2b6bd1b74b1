//===- MmaKernels.h - the arithmetic behind mmaSync, private --------------===//
//
// Fragments as tiles. Every register of A and B holds, over its 32 lanes, one tile of 8 rows by 16
// bytes in row-major order (lane 4*g + t holds bytes 4*t to 4*t+3 of row g), whatever the element
// type. Register 2*i + j of A is the tile of rows 8*j.. and bytes 16*i.. of a row; register i of B
// is the tile of columns 0..7 (the tile's rows) and bytes 16*i.. of K. This is the figures of PTX
// ISA 9.7.14.5.7 to 9.7.14.5.11 in one sentence; num_mma_layout checks them one by one.
//
// Register 2*j + h of an f32 or s32 C or D holds, in lane 4*g + t, row g + 8*j, column 2*t + h;
// register j of an f16 one both columns, packed.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_NUM_MMAKERNELS_H
#define QCCSIM_NUM_MMAKERNELS_H

#include "TensorCore.h"

namespace qccsim {

struct MmaArithmetic {
  int step = 16;                      ///< Products summed at once.
  int fractionBits = 25;              ///< Kept below the largest exponent.
  uint32_t resultMask = ~uint32_t(0); ///< Applied to the f32 result's bits.
};

constexpr int mmaRows = 16;
constexpr int mmaColumns = 8;
constexpr int mmaMaxK = 64; ///< Rows of B.

/// For each row of A and each of its stored values, the row of B it meets. Sparse products only.
struct MmaSelection {
  uint8_t row[mmaRows][mmaMaxK / 2];
};

/// Values of a row of A that are stored.
inline int mmaStored(const MmaDesc &desc) { return desc.sparse ? desc.k / 2 : desc.k; }

// `selection` is null for dense products.
void mmaExact(const MmaDesc &desc, const MmaArithmetic &arithmetic, const uint32_t *const *a, const uint32_t *const *b,
              const uint32_t *const *c, uint32_t *const *d, const MmaSelection *selection);
void mmaFast(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b, const uint32_t *const *c,
             uint32_t *const *d, const MmaSelection *selection);
void mmaInteger(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b, const uint32_t *const *c,
                uint32_t *const *d, const MmaSelection *selection);

/// Reads metadata (PTX ISA 9.7.14.6.2).
void mmaSelect(const MmaDesc &desc, const uint32_t *metadata, MmaSelection &selection);

/// Operands as matrices of f32 values, which hold every element type exactly.
struct MmaMatrices {
  alignas(64) float a[mmaRows][mmaMaxK];
  alignas(64) float b[mmaColumns][mmaMaxK];
  alignas(64) float c[mmaRows][mmaColumns];
  bool special = false; ///< An infinity or NaN in A, B or C.
};

/// Reads the fragments. tf32 is truncated to its 10 mantissa bits.
void mmaUnpack(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b, const uint32_t *const *c,
               MmaMatrices &matrices);

/// Writes D.
void mmaPackF32(const float (*values)[mmaColumns], uint32_t *const *d);
void mmaPackF16(const uint16_t (*values)[mmaColumns], uint32_t *const *d);

} // namespace qccsim

#endif // QCCSIM_NUM_MMAKERNELS_H
