//===- Histogram.h - How large the values of a tensor are ---------*- C++ -*-===//
#ifndef QCC_CALIBRATION_HISTOGRAM_H
#define QCC_CALIBRATION_HISTOGRAM_H

#include <cstdint>
#include <span>
#include <vector>

namespace qcc::calib {

/// Formats of a static activation scale.
enum class StaticFormat { E4M3, Int8 };

/// Counts of |x| in bins of one width, a power of two that grows with the largest value: bin i holds [i, i + 1) ·
/// 2^exponent. Two histograms can be added without loss but for the wider bins' resolution, whatever the order the
/// values came in.
class Histogram {
public:
  static constexpr size_t kBins = 2048;

  Histogram() : counts(kBins) {}
  /// The bins as stored. `exponent` in [kSmallest, 127], kBins counts.
  Histogram(int exponent, std::vector<uint64_t> counts) : exp(exponent), counts(std::move(counts)) {}

  void add(std::span<const float> finite);
  void add(const Histogram &other);

  int exponent() const { return exp; }
  std::span<const uint64_t> bins() const { return counts; }
  uint64_t total() const;
  /// The least bin edge that at least this share (0 … 1) of the values lies below; 0 without values.
  double percentile(double share) const;

  /// Below the width of any bin that a float needs: where an empty histogram starts.
  static constexpr int kSmallest = -160;

private:
  void widen(int exponent);

  int exp = kSmallest;
  std::vector<uint64_t> counts;
};

/// The scale with the least mean squared rounding error over the histogram among `steps` factors in [from, to] of
/// absMax / (448 or 127), values within a bin taken as evenly spread. absMax itself is a candidate. 1 where absMax is
/// 0.
float searchStaticScale(const Histogram &histogram, float absMax, StaticFormat format, int steps = 100,
                        double from = 0.2, double to = 1.0);

} // namespace qcc::calib

#endif // QCC_CALIBRATION_HISTOGRAM_H
