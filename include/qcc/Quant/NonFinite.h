//===- NonFinite.h - Where a tensor is damaged --------------------*- C++ -*-===//
#ifndef QCC_QUANT_NONFINITE_H
#define QCC_QUANT_NONFINITE_H

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

} // namespace qcc::quant

#endif // QCC_QUANT_NONFINITE_H
