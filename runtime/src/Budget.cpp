//===- Budget.cpp ---------------------------------------------------------===//

#include "Budget.h"
#include "Batch.h"
#include "Failure.h"

#include <algorithm>
#include <limits>

namespace qccrt {
namespace {

/// Left to the driver: modules loaded later, fragmentation, and launches' local memory.
uint64_t usable(uint64_t freeBytes) { return freeBytes - freeBytes / 16; }

[[noreturn]] void doesNotFit(const EngineReader &engine, const Budget &budget, uint64_t freeBytes,
                             uint64_t totalBytes) {
  const plan::Model &model = *engine.plan().model();
  uint64_t fixed = budget.total() - budget.kv(), room = usable(freeBytes);
  uint64_t fitting = room > fixed ? (room - fixed) / budget.pageBytes * model.page_size() : 0;
  std::string remedy = fitting ? text("K/V memory for ", fitting, " tokens (--kv-tokens ", fitting, ")")
                               : std::string("nothing; use a smaller format, a GPU with more memory, or free this one");
  fail(QCCRT_OUT_OF_MEMORY, engine.path(), ": not enough GPU memory: need ", byteText(budget.total()), ", can use ",
       byteText(room), " of ", byteText(totalBytes), "\n  weights ", byteText(budget.weights), " | arena ",
       byteText(budget.arena), " | inputs and outputs ", byteText(budget.io), " | K/V ", byteText(budget.kv()), " (",
       uint64_t(budget.pages) * model.page_size(), " tokens)\n  would fit: ", remedy);
}

} // namespace

uint64_t layerPageBytes(const plan::Model &model) {
  uint64_t rowBytes = 0;
  switch (model.kv_type()) {
  case plan::KvType::BF16:
    rowBytes = uint64_t(model.head_dim()) * 2;
    break;
  case plan::KvType::E4M3:
    rowBytes = model.head_dim();
    break;
  case plan::KvType::I8:
    rowBytes = uint64_t(model.head_dim()) + sizeof(float);
    break;
  }
  return uint64_t(model.kv_heads()) * model.page_size() * rowBytes;
}

std::vector<uint64_t> outputBytes(const plan::Model &model) {
  uint64_t rows = model.max_logit_rows();
  return {rows * logitsStrideOf(model) * sizeof(float), rows * sizeof(int32_t)};
}

Budget planBudget(const EngineReader &engine, uint64_t kvTokens, uint64_t freeBytes, uint64_t totalBytes) {
  const plan::Model &model = *engine.plan().model();
  Budget budget;
  budget.weights = engine.weightBytes();
  budget.arena = engine.plan().arena_bytes();
  for (uint64_t bytes : Batch::inputBytes(model))
    budget.io += bytes;
  for (uint64_t bytes : outputBytes(model))
    budget.io += bytes;
  budget.pageBytes = layerPageBytes(model) * 2 * model.layers();

  // Kernels compute a token's slot, page * page_size + row, in 32 bits.
  uint64_t mostPages = uint64_t(std::numeric_limits<int32_t>::max()) / model.page_size();
  uint64_t onePrompt = pagesFor(model.max_context(), model.page_size());
  uint64_t pages = std::min(onePrompt * model.max_sequences(), mostPages);
  if (kvTokens) {
    pages = pagesFor(kvTokens, model.page_size());
    if (pages > mostPages)
      fail(QCCRT_INVALID_ARGUMENT, "K/V memory for ", kvTokens, " tokens; at most ", mostPages * model.page_size());
  } else {
    uint64_t room = usable(freeBytes), fixed = budget.total();
    uint64_t fitting = room > fixed ? (room - fixed) / budget.pageBytes : 0;
    pages = std::max(std::min(pages, fitting), onePrompt);
  }
  budget.pages = uint32_t(pages);
  if (budget.total() > usable(freeBytes))
    doesNotFit(engine, budget, freeBytes, totalBytes);
  return budget;
}

} // namespace qccrt
