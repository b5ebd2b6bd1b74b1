//===- GemmTime.h - How long one GEMM takes -----------------------*- C++ -*-===//
#ifndef QCC_BENCH_KERNELS_GEMMTIME_H
#define QCC_BENCH_KERNELS_GEMMTIME_H

#include "GemmCase.h"

namespace qcc::bench {

struct Timing {
  double microseconds = 0; ///< median over the repetitions, of one launch
  double bytes = 0;        ///< weights, scales, x, y, each counted once
  double flops = 0;        ///< 2 n k rows
};

/// Random data (zeros are faster than data: fewer bits toggle). Launches rotate over copies of the weights that together exceed twice the L2 cache,
/// so that every launch reads its weights from memory.
Expected<Timing> timeGemm(Device &device, const GemmCase &gemm, int target, int repetitions, size_t rotateBytes = size_t(256) << 20);

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_GEMMTIME_H
