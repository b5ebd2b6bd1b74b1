//===- Noise.h - How far values are from those of the float model -*- C++ -*-===//
//
// Values are [rows, channels], as `forward` has them: a row for each token. The signal to noise ratio of v beside r is
// 10·log10(Σ r² / Σ (v - r)²), in decibels. Passes that move scales between layers give v = g·r with a factor g for
// each channel; then g·r is the signal.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TRANSFORMS_NUMERICS_NOISE_H
#define QCC_TRANSFORMS_NUMERICS_NOISE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace qcc::numerics {

struct Noise {
  double decibels = 0;      ///< +inf: equal; -inf: not finite, or noise where there should be zeros
  int64_t worstChannel = 0; ///< among channels whose signal counts; 0 where there are none
  double worstDecibels = 0; ///< of that channel; +inf where there are none, as with fewer than 64 rows
};

/// The sums over rows that every ratio follows from.
class ChannelSums {
public:
  /// `values` and `reference` have as many numbers, a multiple of `channels`.
  ChannelSums(std::span<const float> reference, std::span<const float> values, int64_t channels);

  int64_t channels() const { return int64_t(reference.size()); }
  /// Beside factor·reference; no factors: beside the reference itself.
  Noise noise(std::span<const double> factors = {}) const;
  /// The factor of each channel with the least noise, Σ v·r / Σ r²; 1 for a channel without signal.
  std::vector<double> factors() const;

private:
  size_t rows;
  std::vector<double> reference, values, products; ///< Σ r², Σ v², Σ v·r
};

/// How numbers are spread, in cells of one width from -limit to limit; those beyond count in the last cells.
class ValueHistogram {
public:
  static constexpr int kCells = 21;
  ValueHistogram(std::span<const float> reference, std::span<const float> values);

  /// A line for each cell, with bars of the float values, the quantized ones and their differences; bars are as long as
  /// the logarithm of the count.
  std::string bars() const;

private:
  double limit = 1;
  std::vector<int64_t> reference, values, errors;
};

} // namespace qcc::numerics

#endif // QCC_TRANSFORMS_NUMERICS_NOISE_H
