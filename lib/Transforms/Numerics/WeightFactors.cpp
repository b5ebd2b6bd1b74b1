//===- WeightFactors.cpp --------------------------------------------------===//

#include "WeightFactors.h"

#include <cmath>

namespace qcc::numerics {
namespace {

/// 1 / c with the least Σ_n (held_nk / r_n - w_nk / c)² for each column; the values' own where there is none.
std::vector<double> fitColumns(std::span<const float> w, std::span<const float> held, std::span<const double> rows,
                               std::span<const double> columns) {
  const size_t inputs = columns.size();
  std::vector<double> products(inputs), squares(inputs), fitted(columns.begin(), columns.end());
  for (size_t n = 0; n < rows.size(); ++n)
    for (size_t k = 0; k < inputs && rows[n] != 0; ++k) {
      double original = w[n * inputs + k];
      products[k] += original * held[n * inputs + k] / rows[n];
      squares[k] += original * original;
    }
  for (size_t k = 0; k < inputs; ++k)
    if (double column = squares[k] / products[k]; std::isfinite(column) && column != 0)
      fitted[k] = column;
  return fitted;
}

} // namespace

WeightFactors fitFactors(std::span<const float> w, std::span<const float> held, int64_t channels,
                         std::span<const double> rows, std::span<const double> columns, double rowTolerance,
                         double columnTolerance) {
  const size_t outputs = size_t(channels), inputs = w.size() / outputs;
  WeightFactors result{std::vector<double>(outputs, 1.0), std::vector<double>(inputs, 1.0)};
  if (!rows.empty())
    result.rows.assign(rows.begin(), rows.end());
  if (!columns.empty()) {
    std::vector<double> fitted = fitColumns(w, held, result.rows, columns);
    double asFitted = 0, asOne = 0;
    for (size_t k = 0; k < inputs; ++k) {
      if (columns[k] == 0) // a channel that is silent now tells nothing
        continue;
      asFitted += std::pow(fitted[k] / columns[k] - 1, 2);
      asOne += std::pow(1 / columns[k] - 1, 2);
    }
    for (size_t k = 0; k < inputs && asFitted < asOne; ++k)
      if (double off = std::fabs(fitted[k] - columns[k]);
          off < std::fabs(1 - columns[k]) || off <= columnTolerance * std::fabs(columns[k]))
        result.columns[k] = fitted[k];
  }
  if (rows.empty())
    return result;
  for (size_t n = 0; n < outputs; ++n) {
    double products = 0, squares = 0;
    for (size_t k = 0; k < inputs; ++k) {
      double scaled = w[n * inputs + k] / result.columns[k];
      products += scaled * held[n * inputs + k];
      squares += scaled * scaled;
    }
    if (double fitted = products / squares;
        std::isfinite(fitted) && std::fabs(fitted - rows[n]) <= rowTolerance * std::fabs(rows[n]))
      result.rows[n] = fitted;
  }
  return result;
}

} // namespace qcc::numerics
