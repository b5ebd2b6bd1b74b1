//===- Sequences.h - Who holds which K/V pages --------------------*- C++ -*-===//
#ifndef QCCRT_SRC_SEQUENCES_H
#define QCCRT_SRC_SEQUENCES_H

#include "Failure.h"

#include <map>
#include <vector>

namespace qccrt {

/// Pages of K/V memory, given out one by one. The page returned last is given first: its lines may still be in a cache.
class PagePool {
public:
  explicit PagePool(uint32_t pages);
  uint32_t available() const { return uint32_t(freePages.size()); }
  uint32_t capacity() const { return total; }
  /// Requires available() > 0.
  int32_t take();
  void give(int32_t page) { freePages.push_back(page); }

private:
  uint32_t total;
  std::vector<int32_t> freePages;
};

struct Sequence {
  uint32_t length = 0;        ///< tokens whose K and V are in the cache
  std::vector<int32_t> pages; ///< of tokens [i * pageSize, (i + 1) * pageSize)
  uint64_t lastStep = 0;      ///< number of the last step that names it, to find one named twice
};

/// The living sequences of a context. Numbers are never used twice.
class Sequences {
public:
  Sequences(uint32_t pages, uint32_t maxPagesPerSequence) : pool(pages), maxPages(maxPagesPerSequence) {}

  uint64_t create();
  void destroy(uint64_t id);
  Sequence &find(uint64_t id);
  const Sequence &find(uint64_t id) const { return const_cast<Sequences *>(this)->find(id); }
  /// Gives the sequence pages until it has `count`; the caller has checked that there are enough.
  void grow(Sequence &sequence, uint32_t count);
  const PagePool &pages() const { return pool; }

private:
  PagePool pool;
  uint32_t maxPages;
  uint64_t lastId = 0;
  std::map<uint64_t, Sequence> living;
};

} // namespace qccrt

#endif // QCCRT_SRC_SEQUENCES_H
