//===- Parallel.cpp -------------------------------------------------------===//

#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <atomic>
#include <sched.h>
#include <thread>
#include <vector>

namespace qcc {

unsigned defaultThreads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

void parallelFor(int64_t begin, int64_t end, int64_t grain, unsigned threads,
                 const std::function<void(int64_t, int64_t)> &body) {
  if (end <= begin)
    return;
  grain = std::max<int64_t>(grain, 1);
  int64_t pieces = (end - begin - 1) / grain + 1;
  std::atomic<int64_t> next = 0;
  auto work = [&] {
    for (int64_t piece; (piece = next.fetch_add(1)) < pieces;) {
      int64_t first = begin + piece * grain;
      body(first, std::min(end - first, grain) + first);
    }
  };
  std::vector<std::thread> helpers;
  for (int64_t i = 1; i < std::min<int64_t>(threads, pieces); ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();
}

} // namespace qcc
