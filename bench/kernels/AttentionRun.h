//===- AttentionRun.h - Launches attention over a host-side cache -*- C++ -*-===//
#ifndef QCC_BENCH_KERNELS_ATTENTIONRUN_H
#define QCC_BENCH_KERNELS_ATTENTIONRUN_H

#include "Launcher.h"
#include "PagedCache.h"

namespace qcc::bench {

/// Output rows [T, outPitch], or a message in `error`.
std::vector<uint16_t> runPrefill(Device &device, const PagedCache &cache, const std::vector<uint16_t> &q, int target,
                                 std::string &error);

/// Both stages. The workspace starts as NaN, so that a record nobody wrote cannot go unnoticed in the result.
std::vector<uint16_t> runDecode(Device &device, const PagedCache &cache, const std::vector<uint16_t> &q,
                                int64_t maxSplits, int target, std::string &error);

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_ATTENTIONRUN_H
