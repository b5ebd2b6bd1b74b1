//===- Peaks.cpp - What BLAS reaches on large products --------------------===//

#include "RandomLayer.h"
#include "qcc/Support/Parallel.h"

#include <cblas.h>

namespace qcc::bench {
namespace {

template <typename T> void gemm(int64_t n, const std::vector<T> &a, std::vector<T> &c) {
  if constexpr (sizeof(T) == 4)
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, a.data(), n, a.data(), n, 0, c.data(), n);
  else
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1, a.data(), n, a.data(), n, 0, c.data(), n);
}

template <typename T> void peak(benchmark::State &state) {
  int64_t n = state.range(0);
  std::vector<float> values = randomInputs(n, n, 1);
  std::vector<T> a(values.begin(), values.end()), c(n * n);
  openblas_set_num_threads(int(defaultThreads()));
  for (auto _ : state)
    gemm(n, a, c);
  setFlops(state, 2.0 * double(n) * double(n) * double(n));
}
BENCHMARK_TEMPLATE(peak, float)->Name("peak/sgemm")->Arg(2048)->Apply(asStep);
BENCHMARK_TEMPLATE(peak, double)->Name("peak/dgemm")->Arg(2048)->Apply(asStep);

} // namespace
} // namespace qcc::bench
