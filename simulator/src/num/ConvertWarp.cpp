//===- ConvertWarp.cpp - conversions of 32 lanes at once ------------------===//
//
// Branch-free forms of the round-to-nearest conversions, written so that the compiler vectorises
// the loop over lanes. Each works on f32's bit fields: a normal result is the source with its
// exponent re-biased and a rounding term added; a subnormal result falls out of adding a constant
// whose last place is the format's smallest subnormal.
//
//===----------------------------------------------------------------------===//

#include "Convert.h"

#define QCCSIM_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))

namespace qccsim {
namespace {

constexpr int lanes = 32;

/// Rounds |x| (bits `magnitude`, at most the f32 image of the format's overflow threshold) to
/// a format with `mantissaBits`, bias `bias`; result in the low bits.
template <int mantissaBits, int bias> [[gnu::always_inline]] inline uint32_t roundMagnitude(uint32_t magnitude) {
  constexpr int shift = 23 - mantissaBits;
  constexpr uint32_t smallestNormal = uint32_t(127 + 1 - bias) << 23;
  constexpr uint32_t magic = uint32_t(127 + (1 - bias - mantissaBits) + 23) << 23;
  uint32_t odd = magnitude >> shift & 1;
  uint32_t normal = (magnitude + ((1u << (shift - 1)) - 1) + odd - (uint32_t(127 - bias) << 23)) >> shift;
  uint32_t subnormal = bitsOf(floatOf(magnitude) + floatOf(magic)) - magic;
  return magnitude < smallestNormal ? subnormal : normal;
}

[[gnu::always_inline]] inline uint32_t toF16(uint32_t bits) {
  uint32_t magnitude = bits & 0x7FFFFFFF;
  // 65536 is the first value whose exponent f16 lacks; it and all above are infinity.
  uint32_t clamped = magnitude < 0x47800000 ? magnitude : 0x47800000;
  uint32_t result = (bits >> 16 & 0x8000) | roundMagnitude<10, 15>(clamped);
  return magnitude > 0x7F800000 ? 0x7FFF : result;
}

[[gnu::always_inline]] inline uint32_t toBf16(uint32_t bits) {
  uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FFF : rounded;
}

[[gnu::always_inline]] inline uint32_t toE4m3(uint32_t bits) {
  constexpr uint32_t max = 0x43E00000; // 448
  uint32_t magnitude = bits & 0x7FFFFFFF;
  uint32_t clamped = magnitude < max ? magnitude : max;
  uint32_t result = (bits >> 24 & 0x80) | roundMagnitude<3, 7>(clamped);
  return magnitude > 0x7F800000 ? 0x7F : result;
}

[[gnu::always_inline]] inline uint32_t e4m3ToF16Bits(uint32_t bits) {
  // Every e4m3 value is a normal f16 value or zero.
  uint32_t magnitude = bits & 0x7F;
  float scaled = floatOf(magnitude << 20) * floatOf(uint32_t(127 + 120) << 23);
  uint32_t wide = bitsOf(scaled);
  uint32_t result = magnitude == 0 ? 0 : (wide - (112u << 23)) >> 13;
  return magnitude == 0x7F ? 0x7FFF : (bits << 8 & 0x8000) | result;
}

} // namespace

QCCSIM_CLONES void warpF16ToF32(const uint32_t *source, uint32_t *result) {
  for (int lane = 0; lane < lanes; ++lane) {
    uint32_t bits = source[lane];
    uint32_t sign = (bits & 0x8000) << 16, magnitude = bits & 0x7FFF;
    uint32_t finite = sign | bitsOf(floatOf(magnitude << 13) * floatOf(uint32_t(127 + 112) << 23));
    uint32_t special = magnitude > 0x7C00 ? 0x7FFFFFFF : sign | 0x7F800000;
    result[lane] = magnitude >= 0x7C00 ? special : finite;
  }
}

QCCSIM_CLONES void warpF32ToF16(const uint32_t *source, uint32_t *result) {
  for (int lane = 0; lane < lanes; ++lane)
    result[lane] = toF16(source[lane]);
}

QCCSIM_CLONES void warpF32ToF16x2(const uint32_t *upper, const uint32_t *lower, uint32_t *result) {
  for (int lane = 0; lane < lanes; ++lane)
    result[lane] = toF16(upper[lane]) << 16 | toF16(lower[lane]);
}

QCCSIM_CLONES void warpF32ToBf16x2(const uint32_t *upper, const uint32_t *lower, uint32_t *result) {
  for (int lane = 0; lane < lanes; ++lane)
    result[lane] = toBf16(upper[lane]) << 16 | toBf16(lower[lane]);
}

QCCSIM_CLONES void warpF32ToE4m3x2(const uint32_t *upper, const uint32_t *lower, uint32_t *result) {
  for (int lane = 0; lane < lanes; ++lane)
    result[lane] = toE4m3(upper[lane]) << 8 | toE4m3(lower[lane]);
}

QCCSIM_CLONES void warpE4m3x2ToF16x2(const uint32_t *source, uint32_t *result) {
  for (int lane = 0; lane < lanes; ++lane) {
    uint32_t bits = source[lane];
    result[lane] = e4m3ToF16Bits(bits >> 8 & 0xFF) << 16 | e4m3ToF16Bits(bits & 0xFF);
  }
}

} // namespace qccsim
