//===- Smoothing.h - Vectors that move range from activations to weights -*- C++ -*-===//
//
// A vector s over the channels between a producer (a norm, v_proj, up_proj) and its consumers leaves the float model as
// it is when the producer's channel j is divided by s_j and column j of each consumer is multiplied by it.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_SMOOTHING_H
#define QCC_QUANT_SMOOTHING_H

#include <cstdint>
#include <span>
#include <vector>

namespace qcc::quant {

/// SmoothQuant (Xiao et al. 2022): s_j = a_j^α / w_j^(1-α), a_j = max |x_j| over the calibration tokens, w_j = max over
/// all rows of all consumers of |W_ij|, both at least 1e-5; s at least 1e-5. Channels whose inputs or weights are all
/// zero get 1.
std::vector<double> smoothQuantScales(std::span<const float> actAbsMax, std::span<const float> weightAbsMax,
                                      double alpha);

/// AWQ (Lin et al. 2023): s_j = m_j^r, or "duo" m_j^r / (v_j^(1-r) + 1e-4), at least 1e-4; m = E|x_j|, v_j = mean over
/// rows of |W_ij| / (amax of its group + 1e-6); divided by sqrt(max s · min s); not finite or not positive becomes 1.
/// r = 0 (not duo) is the identity. `weightMeanRatio` is read for duo alone.
std::vector<double> awqScales(std::span<const float> actMeanAbs, std::span<const float> weightMeanRatio, double ratio,
                              bool duo);
/// v_j above, of consumers stacked by rows: adds each row's |W_ij| / (group amax + 1e-6) to sum[j]; group 0 is the row.
void addWeightRatios(std::span<const float> w, int64_t rows, int64_t cols, int64_t group, std::span<double> sum);

/// One s per (kv head, dimension) for v → o under grouped-query attention: column h·D + d of o reads row (h / (heads /
/// kvHeads))·D + d of v. Combines the columns that share a row by the geometric mean of `perColumn` [heads·D] →
/// [kvHeads·D].
std::vector<double> shareOverQueryHeads(std::span<const double> perColumn, int64_t heads, int64_t kvHeads,
                                        int64_t headDim);
/// The inverse spreading: [kvHeads·D] → [heads·D].
std::vector<double> spreadOverQueryHeads(std::span<const double> perRow, int64_t heads, int64_t kvHeads,
                                         int64_t headDim);

} // namespace qcc::quant

#endif // QCC_QUANT_SMOOTHING_H
