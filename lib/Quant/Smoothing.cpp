//===- Smoothing.cpp ------------------------------------------------------===//

#include "qcc/Quant/Smoothing.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace qcc::quant {

std::vector<double> smoothQuantScales(std::span<const float> actAbsMax, std::span<const float> weightAbsMax,
                                      double alpha) {
  assert(actAbsMax.size() == weightAbsMax.size());
  constexpr double kLeast = 1e-5;
  std::vector<double> scales(actAbsMax.size(), 1.0);
  for (size_t j = 0; j < scales.size(); ++j)
    if (actAbsMax[j] != 0 && weightAbsMax[j] != 0) {
      double act = std::max<double>(actAbsMax[j], kLeast), weight = std::max<double>(weightAbsMax[j], kLeast);
      scales[j] = std::max(std::pow(act, alpha) / std::pow(weight, 1 - alpha), kLeast);
    }
  return scales;
}

std::vector<double> awqScales(std::span<const float> actMeanAbs, std::span<const float> weightMeanRatio, double ratio,
                              bool duo) {
  assert(!duo || actMeanAbs.size() == weightMeanRatio.size());
  constexpr double kLeast = 1e-4;
  std::vector<double> scales(actMeanAbs.size());
  for (size_t j = 0; j < scales.size(); ++j) {
    double scale = std::pow(double(actMeanAbs[j]), ratio);
    if (duo)
      scale /= std::pow(double(weightMeanRatio[j]), 1 - ratio) + 1e-4;
    scales[j] = std::max(scale, kLeast);
  }
  if (scales.empty())
    return scales;
  auto [least, most] = std::minmax_element(scales.begin(), scales.end());
  double middle = std::sqrt(*least * *most);
  for (double &scale : scales) {
    scale /= middle;
    if (!std::isfinite(scale) || scale <= 0)
      scale = 1;
  }
  return scales;
}

void addWeightRatios(std::span<const float> w, int64_t rows, int64_t cols, int64_t group, std::span<double> sum) {
  int64_t size = group == 0 ? cols : group;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t begin = 0; begin < cols; begin += size) {
      std::span<const float> values = w.subspan(row * cols + begin, std::min(size, cols - begin));
      double amax = 0;
      for (float value : values)
        amax = std::max<double>(amax, std::fabs(value));
      for (size_t i = 0; i < values.size(); ++i)
        sum[begin + i] += std::fabs(values[i]) / (amax + 1e-6);
    }
}

std::vector<double> shareOverQueryHeads(std::span<const double> perColumn, int64_t heads, int64_t kvHeads,
                                        int64_t headDim) {
  assert(heads % kvHeads == 0 && perColumn.size() == size_t(heads * headDim));
  int64_t shared = heads / kvHeads;
  std::vector<double> logs(kvHeads * headDim);
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t dim = 0; dim < headDim; ++dim)
      logs[head / shared * headDim + dim] += std::log(perColumn[head * headDim + dim]);
  for (double &value : logs)
    value = std::exp(value / double(shared));
  return logs;
}

std::vector<double> spreadOverQueryHeads(std::span<const double> perRow, int64_t heads, int64_t kvHeads,
                                         int64_t headDim) {
  assert(heads % kvHeads == 0 && perRow.size() == size_t(kvHeads * headDim));
  int64_t shared = heads / kvHeads;
  std::vector<double> spread(heads * headDim);
  for (int64_t head = 0; head < heads; ++head)
    std::copy_n(perRow.begin() + head / shared * headDim, headDim, spread.begin() + head * headDim);
  return spread;
}

} // namespace qcc::quant
