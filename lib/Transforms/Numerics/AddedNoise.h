//===- AddedNoise.h - What rounding its weight adds to a linear -*- C++ -*-===//
//
// The noise that a linear inherits hides what it adds. Both are told apart by the float weight on what the linear reads
// now: the output differs from that by the weight's rounding alone, whose size follows from the format. For weights w
// in a group with the largest magnitude m, codes of b bits have steps of Δ = m / (2^(b-1) - 1) and errors of variance
// Δ² / 12; e4m3 numbers have relative steps of 1/8, which for a significand spread evenly is an error of 5.6e-4·w².
// Errors of different weights are taken as independent: Σ_k var(w_nk)·E[x_k²] in channel n.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_NUMERICS_ADDEDNOISE_H
#define QCC_LIB_TRANSFORMS_NUMERICS_ADDEDNOISE_H

#include "qcc/Dialect/Graph/GraphDialect.h"

#include <optional>
#include <span>
#include <vector>

namespace qcc::numerics {

/// Ratios of the noise found to the noise that the format should cause, in decibels.
struct AddedNoise {
  double excess = 0;
  int64_t worstChannel = 0;
  double worstExcess = 0;
};

/// What a healthy weight stays below (docs/quantization.md has the measured ones).
inline constexpr double kExcessLimit = 6, kChannelExcessLimit = 15;

/// A linear in numbers: w [channels, columns] and bias [channels] (or empty) of the float module; x [rows, columns] and
/// y [rows, channels] of the other. There, y is multiplied by `rowFactors` and x by `columnFactors` (per channel and
/// column; empty: by nothing).
struct LinearNumbers {
  std::span<const float> w, bias, x, y;
  std::span<const double> rowFactors, columnFactors;
};

/// Nothing for schemes whose noise does not follow from the weight in this way: fewer than 3 bits, per tensor, blocks.
std::optional<AddedNoise> addedNoise(graph::SchemeAttr weights, const LinearNumbers &linear, int64_t channels);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_ADDEDNOISE_H
