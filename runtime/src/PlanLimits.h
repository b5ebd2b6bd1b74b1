//===- PlanLimits.h - Bounds of plans, and run-time sizes ---------*- C++ -*-===//
#ifndef QCCRT_SRC_PLANLIMITS_H
#define QCCRT_SRC_PLANLIMITS_H

#include "plan_generated.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace qccrt {

inline constexpr uint64_t kMaxArenaBytes = uint64_t(1) << 40;
inline constexpr uint32_t kMaxBuffers = 20000;
inline constexpr uint32_t kMaxThreads = 1024;           ///< per block, every CUDA device
inline constexpr uint32_t kMaxSharedBytes = 227 * 1024; ///< per block, compute capability 9.0
inline constexpr uint32_t kMaxArgs = 64;

/// Inputs of the entry, in the order the runtime numbers them; docs/engine-format.md says what each holds.
enum class Input { Tokens, Positions, Slots, SeqStarts, ContextLens, BlockTables, LogitRows };
inline constexpr std::array<std::string_view, 7> kInputNames = {
    "tokens", "positions", "slots", "seq_starts", "context_lens", "block_tables", "logit_rows"};
enum class Output { Logits, NextTokens };
inline constexpr std::array<std::string_view, 2> kOutputNames = {"logits", "next_tokens"};

/// Values of T, B, R, Q, C, P, indexed by plan::Size; None is 1.
using Sizes = std::array<uint64_t, size_t(plan::Size::MAX) + 1>;

inline uint64_t pagesFor(uint64_t tokens, uint64_t pageSize) { return (tokens + pageSize - 1) / pageSize; }

/// The largest sizes a step of this model may have.
inline Sizes largestSizes(const plan::Model &model) {
  return {1,
          model.max_tokens(),
          model.max_sequences(),
          model.max_logit_rows(),
          model.max_tokens(),
          model.max_context(),
          pagesFor(model.max_context(), model.page_size())};
}

/// Sizes are below 2^27 and multipliers at most 2^30: no overflow.
inline uint64_t gridExtent(const plan::Dim &dim, const Sizes &sizes) {
  return (sizes[size_t(dim.size())] * dim.multiplier() + dim.divisor() - 1) / dim.divisor();
}

} // namespace qccrt

#endif // QCCRT_SRC_PLANLIMITS_H
