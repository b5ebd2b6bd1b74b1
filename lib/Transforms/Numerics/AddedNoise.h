//===- AddedNoise.h - What rounding its weight adds to a linear -*- C++ -*-===//
//
// The noise that a linear inherits hides what it adds. Both are told apart by the float weight on what the linear reads
// now: the output differs from that by the weight's rounding alone, whose size follows from the format. For weights w
// in a group with the largest magnitude m, codes of b bits have steps of Δ = m / (2^(b-1) - 1) and errors of variance
// Δ² / 12; e4m3 numbers have relative steps of 1/8, which for a significand spread evenly is an error of 5.6e-4·w².
// Errors of different weights are taken as independent: Σ_k var(w_nk)·E[x_k²] in channel n, and 2.2e-6·E[y_n²] where
// the output is rounded to bf16.
//
// How far the noise of a healthy weight may be above that by chance: with e_n the errors of row n and R = E[x xᵀ], the
// noise of channel n is e_nᵀ R e_n, a sum of χ² variables weighted by R's eigenvalues. For those,
//
//     P(noise / mean > 1 + 2·√(t/d) + 2·t/√d) <= exp(-t),   d = (tr R)² / ‖R‖²
//
// (Laurent and Massart, Ann. Statist. 28 (2000), lemma 1; the largest eigenvalue's part of the trace is at most 1/√d).
// d counts the directions that the rows spread over: at most the number of rows, 1 when one direction is all there is.
// The sum over N channels has N·d. Few tokens thus widen the limits by what they leave undecided.
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
  double excess = 0, limit = 0;
  int64_t worstChannel = 0;
  double worstExcess = 0, channelLimit = 0;
  bool isTooMuch() const { return !(excess <= limit && worstExcess <= channelLimit); }
};

/// A linear in numbers: w [channels, columns] and bias [channels] (or empty) of the float module and its output
/// `original`; weight `held` (decoded), x [rows, columns] and y [rows, channels] of the other. There, y is multiplied
/// by `rowFactors` and x by `columnFactors`, as far as the values tell (per channel and column; empty: by nothing).
struct LinearNumbers {
  std::span<const float> w, bias, original, held, x, y;
  std::span<const double> rowFactors, columnFactors;
  double rowTolerance, columnTolerance; ///< of fitFactors
  bool isBF16;                          ///< y is rounded
  /// The weight was solved for: it may undo inherited noise. That part of y is a step d from W x towards the float
  /// output, of which least squares leaves <d, y - original> = 0, so <y - W x, y - original> is the rest. With few
  /// tokens d of a single channel may miss its aim by as much as is inherited there, which is thus allowed on top.
  bool isSolved;
};

/// Nothing for schemes whose noise does not follow from the weight in this way: fewer than 3 bits, per tensor, blocks.
std::optional<AddedNoise> addedNoise(graph::SchemeAttr weights, const LinearNumbers &linear, int64_t channels);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_ADDEDNOISE_H
