//===- RowUpdate.h - y += a x, short and often --------------------*- C++ -*-===//
#ifndef QCC_LIB_QUANT_ROWUPDATE_H
#define QCC_LIB_QUANT_ROWUPDATE_H

#include <cstdint>

namespace qcc::quant {

/// y[i] += a · x[i], with whatever instructions the processor has: like BLAS, it may give other last bits on another one.
void addScaled(double *y, double a, const double *x, int64_t count);

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_ROWUPDATE_H
