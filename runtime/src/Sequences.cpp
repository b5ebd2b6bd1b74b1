//===- Sequences.cpp ------------------------------------------------------===//

#include "Sequences.h"

namespace qccrt {

PagePool::PagePool(uint32_t pages) : total(pages) {
  freePages.reserve(pages);
  for (uint32_t page = pages; page > 0; --page)
    freePages.push_back(int32_t(page - 1));
}

int32_t PagePool::take() {
  int32_t page = freePages.back();
  freePages.pop_back();
  return page;
}

uint64_t Sequences::create() {
  // Each holds host memory for its page list, so their number is bounded like the pages they can use.
  if (living.size() >= pool.capacity())
    fail(QCCRT_INVALID_ARGUMENT, living.size(), " sequences live, as many as there are K/V pages; destroy one first");
  Sequence &sequence = living[++lastId];
  sequence.pages.reserve(maxPages); // steps allocate nothing
  return lastId;
}

void Sequences::destroy(uint64_t id) {
  for (int32_t page : find(id).pages)
    pool.give(page);
  living.erase(id);
}

Sequence &Sequences::find(uint64_t id) {
  auto place = living.find(id);
  if (place == living.end())
    fail(QCCRT_INVALID_ARGUMENT, "no sequence ", id, " in this context");
  return place->second;
}

void Sequences::grow(Sequence &sequence, uint32_t count) {
  while (sequence.pages.size() < count)
    sequence.pages.push_back(pool.take());
}

} // namespace qccrt
