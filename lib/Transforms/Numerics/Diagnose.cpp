//===- Diagnose.cpp -------------------------------------------------------===//

#include "Diagnose.h"

#include "llvm/ADT/STLExtras.h"

namespace qcc::numerics {
namespace {

/// Scalable places that `place` reads, directly or through others of their kind, in the order of `forward`.
std::vector<size_t> scalableSources(const std::vector<Comparison> &comparisons, size_t place) {
  std::vector<size_t> open = comparisons[place].sources, found;
  while (!open.empty()) {
    size_t source = open.back();
    open.pop_back();
    if (!comparisons[source].isScalable || llvm::is_contained(found, source))
      continue;
    found.push_back(source);
    open.insert(open.end(), comparisons[source].sources.begin(), comparisons[source].sources.end());
  }
  llvm::sort(found);
  return found;
}

/// Whether another reader of the factors undoes them: then they were moved rightly.
bool isUndoneElsewhere(const std::vector<Comparison> &comparisons, size_t source, size_t shows) {
  for (size_t i = 0; i < comparisons.size(); ++i)
    if (i != shows && !comparisons[i].isScalable && llvm::is_contained(comparisons[i].sources, source) &&
        !judge(comparisons[i]).isBad())
      return true;
  return false;
}

Judgement judgeBeside(const Comparison &comparison, std::span<const double> factors,
                      std::span<const double> ownFactors) {
  const Bound &bound = comparison.bound;
  Judgement result{comparison.sums.noise(factors)};
  result.isLow = !(result.noise.decibels >= bound.decibels);
  result.hasBadChannel = !(result.noise.worstDecibels >= bound.channelDecibels);
  if (comparison.own && !bound.isAsked) {
    result.own = comparison.own->noise(ownFactors);
    result.isLow &= !(result.own->decibels >= bound.decibels);
    result.hasBadChannel &= !(result.own->worstDecibels >= bound.channelDecibels);
  }
  result.addsTooMuch = comparison.added && comparison.added->isTooMuch();
  return result;
}

} // namespace

Judgement judge(const Comparison &comparison, std::span<const double> factors) {
  return judgeBeside(comparison, factors, factors);
}

Judgement judgeScaled(const Comparison &comparison) {
  return judgeBeside(comparison, comparison.sums.factors(),
                     comparison.own ? comparison.own->factors() : std::vector<double>());
}

Judgement judgeInvariant(const Comparison &comparison) {
  return comparison.isScalable ? judgeScaled(comparison) : judge(comparison);
}

std::optional<Finding> diagnose(const std::vector<Comparison> &comparisons, const Factors &before) {
  size_t shows = 0;
  while (shows < comparisons.size() && !judgeInvariant(comparisons[shows]).isBad())
    ++shows;
  if (shows == comparisons.size())
    return std::nullopt;
  for (size_t source : scalableSources(comparisons, shows)) {
    auto held = before.find(comparisons[source].key);
    bool hasChanged =
        judge(comparisons[source], held == before.end() ? std::span<const double>() : held->second).isBad();
    if (hasChanged && !isUndoneElsewhere(comparisons, source, shows))
      return Finding{shows, source, true};
  }
  return Finding{shows, shows};
}

Factors factorsOf(const std::vector<Comparison> &comparisons) {
  Factors factors;
  for (const Comparison &comparison : comparisons)
    if (comparison.isScalable)
      factors[comparison.key] = comparison.sums.factors();
  return factors;
}

} // namespace qcc::numerics
