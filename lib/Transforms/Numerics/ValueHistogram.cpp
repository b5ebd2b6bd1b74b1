//===- ValueHistogram.cpp -------------------------------------------------===//

#include "qcc/Transforms/Numerics/Noise.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace qcc::numerics {
namespace {

constexpr int kBar = 20; ///< characters of the longest bar

std::string bar(int64_t count, int64_t largest) {
  // One value shows: a single wrong number is worth a glance.
  double share = count == 0 ? 0 : std::log2(1.0 + double(count)) / std::log2(1.0 + double(largest));
  int length = count == 0 ? 0 : std::max(1, int(std::lround(share * kBar)));
  return std::string(size_t(length), '#') + std::string(size_t(kBar - length), ' ');
}

} // namespace

ValueHistogram::ValueHistogram(std::span<const float> r, std::span<const float> v)
    : reference(kCells), values(kCells), errors(kCells) {
  float largest = 0;
  for (float value : r)
    largest = std::max(largest, std::fabs(value));
  if (largest > 0)
    limit = largest;
  auto count = [&](std::vector<int64_t> &cells, double value) {
    double position = (value / limit + 1) * 0.5 * kCells;
    // A NaN belongs nowhere; the ratios report it.
    if (!std::isnan(position))
      ++cells[size_t(std::clamp(position, 0.0, kCells - 0.5))];
  };
  for (size_t i = 0; i < r.size(); ++i) {
    count(reference, r[i]);
    count(values, v[i]);
    count(errors, double(v[i]) - double(r[i]));
  }
}

std::string ValueHistogram::bars() const {
  int64_t largest = 1;
  for (const std::vector<int64_t> *cells : {&reference, &values, &errors})
    largest = std::max(largest, *std::max_element(cells->begin(), cells->end()));
  char line[160];
  std::snprintf(line, sizeof line, "%11s  %-*s  %-*s  %s\n", "value", kBar, "float", kBar, "quantized", "error");
  std::string text = line;
  for (size_t cell = 0; cell < size_t(kCells); ++cell) {
    double center = limit * ((double(cell) + 0.5) * 2 / kCells - 1);
    std::snprintf(line, sizeof line, "%+11.3e |%s |%s |%s\n", std::fabs(center) < 1e-12 * limit ? 0.0 : center,
                  bar(reference[cell], largest).c_str(), bar(values[cell], largest).c_str(),
                  bar(errors[cell], largest).c_str());
    text += line;
  }
  std::snprintf(line, sizeof line,
                "(logarithmic; the longest bar is %lld values; values beyond the ends count there)\n",
                static_cast<long long>(largest));
  return text + line;
}

} // namespace qcc::numerics
