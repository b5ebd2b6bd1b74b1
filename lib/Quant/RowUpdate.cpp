//===- RowUpdate.cpp ------------------------------------------------------===//

#include "RowUpdate.h"

namespace qcc::quant {

__attribute__((target_clones("default", "avx2", "arch=x86-64-v4"))) void addScaled(double *y, double a, const double *x,
                                                                                   int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    y[i] += a * x[i];
}

} // namespace qcc::quant
