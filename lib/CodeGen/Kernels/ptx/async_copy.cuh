//===- async_copy.cuh - Copies from global to shared memory ---------------===//
#pragma once

#include "common/types.cuh"

namespace qcc {

/// 16 bytes, past L1, of which `bytes` (0 to 16) are read and the rest written as zeros.
__device__ inline void copyAsync16Part(u32 sharedTo, const void *from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedTo), "l"(__cvta_generic_to_global(from)),
               "r"(bytes)
               : "memory");
}
/// 16 bytes; zeros are written instead when `valid` is false, and the source is then not read.
__device__ inline void copyAsync16(u32 sharedTo, const void *from, bool valid) {
  copyAsync16Part(sharedTo, from, valid ? 16 : 0);
}
/// 4 bytes, through L1.
__device__ inline void copyAsync4(u32 sharedTo, const void *from, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(sharedTo), "l"(__cvta_generic_to_global(from)),
               "r"(valid ? 4 : 0)
               : "memory");
}
__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most PENDING of this thread's groups are under way; other threads' copies need a barrier after it.
template <int PENDING> __device__ inline void waitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

} // namespace qcc
