//===- Parallel.cpp -------------------------------------------------------===//

#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <sched.h>
#include <system_error>
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
  std::exception_ptr thrown; // the first; out of memory is the one to expect
  std::mutex mutex;
  auto work = [&] {
    try {
      for (int64_t piece; (piece = next.fetch_add(1)) < pieces;) {
        int64_t first = begin + piece * grain;
        body(first, std::min(end - first, grain) + first);
      }
    } catch (...) {
      next = pieces; // the others stop after their piece
      std::lock_guard lock(mutex);
      if (!thrown)
        thrown = std::current_exception();
    }
  };
  std::vector<std::thread> helpers;
  helpers.reserve(std::max<int64_t>(0, std::min<int64_t>(threads, pieces) - 1));
  for (int64_t i = 1; i < std::min<int64_t>(threads, pieces); ++i) {
    try {
      helpers.emplace_back(work);
    } catch (const std::system_error &) {
      break; // no more threads to be had: those that run do the work
    }
  }
  work();
  for (std::thread &helper : helpers)
    helper.join();
  if (thrown)
    std::rethrow_exception(thrown);
}

} // namespace qcc
