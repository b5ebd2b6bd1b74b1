//===- Parallel.h - Loops over ranges on several threads --------*- C++ -*-===//
#ifndef QCC_SUPPORT_PARALLEL_H
#define QCC_SUPPORT_PARALLEL_H

#include <cstdint>
#include <functional>

namespace qcc {

/// The number of processors this process may use (its affinity mask, which containers set), at least 1.
unsigned defaultThreads();

/// Calls body(begin, end) for consecutive pieces of [begin, end) of `grain` iterations (the last may be shorter), on up
/// to `threads` threads. Cutting depends only on `grain`, so results that depend on a piece's bounds are the same for
/// any number of threads. An exception of the body ends the loop and is rethrown here.
void parallelFor(int64_t begin, int64_t end, int64_t grain, unsigned threads,
                 const std::function<void(int64_t begin, int64_t end)> &body);

} // namespace qcc

#endif // QCC_SUPPORT_PARALLEL_H
