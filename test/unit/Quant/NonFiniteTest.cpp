//===- NonFiniteTest.cpp --------------------------------------------------===//

#include "qcc/Quant/NonFinite.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

using namespace qcc::quant;

namespace {

TEST(NonFinite, TheFirstIsLocatedAndAllAreCounted) {
  std::vector<float> x(100, std::numeric_limits<float>::max());
  EXPECT_FALSE(findNonFinite(x));
  x[42] = std::numeric_limits<float>::quiet_NaN();
  x[77] = -std::numeric_limits<float>::infinity();
  auto found = findNonFinite(x);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first, 42);
  EXPECT_EQ(found->count, 2);
}

} // namespace
