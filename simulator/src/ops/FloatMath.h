//===- FloatMath.h - f32 and f64 helpers ----------------------------------===//

#ifndef QCCSIM_OPS_FLOATMATH_H
#define QCCSIM_OPS_FLOATMATH_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace qccsim {

/// PTX results that are NaN are the canonical one (PTX ISA 9.0, 9.7.3).
inline float canonical(float v) { return v != v ? std::bit_cast<float>(0x7fffffffu) : v; }
inline double canonical(double v) { return v != v ? std::bit_cast<double>(0x7fffffffffffffffull) : v; }

/// .ftz: subnormals become zero of the same sign.
template <bool ftz> inline float flush(float v) {
  if constexpr (!ftz)
    return v;
  uint32_t bits = std::bit_cast<uint32_t>(v);
  return std::bit_cast<float>((bits & 0x7f800000u) ? bits : bits & 0x80000000u);
}
template <bool> inline double flush(double v) { return v; }

/// .sat: clamps to [0, 1]; NaN becomes +0.
template <bool sat, class T> inline T saturate(T v) {
  if constexpr (!sat)
    return v;
  return v > T(0) ? (v < T(1) ? v : T(1)) : T(0);
}

} // namespace qccsim

#endif // QCCSIM_OPS_FLOATMATH_H
