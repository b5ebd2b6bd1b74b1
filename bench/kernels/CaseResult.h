//===- CaseResult.h - Outcome of a comparison ---------------------*- C++ -*-===//
#ifndef QCC_BENCH_KERNELS_CASERESULT_H
#define QCC_BENCH_KERNELS_CASERESULT_H

#include <string>

namespace qcc::bench {

struct CaseResult {
  std::string failure; ///< empty if it passed
  double worst = 0;    ///< largest error divided by its bound
};

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_CASERESULT_H
