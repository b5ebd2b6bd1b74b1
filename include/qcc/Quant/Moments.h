//===- Moments.h - Second moments of a layer's inputs -------------*- C++ -*-===//
//
// What the error-feedback methods know of the data: with x_q the input the quantized layer will see (after activation
// quantization) and x_f the input of the float model at the same token, over n tokens
//
//   hessian  H = 1/n Σ x_q x_qᵀ      [k, k], symmetric, both triangles filled when finished
//   cross    D = 1/n Σ (x_f - x_q) x_qᵀ   [k, k]; absent when the float path is not followed
//
// Every token weighs the same whatever the batching. A few whole rows are kept apart, never enter the sums, and judge
// candidates (held-out).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_MOMENTS_H
#define QCC_QUANT_MOMENTS_H

#include "qcc/Support/Error.h"

#include <cstdint>
#include <span>
#include <vector>

namespace qcc::quant {

struct Moments {
  int64_t k = 0;
  int64_t tokens = 0;
  std::vector<float> hessian;
  std::vector<float> cross; ///< empty: none

  std::vector<float> heldOutFloat,
      heldOutQuant; ///< x_f and x_q of held-out tokens, [heldOut, k]; both or heldOutQuant alone
  int64_t heldOut = 0;
};

/// Sums moments over batches of rows. Rows are gathered into chunks of kMomentChunk, so the result does not depend on
/// how they were batched, nor on the number of threads; each chunk is one f32 product added to the f32 sums. With n
/// tokens an element is off by at most (kMomentChunk + n / kMomentChunk) · 2⁻²⁴ · 1/n Σ |x_i x_j|, far less on average.
/// Memory is k² floats for each matrix and a chunk of rows.
class MomentSum {
public:
  MomentSum(int64_t k, bool withCross, unsigned threads = 1);
  /// xq, xf: [rows, k]; xf is empty without cross.
  void add(std::span<const float> xq, std::span<const float> xf, int64_t rows);
  /// Rows that judge candidates. xf may be empty without cross: x_f = x_q then.
  void addHeldOut(std::span<const float> xq, std::span<const float> xf, int64_t rows);
  /// Divides by the number of tokens, mirrors the triangle. Fails on NaN or infinity in sums or held-out rows, naming
  /// the first column, and when no token was added.
  Expected<Moments> finish() &&;

private:
  void addChunk();

  Moments sums;
  bool withCross;
  unsigned threads;
  std::vector<float> chunkQuant, chunkDifference; ///< x_q and x_f - x_q of rows not yet in the sums
  int64_t chunkRows = 0;
};

inline constexpr int64_t kMomentChunk = 1024;

} // namespace qcc::quant

#endif // QCC_QUANT_MOMENTS_H
