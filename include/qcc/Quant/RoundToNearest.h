//===- RoundToNearest.h - Scales from the data, codes by rounding -*- C++ -*-===//
//
// The scale is rounded to its stored type before codes are computed, so that codes are optimal for the scale that will
// be used. All arithmetic is f32 with IEEE division; the kernels that quantize activations on the GPU follow the same
// steps and give the same bits.
//
// A scale that would not be a normal number of its stored type (all-zero rows, rows of subnormals) becomes 1, which
// makes all codes zero.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_ROUNDTONEAREST_H
#define QCC_QUANT_ROUNDTONEAREST_H

#include "qcc/Quant/ActivationCodes.h"

#include <cstdint>
#include <optional>
#include <span>

namespace qcc::quant {

/// Position of the first NaN or infinity and how many there are.
struct NonFinite {
  int64_t first = 0;
  int64_t count = 0;
};
std::optional<NonFinite> findNonFinite(std::span<const float> values);

void dequantizeE4M3PerRow(std::span<const uint8_t> codes, std::span<const float> scales, int64_t rows, int64_t cols,
                          std::span<float> x);

/// Symmetric 4-bit grid -8…7: s = amax / 7.5 rounded to bf16 (the convention of compressed-tensors: half a step of
/// clipping at +amax buys a finer grid).
uint16_t scaleInt4(float amax);
/// Number of groups along K; the last may be short.
inline int64_t groupCount(int64_t cols, int64_t group) { return (cols + group - 1) / group; }
/// w[rows, cols] in groups of `group` along a row: scales are bf16 bits [rows, groupCount], codes one per byte in -8…7.
void quantizeInt4PerGroup(std::span<const float> w, int64_t rows, int64_t cols, int64_t group, std::span<int8_t> codes,
                          std::span<uint16_t> scales);
void dequantizeInt4PerGroup(std::span<const int8_t> codes, std::span<const uint16_t> scales, int64_t rows, int64_t cols,
                            int64_t group, std::span<float> w);

} // namespace qcc::quant

#endif // QCC_QUANT_ROUNDTONEAREST_H
