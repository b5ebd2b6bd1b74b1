//===- Targets.h - What kernels may ask of a target ---------------*- C++ -*-===//
#ifndef QCC_LIB_CODEGEN_TARGETS_H
#define QCC_LIB_CODEGEN_TARGETS_H

#include <cstdint>

namespace qcc::codegen {

/// Shared memory that a block may ask for on every target: 99 KiB (sm_89; CUDA C++ Programming Guide, "Technical
/// specifications per compute capability"). The same kernels then run on sm_80, sm_89 and sm_90.
inline constexpr int64_t kMaxSharedBytes = 99 * 1024;

/// Multiprocessors of A100 (80), L40S (89) and H100/H200 SXM (90).
inline int64_t multiprocessors(int target) { return target == 80 ? 108 : target == 89 ? 142 : 132; }

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_TARGETS_H
