//===- Budget.h - Does an engine fit? -----------------------------*- C++ -*-===//
#ifndef QCCRT_SRC_BUDGET_H
#define QCCRT_SRC_BUDGET_H

#include "EngineReader.h"

#include "qccrt/qccrt.h"

namespace qccrt {

/// Device memory of a context, in bytes.
struct Budget {
  uint64_t weights = 0, arena = 0;
  uint64_t io = 0;        ///< inputs and outputs of a step
  uint64_t pageBytes = 0; ///< one K/V page over all layers
  uint32_t pages = 0;
  uint64_t kv() const { return pageBytes * pages; }
  uint64_t total() const { return weights + arena + io + kv(); }
};

/// Decides the number of K/V pages from the tokens asked for (0: see qccrt.h) and compares the sum with the free
/// memory. Throws OutOfMemory with the budget as a table and what would fit, InvalidArgument for a number of tokens
/// that cannot be addressed.
Budget planBudget(const EngineReader &engine, uint64_t kvTokens, uint64_t freeBytes, uint64_t totalBytes);

/// Elements between two rows of the logits: rows start 16-byte aligned.
inline uint32_t logitsStrideOf(const plan::Model &model) { return (model.vocabulary() + 3) / 4 * 4; }
/// Bytes of one K/V page of one layer, K or V alone: [kv_heads, page_size, head_dim], in I8 with a scale per row.
uint64_t layerPageBytes(const plan::Model &model);
/// Bytes of the outputs, in the order of kOutputNames.
std::vector<uint64_t> outputBytes(const plan::Model &model);

} // namespace qccrt

#endif // QCCRT_SRC_BUDGET_H
