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

typedef double Doubles __attribute__((vector_size(64)));
typedef float Floats __attribute__((vector_size(32)));
typedef int16_t Shorts __attribute__((vector_size(16)));
typedef int64_t Longs __attribute__((vector_size(64)));
static_assert(mmaColumns == 8, "one vector is one row of D");

constexpr int16_t zeroExponent = -1000; ///< Below every exponent of a product that is not 0.
constexpr int16_t minExponent = -126;   ///< C's exponent where C is 0.

struct Operands {
  alignas(64) double aMagnitude[mmaRows][mmaMaxK];
  /// 0 where A is positive, 8 where negative: where in b[k] to find the factors of the positive
  /// terms; those of the negative ones lie 8 further.
  int32_t aOffset[mmaRows][mmaMaxK];
  int16_t aExponent[mmaRows][mmaMaxK];
  /// For each k: max(B, 0), max(-B, 0), max(B, 0) over the columns.
  alignas(64) double b[mmaMaxK][3 * mmaColumns];
  alignas(16) int16_t bExponent[mmaMaxK][mmaColumns];
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

/// Exponent of the significand's unit as the hardware aligns it: subnormals are not normalised.
[[gnu::always_inline]] inline int16_t exponentOf(float value, int minNormal) {
  int field = int(bitsOf(value) >> 23 & 0xFF) - 127;
  int exponent = field > minNormal ? field : minNormal;
  return int16_t(value == 0 ? zeroExponent : exponent);
}

QCCSIM_CLONES void prepare(const MmaMatrices &matrices, int k, int minA, int minB,
                           Operands &operands) {
  for (int row = 0; row < mmaRows; ++row)
    for (int i = 0; i < k; ++i) {
      float value = matrices.a[row][i];
      operands.aMagnitude[row][i] = double(floatOf(bitsOf(value) & 0x7FFFFFFF));
      operands.aOffset[row][i] = int32_t(bitsOf(value) >> 31 << 3);
      operands.aExponent[row][i] = exponentOf(value, minA);
    }
  for (int i = 0; i < k; ++i)
    for (int column = 0; column < mmaColumns; ++column) {
      float value = matrices.b[column][i];
      double positive = value > 0 ? value : 0, negative = value < 0 ? -value : 0;
      operands.b[i][column] = positive;
      operands.b[i][column + mmaColumns] = negative;
      operands.b[i][column + 2 * mmaColumns] = positive;
      operands.bExponent[i][column] = exponentOf(value, minB);
    }
}

/// One step over k in [begin, end): sums[row][column], truncated but not yet rounded to the result
/// type. Must run with the rounding mode set toward zero.
QCCSIM_CLONES void sumStep(const Operands &operands, int begin, int end, int fractionBits,
                           const float (*c)[mmaColumns], int minC, double (*sums)[mmaColumns]) {
  constexpr int group = 4; // rows at once, to hide the latency of the additions
  for (int base = 0; base < mmaRows; base += group) {
    Doubles positive[group], negative[group], start[group];
    for (int r = 0; r < group; ++r) {
      Shorts largest;
      for (int column = 0; column < mmaColumns; ++column) {
        int16_t exponent = exponentOf(c[base + r][column], minC);
        largest[column] = exponent > minExponent ? exponent : minExponent;
      }
      for (int k = begin; k < end; ++k) {
        Shorts exponents = *reinterpret_cast<const Shorts *>(operands.bExponent[k]) +
                           operands.aExponent[base + r][k];
        largest = exponents > largest ? exponents : largest;
      }
      Longs field = __builtin_convertvector(largest, Longs) + (1023 + 52 - fractionBits);
      start[r] = reinterpret_cast<Doubles>(field << 52);
      Doubles value = __builtin_convertvector(
          *reinterpret_cast<const Floats *>(c[base + r]), Doubles);
      Doubles zero = {};
      positive[r] = start[r] + (value > 0 ? value : zero);
      negative[r] = start[r] + (value < 0 ? -value : zero);
    }
    for (int k = begin; k < end; ++k)
      for (int r = 0; r < group; ++r) {
        const double *factors = operands.b[k] + operands.aOffset[base + r][k];
        double magnitude = operands.aMagnitude[base + r][k];
        positive[r] += magnitude * *reinterpret_cast<const Doubles *>(factors);
        negative[r] += magnitude * *reinterpret_cast<const Doubles *>(factors + mmaColumns);
      }
    for (int r = 0; r < group; ++r)
      *reinterpret_cast<Doubles *>(sums[base + r]) = positive[r] - negative[r];
  }
}

/// Sums to f32, toward zero (by the rounding mode), infinity from 2^128. Returns whether a result
/// is infinite.
QCCSIM_CLONES bool toF32(const double (*sums)[mmaColumns], uint32_t mask,
                         float (*values)[mmaColumns]) {
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
void overrideSpecials(const MmaMatrices &matrices, int begin, int end, double (*sums)[mmaColumns]) {
  for (int row = 0; row < mmaRows; ++row)
    for (int column = 0; column < mmaColumns; ++column) {
      double sum = matrices.c[row][column];
      for (int k = begin; k < end; ++k)
        sum += double(matrices.a[row][k]) * double(matrices.b[column][k]);
      if (!std::isfinite(sum))
        sums[row][column] = sum;
    }
}

constexpr uint32_t canonicalNan = 0x7FFFFFFF;

} // namespace

void mmaExact(const MmaDesc &desc, const MmaArithmetic &arithmetic, const uint32_t *const *a,
              const uint32_t *const *b, const uint32_t *const *c, uint32_t *const *d) {
  MmaMatrices matrices;
  Operands operands;
  alignas(64) double sums[mmaRows][mmaColumns];
  uint16_t halves[mmaRows][mmaColumns];
  bool toHalf = desc.c == MmaAccumulator::F16;
  int minC = toHalf ? -14 : -126;

  mmaUnpack(desc, a, b, c, matrices);
  prepare(matrices, desc.k, minNormalExponent(desc.a), minNormalExponent(desc.b), operands);
  bool special = matrices.special;
  for (int begin = 0; begin < desc.k; begin += arithmetic.step) {
    int end = begin + arithmetic.step;
    {
      RoundTowardZero mode;
      sumStep(operands, begin, end, arithmetic.fractionBits, matrices.c, minC, sums);
    }
    if (special)
      overrideSpecials(matrices, begin, end, sums);
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

QCCSIM_CLONES void sumFast(MmaMatrices &matrices, int k) {
  alignas(64) float columns[mmaMaxK][mmaColumns];
  for (int i = 0; i < k; ++i)
    for (int column = 0; column < mmaColumns; ++column)
      columns[i][column] = matrices.b[column][i];
  for (int row = 0; row < mmaRows; ++row) {
    Floats sum = *reinterpret_cast<const Floats *>(matrices.c[row]);
    for (int i = 0; i < k; ++i)
      sum += matrices.a[row][i] * *reinterpret_cast<const Floats *>(columns[i]);
    *reinterpret_cast<Floats *>(matrices.c[row]) = sum;
  }
}

} // namespace

void mmaFast(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b,
             const uint32_t *const *c, uint32_t *const *d) {
  MmaMatrices matrices;
  mmaUnpack(desc, a, b, c, matrices);
  sumFast(matrices, desc.k);
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
