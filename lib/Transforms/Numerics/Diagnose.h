//===- Diagnose.h - Which op went wrong first -------------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_NUMERICS_DIAGNOSE_H
#define QCC_LIB_TRANSFORMS_NUMERICS_DIAGNOSE_H

#include "CompareModules.h"

namespace qcc::numerics {

/// One place judged in one way. A ratio counts as low only where that of its own half block is low, too, once that is
/// known: noise that a model makes larger on its way is no fault of the place where it exceeds a bound.
struct Judgement {
  Noise noise;                ///< beside the float model
  std::optional<Noise> own;   ///< beside the float half block on the same input
  bool isLow = false;         ///< the ratio of all values is below the bound
  bool hasBadChannel = false; ///< or that of one channel
  bool addsTooMuch = false;   ///< or its own noise is more than its weight's format explains
  bool isBad() const { return isLow || hasBadChannel || addsTooMuch; }
};
/// Beside `factors` times the reference, where given.
Judgement judge(const Comparison &comparison, std::span<const double> factors = {});
/// Beside the factors with the least noise.
Judgement judgeScaled(const Comparison &comparison);
/// As it counts for success: factors per channel are no noise where the readers can undo them.
Judgement judgeInvariant(const Comparison &comparison);

struct Finding {
  size_t shows;          ///< first place whose noise exceeds its bound
  size_t first;          ///< the op at fault, which is `shows` or what it reads
  bool isFactor = false; ///< `first` differs by factors per channel only, which `shows` does not undo
};

/// `before`: factors of scalable places after the last good pass. Nothing: every place is within its bound.
std::optional<Finding> diagnose(const std::vector<Comparison> &comparisons, const Factors &before);

/// The factors that scalable places have now.
Factors factorsOf(const std::vector<Comparison> &comparisons);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_DIAGNOSE_H
