//===- AwqClip.h - Limits of weights in each group ---------------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_AWQCLIP_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_AWQCLIP_H

#include "qcc/Quant/CodeFormat.h"

namespace qcc {

/// AWQ's clip search (Lin et al. 2023): for each row and group of w[rows, cols] the limit m among amax · (1 - i / 20),
/// i = 0 … 9, with the least Σ_t (Σ_c x[t, c] (Q(clip(w, ±m)) - w)[c])² of that group alone, Q rounding by the range
/// (MinMax). x: [tokens, cols]. Returns the clipped weights; i = 0 leaves a group as it is. `format` has groups:
/// the cost of a row grows with the square of their size.
std::vector<float> clipWeights(std::span<const float> w, int64_t rows, int64_t cols, const quant::CodeFormat &format,
                               std::span<const float> x, unsigned threads);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_AWQCLIP_H
