//===- MmaFragments.cpp - between fragments and matrices ------------------===//

#include "MmaKernels.h"

#include "Convert.h"

#include <cstring>

#define QCCSIM_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))

namespace qccsim {
namespace {

constexpr int tileWords = 32;

/// `count` narrow values to f32, exact. Branch-free so that the loop vectorises; infinities and
/// NaN come out as such.
template <int exponentBits, int mantissaBits, bool hasInfinity>
[[gnu::always_inline]] inline float widen(uint32_t bits) {
  constexpr int width = exponentBits + mantissaBits;
  constexpr uint32_t exponentMask = ((1u << exponentBits) - 1) << mantissaBits;
  constexpr uint32_t magnitudeMask = (1u << width) - 1;
  constexpr int bias = (1 << (exponentBits - 1)) - 1;
  uint32_t magnitude = bits & magnitudeMask;
  uint32_t sign = bits >> width << 31;
  float scaled = floatOf(magnitude << (23 - mantissaBits)) * floatOf(uint32_t(254 - bias) << 23);
  uint32_t all = magnitude << (23 - mantissaBits) | 0x7F800000;
  bool isSpecial = hasInfinity ? (magnitude & exponentMask) == exponentMask : magnitude == magnitudeMask;
  return floatOf(sign | (isSpecial ? all : bitsOf(scaled)));
}

struct F16 {
  using Storage = uint16_t;
  [[gnu::always_inline]] static float value(uint32_t bits) { return widen<5, 10, true>(bits); }
};
struct BF16 {
  using Storage = uint16_t;
  [[gnu::always_inline]] static float value(uint32_t bits) { return floatOf(bits << 16); }
};
struct TF32 {
  using Storage = uint32_t;
  [[gnu::always_inline]] static float value(uint32_t bits) {
    // A NaN whose payload lies in the dropped bits stays a NaN.
    uint32_t nan = (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x00400000 : 0;
    return floatOf((bits & ~0x1FFFu) | nan);
  }
};
struct E4M3 {
  using Storage = uint8_t;
  [[gnu::always_inline]] static float value(uint32_t bits) { return widen<4, 3, false>(bits); }
};
struct E5M2 {
  using Storage = uint8_t;
  [[gnu::always_inline]] static float value(uint32_t bits) { return widen<5, 2, true>(bits); }
};

/// One tile to rows of `out`, whose row stride is mmaMaxK. Returns whether one was not finite.
template <typename Type> [[gnu::always_inline]] inline uint32_t unpackTile(const uint32_t *words, float *out) {
  constexpr int perRow = 16 / sizeof(typename Type::Storage);
  typedef typename Type::Storage Element __attribute__((may_alias));
  const auto *elements = reinterpret_cast<const Element *>(words);
  alignas(64) uint32_t flat[8 * perRow]; // one loop over the tile vectorises, rows would not
  uint32_t special = 0;
  for (int i = 0; i < 8 * perRow; ++i) {
    uint32_t bits = bitsOf(Type::value(elements[i]));
    flat[i] = bits;
    uint32_t magnitude = bits & 0x7FFFFFFF;
    special = special > magnitude ? special : magnitude;
  }
  for (int row = 0; row < 8; ++row)
    std::memcpy(out + row * mmaMaxK, flat + row * perRow, perRow * sizeof(float));
  return special >= 0x7F800000;
}

template <typename Type>
[[gnu::always_inline]] inline uint32_t unpackOperand(const uint32_t *const *registers, int tiles, int tileRows,
                                                     float *out) {
  constexpr int perRow = 16 / sizeof(typename Type::Storage);
  uint32_t special = 0;
  for (int tile = 0; tile < tiles; ++tile)
    for (int half = 0; half < tileRows; ++half)
      special |= unpackTile<Type>(registers[tile * tileRows + half], out + half * 8 * mmaMaxK + tile * perRow);
  return special;
}

[[gnu::always_inline]] inline uint32_t unpackTyped(MmaType type, const uint32_t *const *registers, int tiles,
                                                   int tileRows, float *out) {
  switch (type) {
  case MmaType::F16:
    return unpackOperand<F16>(registers, tiles, tileRows, out);
  case MmaType::BF16:
    return unpackOperand<BF16>(registers, tiles, tileRows, out);
  case MmaType::TF32:
    return unpackOperand<TF32>(registers, tiles, tileRows, out);
  case MmaType::E4M3:
    return unpackOperand<E4M3>(registers, tiles, tileRows, out);
  default:
    return unpackOperand<E5M2>(registers, tiles, tileRows, out);
  }
}

} // namespace

QCCSIM_CLONES void mmaUnpack(const MmaDesc &desc, const uint32_t *const *a, const uint32_t *const *b,
                             const uint32_t *const *c, MmaMatrices &matrices) {
  MmaRegisters registers = mmaRegisters(desc);
  uint32_t special = unpackTyped(desc.a, a, registers.a / 2, 2, &matrices.a[0][0]);
  special |= unpackTyped(desc.b, b, registers.b, 1, &matrices.b[0][0]);
  // Lane 4*g + t and register h of a half hold row g, column 2*t + h: an interleaving.
  for (int half = 0; half < 2; ++half) {
    float *out = &matrices.c[8 * half][0];
    uint32_t largest = 0;
    if (desc.c == MmaAccumulator::F16)
      for (int lane = 0; lane < tileWords; ++lane) {
        out[2 * lane] = F16::value(c[half][lane] & 0xFFFF);
        out[2 * lane + 1] = F16::value(c[half][lane] >> 16);
      }
    else
      for (int lane = 0; lane < tileWords; ++lane) {
        out[2 * lane] = floatOf(c[2 * half][lane]);
        out[2 * lane + 1] = floatOf(c[2 * half + 1][lane]);
      }
    for (int i = 0; i < 2 * tileWords; ++i) {
      uint32_t magnitude = bitsOf(out[i]) & 0x7FFFFFFF;
      largest = largest > magnitude ? largest : magnitude;
    }
    special |= largest >= 0x7F800000;
  }
  matrices.special = special != 0;
}

QCCSIM_CLONES void mmaPackF32(const float (*values)[mmaColumns], uint32_t *const *d) {
  for (int half = 0; half < 2; ++half)
    for (int h = 0; h < 2; ++h) {
      const float *in = &values[8 * half][h];
      uint32_t *out = d[2 * half + h];
      for (int lane = 0; lane < tileWords; ++lane)
        out[lane] = bitsOf(in[2 * lane]);
    }
}

void mmaPackF16(const uint16_t (*values)[mmaColumns], uint32_t *const *d) {
  for (int half = 0; half < 2; ++half)
    for (int lane = 0; lane < tileWords; ++lane) {
      const uint16_t *in = &values[8 * half + lane / 4][2 * (lane % 4)];
      d[half][lane] = pack16(in[1], in[0]);
    }
}

} // namespace qccsim
