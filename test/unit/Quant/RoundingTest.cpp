//===- RoundingTest.cpp - Rounding in vector loops against the scalar forms ===//

#include "../../../lib/Quant/Rounding.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

using namespace qcc::quant;

namespace {

TEST(Rounding, IntegersAreThoseOfNearbyint) {
  for (int quarters = -(1 << 24); quarters <= 1 << 24; ++quarters) {
    float x = float(quarters) / 4; // exact
    ASSERT_EQ(roundToInteger(x), std::nearbyint(x)) << x;
  }
}

TEST(Rounding, E4M3NumbersAreThoseOfTheConversion) {
  auto check = [](float x) { return roundToE4M3(x) == e4m3ToFloat(floatToE4M3(x)); };
  // Every 61st finite number of each sign, and the surroundings of every tie.
  for (uint64_t bits = 0; bits < 0x7f800000; bits += 61) {
    float x = std::bit_cast<float>(uint32_t(bits));
    ASSERT_TRUE(check(x) && check(-x)) << x;
  }
  for (int code = 0; code < 0x7e; ++code) {
    float tie = (e4m3ToFloat(uint8_t(code)) + e4m3ToFloat(uint8_t(code + 1))) / 2;
    for (float x : {tie, std::nextafter(tie, 0.0f), std::nextafter(tie, INFINITY)})
      ASSERT_TRUE(check(x) && check(-x)) << x;
  }
}

} // namespace
