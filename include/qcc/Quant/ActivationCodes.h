//===- ActivationCodes.h - Codes of activations, keys and values --*- C++ -*-===//
//
// What the kernels compute while a model runs, bit for bit: f32 arithmetic with IEEE division, rounding to nearest with
// ties to even. Scales are dynamic (from the values at hand) or static (given).
//
//   e4m3   scale = amax / 448, code = e4m3(x / scale), saturating. NaN takes no part in amax and stays NaN as a code
//   int8   scale = amax / 127, code = rint(x / scale) in [-127, 127]: symmetric, so -x gets minus the code of x. No
//          integer stands for NaN: a row with a NaN or an infinity gets the scale NaN and codes 0, so that its product
//          is NaN and is seen
//
// A scale that is not a normal number (rows of zeros) becomes 1.
//
// Static int8 has nothing that could carry a NaN: it becomes code 0, an infinity the last code. Whoever chooses that
// scheme accepts it.
//
// Rows are tokens; for cached keys and values, one row of head-dimension columns per token and head.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_ACTIVATIONCODES_H
#define QCC_QUANT_ACTIVATIONCODES_H

#include <cstdint>
#include <span>

namespace qcc::quant {

/// s = amax / 448 rounded to f32.
float scaleE4M3(float amax);
/// s = amax / 127 rounded to f32, or NaN for an amax of NaN or infinity.
float scaleInt8(float amax);

/// x[rows, cols] → codes [rows, cols], scales [rows].
void quantizeE4M3PerRow(std::span<const float> x, int64_t rows, int64_t cols, std::span<uint8_t> codes,
                        std::span<float> scales);
/// A scale for each `group` columns of a row, the last may be short: scales [rows, ceil(cols / group)].
void quantizeE4M3PerGroup(std::span<const float> x, int64_t rows, int64_t cols, int64_t group, std::span<uint8_t> codes,
                          std::span<float> scales);
void quantizeE4M3Static(std::span<const float> x, float scale, std::span<uint8_t> codes);

/// x[rows, cols] → codes [rows, cols], scales [rows].
void quantizeInt8PerRow(std::span<const float> x, int64_t rows, int64_t cols, std::span<int8_t> codes,
                        std::span<float> scales);
void quantizeInt8Static(std::span<const float> x, float scale, std::span<int8_t> codes);

} // namespace qcc::quant

#endif // QCC_QUANT_ACTIVATIONCODES_H
