//===- HeldOut.cpp - Errors on rows that entered no sum -------------===//

#include "Blas.h"
#include "qcc/Quant/Gptq.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>

namespace qcc::quant {
namespace {

constexpr int64_t kRows = 64;

} // namespace

double heldOutError(std::span<const float> w, std::span<const float> quantized, int64_t rows, const Moments &moments,
                    unsigned threads) {
  int64_t k = moments.k, count = moments.heldOut;
  if (count == 0)
    return 0;
  SingleThreadedBlas blas;
  const std::vector<float> &xq = moments.heldOutQuant;
  const std::vector<float> &xf = moments.heldOutFloat.empty() ? xq : moments.heldOutFloat;
  struct Sums {
    double error = 0, total = 0;
  };
  std::vector<Sums> sums((rows + kRows - 1) / kRows);
  parallelFor(0, rows, kRows, threads, [&](int64_t begin, int64_t end) {
    int64_t height = end - begin;
    std::vector<float> wanted(height * count), got(height * count);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, height, count, k, 1, w.data() + begin * k, k, xf.data(), k, 0,
                wanted.data(), count);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, height, count, k, 1, quantized.data() + begin * k, k,
                xq.data(), k, 0, got.data(), count);
    Sums &sum = sums[begin / kRows];
    for (size_t i = 0; i < wanted.size(); ++i) {
      double difference = double(wanted[i]) - got[i];
      sum.error += difference * difference;
      sum.total += double(wanted[i]) * wanted[i];
    }
  });
  Sums all;
  for (Sums sum : sums) {
    all.error += sum.error;
    all.total += sum.total;
  }
  return all.total == 0 ? 0 : all.error / all.total;
}

} // namespace qcc::quant
