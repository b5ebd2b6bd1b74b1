//===- RowUpdate.h - y += a x, short and often --------------------*- C++ -*-===//
#ifndef QCC_LIB_QUANT_ROWUPDATE_H
#define QCC_LIB_QUANT_ROWUPDATE_H

#include <cstdint>

namespace qcc::quant {

/// y[i] += a · x[i]. Products and sums are rounded one by one (no fused multiply-add), so every processor gets the
/// same bits.
void addScaled(double *y, double a, const double *x, int64_t count);

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_ROWUPDATE_H
