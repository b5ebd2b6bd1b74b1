//===- Statistics.cpp - Sums over tokens ----------------------------------===//

#include "qcc/Calibration/Statistics.h"
#include "qcc/Support/Sha256.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace qcc::calib {

std::optional<ValueStatistics::Kind> ValueStatistics::kindOf(std::string_view name) {
  if (name == "absmax")
    return AbsMax;
  if (name == "mean_abs")
    return MeanAbs;
  if (name == "mean_square")
    return MeanSquare;
  if (name == "histogram")
    return Distribution;
  return std::nullopt;
}

ValueStatistics::ValueStatistics(int64_t channels, unsigned kinds) : channelCount(channels), kindBits(kinds) {
  if (kinds & AbsMax)
    largest.resize(size_t(channels));
  if (kinds & MeanAbs)
    sumAbs.resize(size_t(channels));
  if (kinds & MeanSquare)
    sumSquare.resize(size_t(channels));
}

void ValueStatistics::add(std::span<const float> values) {
  const size_t channels = size_t(channelCount);
  assert(channels > 0 && values.size() % channels == 0 && "whole rows");
  for (size_t row = 0; row < values.size(); row += channels) {
    const float *x = values.data() + row;
    if (kindBits & AbsMax)
      for (size_t c = 0; c < channels; ++c)
        largest[c] = std::max(largest[c], std::fabs(x[c]));
    if (kindBits & MeanAbs)
      for (size_t c = 0; c < channels; ++c)
        sumAbs[c] += double(std::fabs(x[c]));
    if (kindBits & MeanSquare)
      for (size_t c = 0; c < channels; ++c)
        sumSquare[c] += double(x[c]) * double(x[c]);
  }
  if (kindBits & Distribution)
    distribution.add(values);
  rowCount += int64_t(values.size() / channels);
}

void ValueStatistics::add(const ValueStatistics &other) {
  assert(channelCount == other.channelCount && kindBits == other.kindBits && "statistics of one value");
  for (size_t c = 0; c < largest.size(); ++c)
    largest[c] = std::max(largest[c], other.largest[c]);
  for (size_t c = 0; c < sumAbs.size(); ++c)
    sumAbs[c] += other.sumAbs[c];
  for (size_t c = 0; c < sumSquare.size(); ++c)
    sumSquare[c] += other.sumSquare[c];
  distribution.add(other.distribution);
  rowCount += other.rowCount;
}

static std::vector<float> divided(const std::vector<double> &sums, int64_t rows) {
  std::vector<float> means(sums.size());
  std::transform(sums.begin(), sums.end(), means.begin(),
                 [&](double sum) { return float(sum / double(std::max<int64_t>(rows, 1))); });
  return means;
}

std::vector<float> ValueStatistics::meanAbs() const { return divided(sumAbs, rowCount); }
std::vector<float> ValueStatistics::meanSquare() const { return divided(sumSquare, rowCount); }

float ValueStatistics::tensorAbsMax() const {
  return largest.empty() ? 0 : *std::max_element(largest.begin(), largest.end());
}

std::vector<float> ValueStatistics::headAbsMax(int64_t heads) const {
  assert(heads > 0 && channelCount % heads == 0 && "equal heads");
  std::vector<float> result;
  const int64_t size = channelCount / heads;
  for (auto begin = largest.begin(); begin != largest.end(); begin += size)
    result.push_back(*std::max_element(begin, begin + size));
  return result;
}

Expected<const ValueStatistics *> Statistics::find(const std::string &name, unsigned kinds) const {
  auto found = values.find(name);
  if (found != values.end() && (found->second.kinds() & kinds) == kinds && found->second.rows() > 0)
    return &found->second;
  return Error{text("the statistics have no ", found == values.end() ? "entry" : "complete entry", " for ", quote(name),
                    "; gather them again with qcc-calibrate")};
}

Status mergeStatistics(Statistics &into, const Statistics &other) {
  if (into.model != other.model)
    return Error{text("the statistics are of different models: ", into.modelName, " (", into.model.substr(0, 12),
                      "…) and ", other.modelName, " (", other.model.substr(0, 12),
                      "…); merge files of one model only")};
  if (into.values.size() != other.values.size())
    return Error{text("the statistics observe ", into.values.size(), " and ", other.values.size(),
                      " values; merge files that the same version of qcc-calibrate made")};
  for (const auto &[name, value] : into.values) {
    auto found = other.values.find(name);
    if (found == other.values.end() || found->second.channels() != value.channels() ||
        found->second.kinds() != value.kinds())
      return Error{text("the statistics differ in what they observe of ", quote(name),
                        "; merge files that the same version of qcc-calibrate made")};
  }
  for (auto &[name, value] : into.values)
    value.add(other.values.find(name)->second);
  into.tokens += other.tokens;
  into.sequences += other.sequences;
  into.source = hexadecimal(sha256(into.source + other.source));
  return {};
}

} // namespace qcc::calib
