//===- Convert.h - bit-exact narrow floating point conversions ------------===//
//
// Conversions between f32 and f16, bf16, tf32, e4m3, e5m2 as PTX's `cvt` defines them (PTX ISA
// 9.0, section 9.7.9.22 "cvt"). Every function is pure; values of narrow formats are passed as
// their bits.
//
// Common to all:
//  * NaN becomes the destination's canonical NaN: f16 and bf16 0x7FFF, tf32 and f32 0x7FFFFFFF,
//    e4m3 and e5m2 0x7F.
//  * Subnormal results are kept (no flushing). A caller with `.ftz` flushes its f32 input itself.
//  * `satFinite`: a magnitude beyond the format's largest finite value, infinity included, becomes
//    that value with the sign kept. Without it overflow follows IEEE 754: infinity or the largest
//    finite value, by the rounding mode.
//  * `relu`: negative results, -0 included, become +0; NaN stays the canonical NaN.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_NUM_CONVERT_H
#define QCCSIM_NUM_CONVERT_H

#include <cstdint>
#include <cstring>

namespace qccsim {

/// PTX rounding modifiers: .rn .rz .rm .rp .rna.
enum class Rounding : uint8_t { NearestEven, Zero, Down, Up, NearestAway };

inline uint32_t bitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}

inline float floatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

/// Exact widening: every value of a narrow format is a value of f32.
float f16ToF32(uint16_t bits);
float bf16ToF32(uint16_t bits);
float e4m3ToF32(uint8_t bits);
float e5m2ToF32(uint8_t bits);

/// Narrowing from f32. e4m3 and e5m2 exist only with .satfinite in PTX, so it is always on there.
uint16_t f32ToF16(float value, Rounding mode, bool satFinite = false, bool relu = false);
uint16_t f32ToBf16(float value, Rounding mode, bool satFinite = false, bool relu = false);
uint8_t f32ToE4m3(float value, Rounding mode = Rounding::NearestEven, bool relu = false);
uint8_t f32ToE5m2(float value, Rounding mode = Rounding::NearestEven, bool relu = false);

/// tf32: 8 exponent and 10 mantissa bits, kept in the upper 19 bits of a word whose low 13 are 0.
uint32_t f32ToTf32(float value, Rounding mode, bool satFinite = false, bool relu = false);

/// Narrowing from f64, rounded once (cvt.f16.f64, cvt.bf16.f64).
uint16_t f64ToF16(double value, Rounding mode, bool satFinite = false);
uint16_t f64ToBf16(double value, Rounding mode, bool satFinite = false);
/// cvt.{rn,rz,rm,rp}.f32.f64.
float f64ToF32(double value, Rounding mode);

/// f16 to e4m3/e5m2 (cvt.rn.satfinite.e4m3x2.f16x2) and back, for one element. Exact to f16:
/// every e4m3 and e5m2 value is an f16 value.
uint8_t f16ToE4m3(uint16_t bits, bool relu = false);
uint8_t f16ToE5m2(uint16_t bits, bool relu = false);
uint16_t e4m3ToF16(uint8_t bits, bool relu = false);
uint16_t e5m2ToF16(uint8_t bits, bool relu = false);

/// Packing order of the two-source forms, `cvt.rn.f16x2.f32 d, a, b`: a is the UPPER half.
inline uint32_t pack16(uint16_t upper, uint16_t lower) { return uint32_t(upper) << 16 | lower; }
inline uint16_t pack8(uint8_t upper, uint8_t lower) { return uint16_t(upper << 8 | lower); }

/// Whole-warp forms of the conversions that inner loops of kernels are made of: 32 lanes each,
/// one register per array, narrow values in the low bits. Results equal the scalar functions'.
void warpF16ToF32(const uint32_t *source, uint32_t *result);
void warpF32ToF16(const uint32_t *source, uint32_t *result);                          // .rn
void warpF32ToF16x2(const uint32_t *upper, const uint32_t *lower, uint32_t *result);  // .rn
void warpF32ToBf16x2(const uint32_t *upper, const uint32_t *lower, uint32_t *result); // .rn
void warpF32ToE4m3x2(const uint32_t *upper, const uint32_t *lower, uint32_t *result); // .rn
void warpE4m3x2ToF16x2(const uint32_t *source, uint32_t *result);

} // namespace qccsim

#endif // QCCSIM_NUM_CONVERT_H
