//===- WeightFactors.h - Which factors a weight took in ---------*- C++ -*-===//
//
// Folds leave a linear with diag(r) W diag(1/c) in place of W. What its inputs and outputs differ by, Σ v·v' / Σ v²,
// tells r and c only up to the noise of v': rounded keys and values, and few tokens, leave errors of percents, which
// would be taken for noise of an 8-bit weight. The weight itself tells them far better, as rounding errors of its
// entries are independent: the least-squares factor of a column of N entries has 1/N of the noise of one entry.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_NUMERICS_WEIGHTFACTORS_H
#define QCC_LIB_TRANSFORMS_NUMERICS_WEIGHTFACTORS_H

#include <cstdint>
#include <span>
#include <vector>

namespace qcc::numerics {

struct WeightFactors {
  std::vector<double> rows, columns; ///< held = rows · w / columns; 1 where nothing was folded
};

/// `w` and `held` [channels, columns]: the float weight and the one in its place. `rows` (of channels) and `columns`
/// are what the values differ by; empty: by nothing, which no fit changes. Columns' factors are those of the weight if
/// these are nearer to the values' than 1 is, all columns together, and for each column that they are nearer for or
/// within the part `columnTolerance` of; else 1: a weight that is wrong is no fold. A row's factor is that of the
/// weight where it differs by at most the part `rowTolerance` from that of the values, else the latter.
WeightFactors fitFactors(std::span<const float> w, std::span<const float> held, int64_t channels,
                         std::span<const double> rows, std::span<const double> columns, double rowTolerance,
                         double columnTolerance);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_WEIGHTFACTORS_H
