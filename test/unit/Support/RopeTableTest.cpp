//===- RopeTableTest.cpp - Rotary frequencies -----------------------------===//
//
// Oracle: ROPE_INIT_FUNCTIONS of Hugging Face transformers 5.23.0, which computes in f32; hence the tolerance.
//
//===----------------------------------------------------------------------===//

#include "qcc/Support/RopeTable.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace qcc;

namespace {

void expectFrequencies(const RopeSpec &spec, const std::vector<std::pair<int, double>> &expected) {
  ASSERT_EQ(check(spec), "");
  std::vector<double> found = ropeInvFreq(spec);
  ASSERT_EQ(int64_t(found.size()), spec.dim / 2);
  for (auto [index, value] : expected)
    EXPECT_NEAR(found[index] / value, 1.0, 5e-6) << "index " << index;
}

RopeSpec llama3() {
  RopeSpec spec{RopeKind::Llama3, 128, 5e5, 8};
  spec.lowFreqFactor = 1;
  spec.highFreqFactor = 4;
  spec.originalContext = 8192;
  return spec;
}

RopeSpec yarn(int64_t dim, double theta, double factor, double original) {
  RopeSpec spec{RopeKind::Yarn, dim, theta, factor};
  spec.originalContext = original;
  return spec;
}

TEST(RopeTable, LinearDividesFrequencies) {
  expectFrequencies({RopeKind::Linear, 64, 1e4, 2},
                    {{0, 0.5}, {1, 0.374947101}, {8, 0.0500000007}, {15, 0.00666760746}, {31, 6.66760752e-05}});
}

TEST(RopeTable, Llama3KeepsBlendsAndStretches) {
  expectFrequencies(llama3(), {{0, 1.0},
                               {16, 0.0376060307},
                               {31, 0.00085675146},
                               {32, 0.000524846022},
                               {48, 6.64786967e-06},
                               {63, 3.06892588e-07}});
}

TEST(RopeTable, YarnRampsBetweenWholeDimensions) {
  expectFrequencies(yarn(128, 1e6, 4, 32768), {{0, 1.0},
                                               {16, 0.0316227786},
                                               {31, 0.000802959781},
                                               {32, 0.000602941145},
                                               {48, 7.90569356e-06},
                                               {63, 3.10234441e-07}});
  expectFrequencies(
      yarn(64, 1e4, 16, 4096),
      {{0, 1.0}, {8, 0.100000001}, {15, 0.00852684397}, {16, 0.00567307696}, {24, 6.2500003e-05}, {31, 8.3345094e-06}});
}

TEST(RopeTable, YarnWithoutTruncationRampsBetweenFractions) {
  RopeSpec spec = yarn(64, 150000, 32, 4096);
  spec.truncate = false;
  expectFrequencies(spec, {{1, 0.689044297},
                           {8, 0.0508132726},
                           {15, 0.00105260219},
                           {16, 0.000456483918},
                           {24, 4.09997847e-06},
                           {31, 3.0235114e-07}});
}

TEST(RopeTable, YarnAttentionFactorFollowsTheConfiguration) {
  EXPECT_NEAR(yarnAttentionFactor(4, {}, {}), 1.138629436111989, 1e-15);
  EXPECT_NEAR(yarnAttentionFactor(16, 1.0, 0.8), 1.0453850485445595, 1e-15);
  // Both one, as in Mistral's configurations: the ratio drops the factor.
  EXPECT_EQ(yarnAttentionFactor(8, 1.0, 1.0), 1.0);
  EXPECT_EQ(yarnAttentionFactor(1, {}, {}), 1.0);
}

TEST(RopeTable, TableHoldsScaledCosAndSinFromItsFirstPosition) {
  RopeSpec spec = yarn(64, 1e4, 16, 4096);
  spec.attentionFactor = 1.25;
  std::vector<float> table(3 * 64);
  fillRopeTable(spec, 1000, 3, table);
  std::vector<double> frequencies = ropeInvFreq(spec);
  for (int position = 0; position < 3; ++position)
    for (int i = 0; i < 32; ++i) {
      double angle = (1000 + position) * frequencies[i];
      EXPECT_EQ(table[(position * 32 + i) * 2], float(1.25 * std::cos(angle)));
      EXPECT_EQ(table[(position * 32 + i) * 2 + 1], float(1.25 * std::sin(angle)));
    }
}

TEST(RopeTable, CheckNamesFieldAndLimit) {
  EXPECT_EQ(check({RopeKind::Default, 63}), "rope dim 63 must be even and positive");
  RopeSpec spec = llama3();
  spec.highFreqFactor = 1;
  EXPECT_NE(check(spec).find("high_freq_factor"), std::string::npos);
  spec = yarn(64, 1e4, 4, 0);
  EXPECT_NE(check(spec).find("original"), std::string::npos);
  spec = yarn(64, 1, 4, 4096);
  EXPECT_NE(check(spec).find("theta"), std::string::npos);
}

} // namespace
