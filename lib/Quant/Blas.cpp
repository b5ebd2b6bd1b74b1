//===- Blas.cpp -----------------------------------------------------------===//

#include "Blas.h"

#include <algorithm>
#include <mutex>

namespace qcc::quant {
namespace {

std::mutex mutex;
int living = 0, previousThreads = 1;

/// Inner extent of a converted piece of b: with 128 columns, 512 KB, which stays in a core's cache.
constexpr int64_t kInner = 512;

} // namespace

SingleThreadedBlas::SingleThreadedBlas() {
  std::lock_guard lock(mutex);
  if (living++ == 0) {
    previousThreads = openblas_get_num_threads();
    openblas_set_num_threads(1);
  }
}

SingleThreadedBlas::~SingleThreadedBlas() {
  std::lock_guard lock(mutex);
  if (--living == 0)
    openblas_set_num_threads(previousThreads);
}

void multiplyF32(const double *a, int64_t rows, int64_t inner, int64_t pitchA, const float *b, int64_t pitchB,
                 int64_t cols, double *out, int64_t pitchOut, std::vector<double> &scratch) {
  scratch.resize(kInner * cols);
  for (int64_t first = 0; first < inner; first += kInner) {
    int64_t size = std::min(kInner, inner - first);
    for (int64_t i = 0; i < size; ++i)
      std::copy_n(b + (first + i) * pitchB, cols, scratch.data() + i * cols);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, cols, size, 1, a + first, pitchA, scratch.data(), cols,
                first == 0 ? 0 : 1, out, pitchOut);
  }
}

} // namespace qcc::quant
