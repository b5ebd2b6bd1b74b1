//===- quantize.cuh - Codes and scales of activations ---------------------===//
//
// What a kernel that makes the input of a product stores (KernelDesc.h, ActQuant), from bf16 values:
//   e4m3 : scale = amax / 448, NaN taking no part; code = e4m3(x / scale), saturating, NaN stays NaN
//   s8   : scale = amax / 127; code = rint(x / scale) in [-127, 127]. A row with NaN or infinity gets the scale NaN and
//          codes 0. With a static scale nothing can carry a NaN: it becomes 0.
// A scale that is no normal number becomes 1. Divisions, since products with the reciprocal round differently from
// lib/Quant (ActivationCodes).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "common/reduce.cuh"
#include "common/row.cuh"
#include "common/s8.cuh"

namespace qcc {

enum class ActQuant { None, E4M3Token, E4M3Group128, E4M3Static, S8Token, S8Static };

/// Columns that share a scale of E4M3Group128, and the neighbouring lanes that hold them.
inline constexpr int kQuantGroup = 128, kQuantGroupLanes = kQuantGroup / kVector;

template <ActQuant KIND> struct Quantizer {
  static constexpr bool quantizes = KIND != ActQuant::None;
  static constexpr bool perRow = KIND == ActQuant::E4M3Token || KIND == ActQuant::S8Token;
  static constexpr bool perGroup = KIND == ActQuant::E4M3Group128;
  static constexpr bool isStatic = KIND == ActQuant::E4M3Static || KIND == ActQuant::S8Static;
  static constexpr bool isS8 = KIND == ActQuant::S8Token || KIND == ActQuant::S8Static;

  /// Largest magnitude of s8 values by their bits, of e4m3 values by their order.
  struct Max {
    __device__ static float identity() { return 0.0f; }
    __device__ static float apply(float a, float b) {
      if constexpr (isS8)
        return __uint_as_float(max(__float_as_uint(a), __float_as_uint(b)));
      else
        return fmaxf(a, b);
    }
  };

  __device__ static float magnitude(const BF16x8 &vector, float amax) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      amax = Max::apply(amax, fabsf(bf16LowToFloat(vector.pair[i])));
      amax = Max::apply(amax, fabsf(bf16HighToFloat(vector.pair[i])));
    }
    return amax;
  }

  __device__ static float scale(float amax) {
    if constexpr (isS8)
      return scaleS8(amax);
    else
      return scaleE4M3(amax);
  }

  __device__ static uint2 codes(const BF16x8 &vector, float scale) {
    u32 words[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      u32 a = vector.pair[2 * i], b = vector.pair[2 * i + 1];
      float v0 = __fdiv_rn(bf16LowToFloat(a), scale), v1 = __fdiv_rn(bf16HighToFloat(a), scale);
      float v2 = __fdiv_rn(bf16LowToFloat(b), scale), v3 = __fdiv_rn(bf16HighToFloat(b), scale);
      if constexpr (isS8)
        words[i] = encodeS8x4(v0, v1, v2, v3);
      else
        words[i] = encodeE4M3x4(v0, v1, v2, v3);
    }
    return make_uint2(words[0], words[1]);
  }
};

/// Scale pointers of a kernel: one of them, or none.
struct QuantScales {
  float *written;      ///< dynamic kinds
  const float *given;  ///< static kinds
};

/// Quantizes eight columns from `first` on whose scale does not depend on the rest of the row (static and per-group
/// kinds), with the row's group scales at args.written + row * pitch. All lanes of the warp must call; `first` is eight
/// times a number that counts up with the lane from a multiple of sixteen.
template <ActQuant KIND, int COLUMNS>
__device__ inline void quantizeVector(const BF16x8 &vector, int first, i64 row, u8 *codes, const QuantScales &scales) {
  using Q = Quantizer<KIND>;
  static_assert(Q::isStatic || Q::perGroup, "a scale of the whole row is found by the caller");
  float scale;
  if constexpr (Q::isStatic)
    scale = *scales.given;
  else
    scale = Q::scale(reduceLanes<typename Q::Max, kQuantGroupLanes>(Q::magnitude(vector, 0.0f)));
  if (first >= COLUMNS)
    return;
  storeCodes<COLUMNS>(codes, first, Q::codes(vector, scale));
  if constexpr (Q::perGroup)
    if (first % kQuantGroup == 0)
      scales.written[row * rowPitch<4>(ceilDiv(COLUMNS, kQuantGroup)) + first / kQuantGroup] = scale;
}

} // namespace qcc
