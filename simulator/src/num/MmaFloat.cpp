//===- MmaFloat.cpp - floating point mma.sync -----------------------------===//
//
// The fused, truncated sum of TensorCore.h in f64 arithmetic rounded toward zero. Products are
// exact in f64. Two sums per element start at M = 2^(E - F + 52), E the largest exponent and F the
// fractional bits kept: the last place of every number in [M, 2M) is 2^(E - F), so that adding a
// non-negative product cuts it there. One collects the positive terms, the other the magnitudes
// of the negative ones; their difference is the sum, exactly.
//
//===----------------------------------------------------------------------===//

#include "Convert.h"
#include "MmaKernels.h"

#include <cmath>
#include <immintrin.h>

#define QCCSIM_CLONES __attribute__((target_clones("default", "avx2,fma", "arch=x86-64-v4")))

namespace qccsim {
namespace {

typedef double Doubles __attribute__((vector_size(64), may_alias));
typedef float Floats __attribute__((vector_size(32), may_alias));
typedef int32_t Ints __attribute__((vector_size(32), may_alias));
typedef int64_t Longs __attribute__((vector_size(64), may_alias));
static_assert(mmaColumns == 8, "one vector is one row of D");

constexpr int32_t zeroExponent = -1000; ///< Below every exponent of a product that is not 0.
constexpr int32_t minExponent = -126;   ///< C's exponent where C is 0.

struct Operands {
  alignas(64) double aMagnitude[mmaRows][mmaMaxK];
  /// 0 where A is positive, 8 where negative: where in b[k] to find the factors of the positive
  /// terms; those of the negative ones lie 8 further.
  alignas(64) int32_t aOffset[mmaRows][mmaMaxK];
  alignas(64) int32_t aExponent[mmaRows][mmaMaxK];
  /// For each k: max(B, 0), max(-B, 0), max(B, 0) over the columns.
  alignas(64) double b[mmaMaxK][3 * mmaColumns];
  alignas(64) int32_t bExponent[mmaMaxK][mmaColumns];
};

int minNormalExponent(MmaType type) {
  switch (type) {
  case MmaType::F16:
  case MmaType::E5M2:
    return -14;
  case MmaType::E4M3:
    return -6;
  default:
    return -126;
  }
}

/// Exponents of the significands' units as the hardware aligns them: subnormals are not
/// normalised.
[[gnu::always_inline]] inline Ints exponentsOf(const float *values, int minNormal) {
  Ints magnitude = *reinterpret_cast<const Ints *>(values) & 0x7FFFFFFF;
  Ints exponent = (magnitude >> 23) - 127, least = Ints{} + minNormal;
  exponent = exponent > least ? exponent : least;
  return magnitude == 0 ? Ints{} + zeroExponent : exponent;
}

/// Columns i to i+7 of B's rows (its columns of the product): 8 vectors of 8.
[[gnu::always_inline]] inline void transpose(const float (*b)[mmaMaxK], int i, Floats (&out)[8]) {
  Floats in[8], half[8];
  for (int r = 0; r < 8; ++r)
    in[r] = *reinterpret_cast<const Floats *>(&b[r][i]);
  // Exchange off-diagonal blocks of 1, 2, then 4.
  for (int r = 0; r < 8; r += 2) {
    half[r] = __builtin_shuffle(in[r], in[r + 1], Ints{0, 8, 2, 10, 4, 12, 6, 14});
    half[r + 1] = __builtin_shuffle(in[r], in[r + 1], Ints{1, 9, 3, 11, 5, 13, 7, 15});
  }
  for (int r = 0; r < 8; ++r)
    if (!(r & 2)) {
      in[r] = __builtin_shuffle(half[r], half[r + 2], Ints{0, 1, 8, 9, 4, 5, 12, 13});
      in[r + 2] = __builtin_shuffle(half[r], half[r + 2], Ints{2, 3, 10, 11, 6, 7, 14, 15});
    }
  for (int r = 0; r < 4; ++r) {
    out[r] = __builtin_shuffle(in[r], in[r + 4], Ints{0, 1, 2, 3, 8, 9, 10, 11});
    out[r + 4] = __builtin_shuffle(in[r], in[r + 4], Ints{4, 5, 6, 7, 12, 13, 14, 15});
  }
}

/// Handles K (`stored` values of a row of A, `k` rows of B) in pieces of 8; what lies beyond a smaller K is not used.
QCCSIM_CLONES void prepare(const MmaMatrices &matrices, int stored, int k, int minA, int minB, Operands &operands) {
  for (int row = 0; row < mmaRows; ++row)
    for (int i = 0; i < stored; i += 8) {
      const float *values = &matrices.a[row][i];
      Ints bits = *reinterpret_cast<const Ints *>(values);
      *reinterpret_cast<Doubles *>(&operands.aMagnitude[row][i]) =
          __builtin_convertvector(reinterpret_cast<Floats>(bits & 0x7FFFFFFF), Doubles);
      *reinterpret_cast<Ints *>(&operands.aOffset[row][i]) = (bits >> 31) & mmaColumns;
      *reinterpret_cast<Ints *>(&operands.aExponent[row][i]) = exponentsOf(values, minA);
    }
  for (int i = 0; i < k; i += 8) {
    Floats columns[8], zero = {};
    transpose(matrices.b, i, columns);
    for (int j = 0; j < 8; ++j) {
      auto *out = reinterpret_cast<Doubles *>(operands.b[i + j]);
      out[0] = out[2] = __builtin_convertvector(columns[j] > 0 ? columns[j] : zero, Doubles);
      out[1] = __builtin_convertvector(columns[j] < 0 ? -columns[j] : zero, Doubles);
      *reinterpret_cast<Ints *>(operands.bExponent[i + j]) =
          exponentsOf(reinterpret_cast<const float *>(&columns[j]), minB);
    }
  }
}

/// One step over the stored values in [begin, end): sums[row][column], truncated but not yet rounded to the result
/// type. Must run with the rounding mode set toward zero.
template <bool sparse>
[[gnu::always_inline]] inline void sumStored(const Operands &operands, const MmaSelection *selection, int begin,
                                             int end, int fractionBits, const float (*c)[mmaColumns], int minC,
                                             double (*sums)[mmaColumns]) {
  auto rowOfB = [&](int row, int k) { return sparse ? int(selection->row[row][k]) : k; };
  constexpr int group = 4; // rows at once, to hide the latency of the additions
  for (int base = 0; base < mmaRows; base += group) {
    Ints largest[group];
    for (int r = 0; r < group; ++r) {
      Ints exponents = exponentsOf(c[base + r], minC), least = Ints{} + minExponent;
      largest[r] = exponents > least ? exponents : least;
    }
    for (int k = begin; k < end; ++k)
      for (int r = 0; r < group; ++r) {
        Ints exponents =
            *reinterpret_cast<const Ints *>(operands.bExponent[rowOfB(base + r, k)]) + operands.aExponent[base + r][k];
        largest[r] = exponents > largest[r] ? exponents : largest[r];
      }
    Doubles positive[group], negative[group];
    for (int r = 0; r < group; ++r) {
      Longs field = __builtin_convertvector(largest[r], Longs) + (1023 + 52 - fractionBits);
      Doubles start = reinterpret_cast<Doubles>(field << 52), zero = {};
      Doubles value = __builtin_convertvector(*reinterpret_cast<const Floats *>(c[base + r]), Doubles);
      positive[r] = start + (value > 0 ? value : zero);
      negative[r] = start + (value < 0 ? -value : zero);
    }
    for (int k = begin; k < end; ++k)
      for (int r = 0; r < group; ++r) {
        const double *factors = operands.b[rowOfB(base + r, k)] + operands.aOffset[base + r][k];
        double magnitude = operands.aMagnitude[base + r][k];
        positive[r] += magnitude * *reinterpret_cast<const Doubles *>(factors);
        negative[r] += magnitude * *reinterpret_cast<const Doubles *>(factors + mmaColumns);
      }
    for (int r = 0; r < group; ++r)
      *reinterpret_cast<Doubles *>(sums[base + r]) = positive[r] - negative[r];
  }
}

QCCSIM_CLONES void sumStep(const Operands &operands, int begin, int end, int fractionBits, const float (*c)[mmaColumns],
                           int minC, double (*sums)[mmaColumns]) {
  sumStored<false>(operands, nullptr, begin, end, fractionBits, c, minC, sums);
}

QCCSIM_CLONES void sumSparseStep(const Operands &operands, const MmaSelection &selection, int begin, int end,
                                 int fractionBits, const float (*c)[mmaColumns], int minC, double (*sums)[mmaColumns]) {
  sumStored<true>(operands, &selection, begin, end, fractionBits, c, minC, sums);
}

/// Sums to f32, toward zero (by the rounding mode), infinity from 2^128. Returns whether a result
/// is infinite.
QCCSIM_CLONES bool toF32(const double (*sums)[mmaColumns], uint32_t mask, float (*values)[mmaColumns]) {
  uint32_t infinite = 0;
  for (int row = 0; row < mmaRows; ++row)
    for (int column = 0; column < mmaColumns; ++column) {
      double sum = sums[row][column];
      uint32_t bits = bitsOf(float(sum));
      bool over = sum >= 0x1p128 || sum <= -0x1p128;
      infinite |= over;
      bits = over ? (bits & 0x80000000) | 0x7F800000 : bits & mask;
      values[row][column] = floatOf(bits);
    }
  return infinite != 0;
}

/// Holds the rounding mode toward zero, flushing off, exceptions masked. The arithmetic it is for
/// must be in functions that are not inlined, since the compiler knows nothing of the mode.
class RoundTowardZero {
public:
  RoundTowardZero() : saved(_mm_getcsr()) { _mm_setcsr(0x7F80); }
  ~RoundTowardZero() { _mm_setcsr(saved); }

private:
  unsigned saved;
};

/// Where an input is infinite or NaN the result follows from IEEE 754 rules alone.
void overrideSpecials(const MmaMatrices &matrices, const MmaSelection *selection, int begin, int end,
                      double (*sums)[mmaColumns]) {
  for (int row = 0; row < mmaRows; ++row)
    for (int column = 0; column < mmaColumns; ++column) {
      double sum = matrices.c[row][column];
      for (int k = begin; k < end; ++k)
        sum += double(matrices.a[row][k]) * double(matrices.b[column][selection ? selection->row[row][k] : k]);
      if (!std::isfinite(sum))
        sums[row][column] = sum;
    }
}

constexpr uint32_t canonicalNan = 0x7FFFFFFF;

} // namespace

void mmaExact(const MmaDesc &desc, const MmaArithmetic &arithmetic, const uint32_t *const *a, const uint32_t *const *b,
              const uint32_t *const *c, uint32_t *const *d, const MmaSelection *selection) {
  MmaMatrices matrices;
  Operands operands;
  alignas(64) double sums[mmaRows][mmaColumns];
  uint16_t halves[mmaRows][mmaColumns];
  bool toHalf = desc.c == MmaAccumulator::F16;
  int minC = toHalf ? -14 : -126;

  mmaUnpack(desc, a, b, c, matrices);
  int stored = mmaStored(desc);
  prepare(matrices, stored, desc.k, minNormalExponent(desc.a), minNormalExponent(desc.b), operands);
  bool special = matrices.special;
  for (int begin = 0; begin < stored; begin += arithmetic.step) {
    int end = begin + arithmetic.step;
    {
      RoundTowardZero mode;
      if (selection)
        sumSparseStep(operands, *selection, begin, end, arithmetic.fractionBits, matrices.c, minC, sums);
      else
        sumStep(operands, begin, end, arithmetic.fractionBits, matrices.c, minC, sums);
    }
    if (special)
      overrideSpecials(matrices, selection, begin, end, sums);
    if (toHalf) {
      for (int row = 0; row < mmaRows; ++row)
        for (int column = 0; column < mmaColumns; ++column) {
          halves[row][column] = f64ToF16(sums[row][column], Rounding::NearestEven);
          matrices.c[row][column] = f16ToF32(halves[row][column]);
          special |= !std::isfinite(matrices.c[row][column]);
        }
      continue;
    }
    RoundTowardZero mode;
    special |= toF32(sums, arithmetic.resultMask, matrices.c);
  }
  if (toHalf) {
    mmaPackF16(halves, d);
    return;
  }
  if (special)
    for (auto &row : matrices.c)
      for (float &value : row)
        value = std::isnan(value) ? floatOf(canonicalNan) : value;
  mmaPackF32(matrices.c, d);
}

namespace {

QCCSIM_CLONES void sumFast(MmaMatrices &matrices, int k, const MmaSelection *selection) {
  Floats columns[mmaMaxK];
  for (int i = 0; i < k; i += 8)
    transpose(matrices.b, i, *reinterpret_cast<Floats(*)[8]>(&columns[i]));
  constexpr int group = 8; // rows at once, to hide the latency of the additions
  for (int base = 0; base < mmaRows; base += group) {
    Floats sums[group];
    for (int r = 0; r < group; ++r)
      sums[r] = *reinterpret_cast<const Floats *>(matrices.c[base + r]);
    if (selection)
      for (int i = 0; i < k / 2; ++i)
        for (int r = 0; r < group; ++r)
          sums[r] += matrices.a[base + r][i] * columns[selection->row[base + r][i]];
    else
      for (int i = 0; i < k; ++i)
        for (int r = 0; r < group; ++r)
          sums[r] += matrices.a[base + r][i] * columns[i];
    for (int r = 0; r < group; ++r)
      *reinterpret_cast<Floats *>(matrices.c[base + r]) = sums[r];
  }
}

} // namespace

void mmaFast(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b, const uint32_t *const *c,
             uint32_t *const *d, const MmaSelection *selection) {
  MmaMatrices matrices;
  mmaUnpack(desc, a, b, c, matrices);
  sumFast(matrices, desc.k, selection);
  if (desc.c == MmaAccumulator::F32) {
    mmaPackF32(matrices.c, d);
    return;
  }
  uint16_t halves[mmaRows][mmaColumns];
  for (int row = 0; row < mmaRows; ++row)
    for (int column = 0; column < mmaColumns; ++column)
      halves[row][column] = f32ToF16(matrices.c[row][column], Rounding::NearestEven);
  mmaPackF16(halves, d);
}

} // namespace qccsim
