//===- BlockErrors.h - Errors of candidate scales over a block ------------===//
//
// A candidate (scale s, zero z) gives each weight w of a block the nearest grid point q, in steps from zero, and the
// residual r = w - s q. Its sums over the block, weighted by the importance of the columns, tell the error of any other
// scale and zero with the same codes:
//
//   Σ i (w - s' (q + dz))² = Σ i (r - d q - s' dz)²,   d = s' - s, dz = z - z'
//
// Written with residuals there is no cancellation: 8-bit errors are 10⁻⁵ of Σ i w², near what f32 sums lose.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_QUANT_BLOCKERRORS_H
#define QCC_LIB_QUANT_BLOCKERRORS_H

#include "qcc/Quant/CodeFormat.h"

#include <span>
#include <vector>

namespace qcc::quant {

/// Weights that share a scale: rows × cols at a row pitch, and the importance of their columns.
struct WeightBlock {
  const float *w;
  int64_t pitch, rows, cols;
  const float *importance;
};

struct Candidate {
  float scale = 1;
  int zero = 0;
};

/// Weighted sums over a block.
struct BlockSums {
  double rr = 0, rq = 0, qq = 0; ///< Σ i r², Σ i r q, Σ i q²
  double r = 0, q = 0, one = 0;  ///< Σ i r, Σ i q, Σ i

  BlockSums &operator+=(const BlockSums &other);
  /// Error of `other` with the codes of `own`, whose sums these are.
  double errorOf(const Candidate &own, const Candidate &other) const;
};

/// Sums of each candidate. The order of additions depends on the block's shape alone.
void sumBlock(const WeightBlock &block, const CodeFormat &format, std::span<const Candidate> candidates,
              unsigned threads, std::vector<BlockSums> &sums);

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_BLOCKERRORS_H
