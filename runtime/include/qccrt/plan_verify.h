//===- plan_verify.h - Is a plan sound? ---------------------------*- C++ -*-===//
#ifndef QCCRT_PLAN_VERIFY_H
#define QCCRT_PLAN_VERIFY_H

#include <cstdint>
#include <span>
#include <string>

namespace qccrt {

/// Checks everything the executor relies on: the FlatBuffer itself, every index, offset, size and alignment, that
/// images and constants fill their sections without gap or overlap, that buffers sharing arena memory are never in use
/// together, and that every grid stays within CUDA's limits for all sizes the model's bounds allow. Returns what is
/// wrong, or an empty string. `plan` must be 16-byte aligned.
std::string verifyPlan(std::span<const unsigned char> plan, std::span<const unsigned char> kernels,
                       uint64_t weightBytes);

} // namespace qccrt

#endif // QCCRT_PLAN_VERIFY_H
