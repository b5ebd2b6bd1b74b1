//===- Cholesky.h - Factors of symmetric positive definite matrices -*- C++ -*-===//
//
// Matrices are row-major, f64, and factored in place: a 14336² matrix is 1.6 GB, and there is no second one. Work is
// cut into tiles whose sizes depend on the matrix alone, and each tile is computed by one thread, so results are the
// same bits for any number of threads.
//
// A matrix that is not numerically positive definite (a pivot not above n · 2⁻⁵² times its diagonal element, or NaN) is
// an error that names the pivot; what to do then, adding to the diagonal, is the caller's choice.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_QUANT_CHOLESKY_H
#define QCC_QUANT_CHOLESKY_H

#include "qcc/Support/Error.h"

#include <cstdint>

namespace qcc::quant {

/// A[n, n] → L with A = L Lᵀ. The lower triangle is read and replaced; the strictly upper one is left alone.
Status choleskyLower(double *a, int64_t n, unsigned threads = 1);

/// Rows of b[rows, n] (pitch ≥ n): b ← b A⁻¹ with A = L Lᵀ, that is, each row solves A x = b.
void solveRows(const double *lower, int64_t n, double *b, int64_t rows, int64_t pitch, unsigned threads = 1);

} // namespace qcc::quant

#endif // QCC_QUANT_CHOLESKY_H
