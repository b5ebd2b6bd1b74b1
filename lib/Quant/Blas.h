//===- Blas.h - Matrix products cut into tiles --------------------*- C++ -*-===//
//
// OpenBLAS cuts a product differently for each number of its threads, and sums then differ in their last bits. Here
// every call computes one tile on the calling thread, and tiles are spread by parallelFor: the same bits for any number
// of threads.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_QUANT_BLAS_H
#define QCC_LIB_QUANT_BLAS_H

#include "qcc/Quant/SingleThreadedBlas.h"

#include <cblas.h>

#include <cstdint>
#include <vector>

namespace qcc::quant {

/// out[rows, cols] = a[rows, inner] · b[inner, cols], b in f32, sums in f64. One thread. `scratch` is reused between
/// calls.
void multiplyF32(const double *a, int64_t rows, int64_t inner, int64_t pitchA, const float *b, int64_t pitchB,
                 int64_t cols, double *out, int64_t pitchOut, std::vector<double> &scratch);
} // namespace qcc::quant

#endif // QCC_LIB_QUANT_BLAS_H
