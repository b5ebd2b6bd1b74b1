//===- SingleThreadedBlas.h - Products that do not depend on threads -*- C++ -*-===//
#ifndef QCC_QUANT_SINGLETHREADEDBLAS_H
#define QCC_QUANT_SINGLETHREADEDBLAS_H

namespace qcc::quant {

/// While one lives, OpenBLAS computes each call on the calling thread: it cuts a product differently for each number of
/// its own threads, and sums then differ in their last bits. May nest and overlap between threads; the last to go
/// restores the number of threads.
class SingleThreadedBlas {
public:
  SingleThreadedBlas();
  ~SingleThreadedBlas();
  SingleThreadedBlas(const SingleThreadedBlas &) = delete;
  SingleThreadedBlas &operator=(const SingleThreadedBlas &) = delete;
};

} // namespace qcc::quant

#endif // QCC_QUANT_SINGLETHREADEDBLAS_H
