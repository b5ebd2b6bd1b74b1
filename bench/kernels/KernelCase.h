//===- KernelCase.h - Checks of all families but GEMM -------------*- C++ -*-===//
//
// A case runs one kernel (or the two of decode attention) on random data and compares with double precision. The unit
// tests run them all on the simulator, kernel-check on a GPU.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_KERNELCASE_H
#define QCC_BENCH_KERNELS_KERNELCASE_H

#include "CaseResult.h"
#include "Device.h"

#include <functional>

namespace qcc::bench {

struct KernelCase {
  std::string name;   ///< family and shape, letters, digits and '_'
  std::string reason; ///< why the case is there
  std::function<CaseResult(Device &, int target)> check;
};

std::vector<KernelCase> attentionCases();
std::vector<KernelCase> gatherCases();
std::vector<KernelCase> argmaxCases();
std::vector<KernelCase> normalizeCases();
std::vector<KernelCase> pointwiseCases();
std::vector<KernelCase> ropeAppendCases();

/// All of the above.
std::vector<KernelCase> familyCases();

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_KERNELCASE_H
