//===- ParallelTest.cpp - Loops, progress and messages --------------------===//

#include "qcc/Support/Parallel.h"
#include "qcc/Support/Progress.h"
#include "qcc/Support/Text.h"

#include <gtest/gtest.h>

#include <mutex>
#include <new>
#include <set>

using namespace qcc;

namespace {

TEST(Parallel, CutsTheSamePiecesForAnyNumberOfThreads) {
  for (unsigned threads : {1u, 2u, 7u}) {
    std::mutex mutex;
    std::set<std::pair<int64_t, int64_t>> pieces;
    parallelFor(3, 20, 5, threads, [&](int64_t begin, int64_t end) {
      std::lock_guard lock(mutex);
      EXPECT_TRUE(pieces.emplace(begin, end).second);
    });
    EXPECT_EQ(pieces, (std::set<std::pair<int64_t, int64_t>>{{3, 8}, {8, 13}, {13, 18}, {18, 20}}));
  }
  parallelFor(5, 5, 1, 2, [](int64_t, int64_t) { FAIL() << "an empty range has no pieces"; });
}

TEST(Parallel, RethrowsTheBodysException) {
  for (unsigned threads : {1u, 2u, 8u})
    EXPECT_THROW(parallelFor(0, 100, 1, threads,
                             [](int64_t begin, int64_t) {
                               if (begin == 7)
                                 throw std::bad_alloc();
                             }),
                 std::bad_alloc);
}

TEST(Progress, EstimatesFromThePastRate) {
  std::string line = progressLine("weights", uint64_t(1) << 30, uint64_t(4) << 30, 10, true);
  EXPECT_NE(line.find(" 25 %  1.0 GiB of 4.0 GiB  ETA 30 s"), std::string::npos) << line;
  EXPECT_NE(progressLine("x", 4, 4, 61, false).find("100 %  4 of 4  in 1 min 1 s"), std::string::npos);
}

TEST(Text, QuotesTextOfFiles) {
  EXPECT_EQ(quote("a'b\n\x1b\xff"), "'a\\'b\\x0a\\x1b\\xff'");
  EXPECT_EQ(quote(std::string(200, 'x')), "'" + std::string(128, 'x') + "…'");
}

TEST(Text, GroupsDigits) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(123), "123");
  EXPECT_EQ(grouped(1234), "1,234");
  EXPECT_EQ(grouped(1234567), "1,234,567");
}

} // namespace
