//===- Metrics.h - How far a quantized model is from the float one -*- C++ -*-===//
//
// Everything is per token and in nats, in double precision from f32 logits. For position t of a window with float
// probabilities p and quantized q:
//
//   KL      Σ_v p_v (ln p_v - ln q_v), over all positions
//   NLL     -ln of the probability of the next token; the last position of a window predicts none
//   Δp      q - p of the next token's probability; its root mean square is reported (as llama.cpp's "RMS Δp")
//   top-1   whether both models' most likely tokens agree; a flip is a prediction that is right in one model and wrong
//   in
//           the other (Dutta et al. 2024)
//
// Intervals are 95 % percentile intervals of a bootstrap over windows, whose tokens are not independent.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TOOLS_QCC_EVAL_METRICS_H
#define QCC_TOOLS_QCC_EVAL_METRICS_H

#include <cstdint>
#include <span>
#include <vector>

namespace qcc::eval {

struct Interval {
  double low = 0, high = 0;
};

struct Comparison {
  int64_t positions = 0, predictions = 0;
  double klMean = 0, klMedian = 0, klP99 = 0, klMax = 0;
  double nllFloat = 0, nllQuantized = 0;
  double top1 = 0;      ///< share of positions
  double flips = 0;     ///< share of predictions
  double rmsDeltaP = 0; ///< probability
  Interval klInterval, deltaNllInterval, top1Interval;

  double deltaNll() const { return nllQuantized - nllFloat; }
};

/// Collects windows.
class Comparer {
public:
  /// `reference` and `quantized` are logits [window.size(), vocabulary].
  void add(std::span<const float> reference, std::span<const float> quantized, std::span<const int32_t> window);
  /// Deterministic.
  Comparison finish() const;

private:
  struct Window {
    double kl = 0, nllFloat = 0, nllQuantized = 0, deltaPSquared = 0;
    int64_t agreeing = 0, flips = 0, positions = 0, predictions = 0;
  };
  std::vector<Window> windows;
  std::vector<double> kl; ///< of every position
};

/// Signal to quantization noise in dB: 10 log10(Σ y² / Σ (y - ŷ)²), over any number of pieces.
struct SignalToNoise {
  double signal = 0, noise = 0;
  void add(std::span<const float> reference, std::span<const float> quantized);
  double decibel() const;
};

} // namespace qcc::eval

#endif // QCC_TOOLS_QCC_EVAL_METRICS_H
