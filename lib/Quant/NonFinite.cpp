//===- NonFinite.cpp ------------------------------------------------------===//

#include "qcc/Quant/NonFinite.h"

#include <cmath>

namespace qcc::quant {

std::optional<NonFinite> findNonFinite(std::span<const float> values) {
  NonFinite found;
  for (size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i])) {
      if (found.count++ == 0)
        found.first = int64_t(i);
    }
  if (found.count == 0)
    return std::nullopt;
  return found;
}

} // namespace qcc::quant
