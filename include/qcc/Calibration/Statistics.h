//===- Statistics.h - What calibration saw of each value ----------*- C++ -*-===//
//
// Of each observed value [rows, channels] (a row is a token; the heads of K and V are channels): largest magnitude,
// mean |x| and mean x² of each channel, and a histogram over all. Every token weighs the same, whatever batch it came
// in.
//
// A file is safetensors with metadata; `docs/quantization.md` lists its tensors.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_CALIBRATION_STATISTICS_H
#define QCC_CALIBRATION_STATISTICS_H

#include "qcc/Calibration/Histogram.h"
#include "qcc/Support/Error.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qcc::calib {

/// Of one value. What was not asked for is empty.
class ValueStatistics {
public:
  /// Which statistics to gather; bits.
  enum Kind : unsigned { AbsMax = 1, MeanAbs = 2, MeanSquare = 4, Distribution = 8, All = 15 };
  /// The kind that `graph.observe` calls "absmax", "mean_abs", "mean_square" or "histogram"; nothing for other names.
  static std::optional<Kind> kindOf(std::string_view name);

  ValueStatistics() = default;
  ValueStatistics(int64_t channels, unsigned kinds);

  /// values: [rows, channels()], finite.
  void add(std::span<const float> values);
  /// Both of the same channels and kinds.
  void add(const ValueStatistics &other);

  int64_t channels() const { return channelCount; }
  int64_t rows() const { return rowCount; }
  unsigned kinds() const { return kindBits; }
  std::span<const float> absMax() const { return largest; }
  std::vector<float> meanAbs() const;
  std::vector<float> meanSquare() const;
  const Histogram &histogram() const { return distribution; }

  float tensorAbsMax() const;
  /// Of `heads` equal ranges of the channels.
  std::vector<float> headAbsMax(int64_t heads) const;

private:
  friend class StatisticsCodec;
  int64_t channelCount = 0, rowCount = 0;
  unsigned kindBits = 0;
  std::vector<float> largest;
  std::vector<double> sumAbs, sumSquare;
  Histogram distribution;
};

/// A calibration run.
struct Statistics {
  std::string model;     ///< fingerprint of the model; statistics of another are refused
  std::string modelName; ///< for people
  std::string source;    ///< hash of the tokens; of merged files, their hashes' hash
  std::string version;   ///< of qcc
  int64_t tokens = 0, sequences = 0;
  std::map<std::string, ValueStatistics, std::less<>> values;

  /// Fails when there is no such value or a kind of it is missing, with the remedy.
  Expected<const ValueStatistics *> find(const std::string &name, unsigned kinds) const;
};

/// Atomically replaces `path`.
Status writeStatistics(const Statistics &statistics, const std::string &path);
/// Fails on files that are not statistics, on shapes that do not agree, and on values that no calibration gives: not
/// finite, negative, none.
Expected<Statistics> readStatistics(const std::string &path);
/// Adds the tokens of `other`. Fails when it is of another model, or observed other values.
Status mergeStatistics(Statistics &into, const Statistics &other);

/// A table for people, a row for each value; with `json` one object.
std::string describeStatistics(const Statistics &statistics, bool json);

} // namespace qcc::calib

#endif // QCC_CALIBRATION_STATISTICS_H
