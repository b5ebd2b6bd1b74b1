//===- GemmNumericTest.cpp - GEMM kernels on a device ---------------------===//

#include "GemmCase.h"
#include "TestDevice.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::bench;
using namespace qcc::codegen;

namespace {

void expectPass(const GemmCase &gemm, int target) {
  CaseResult result = checkGemm(test::testDevice(), gemm, target);
  EXPECT_EQ(result.failure, "") << gemm.name() << " sm_" << target << ": " << gemm.reason;
}

// Kernels do not depend on the target beyond its fp8 products, so each format runs for the oldest target that has it
// and for the newest.
class GemmNumeric : public testing::TestWithParam<int> {};
class GemmNumericE4M3 : public testing::TestWithParam<int> {};

void expectAllPass(WeightFormat format, int target) {
  for (const GemmCase &gemm : gemmCases())
    if (gemm.format == format)
      expectPass(gemm, target);
}

TEST_P(GemmNumeric, BF16AgreesWithDoublePrecision) { expectAllPass(WeightFormat::BF16, GetParam()); }
TEST_P(GemmNumeric, S4AgreesWithDoublePrecision) { expectAllPass(WeightFormat::S4, GetParam()); }
TEST_P(GemmNumericE4M3, AgreesWithDoublePrecision) { expectAllPass(WeightFormat::E4M3, GetParam()); }

const auto targetName = [](const testing::TestParamInfo<int> &info) { return "sm" + std::to_string(info.param); };
INSTANTIATE_TEST_SUITE_P(Targets, GemmNumeric, testing::Values(80, 90), targetName);
INSTANTIATE_TEST_SUITE_P(Targets, GemmNumericE4M3, testing::Values(89, 90), targetName);

TEST(GemmConfigurations, HandPickedOnesAgreeToo) {
  // What the heuristics never choose but a user may: slices wider than 64 columns with a partial last one, an odd
  // number of K-warps, more K-warps than slices, several row warps with few tokens, two stages.
  const KernelConfig configs[] = {
      {{{"BLOCK_M", 32}, {"BLOCK_N", 16}, {"BLOCK_K", 128}, {"WARPS_M", 2}, {"WARPS_K", 3}, {"STAGES", 2}}},
      {{{"BLOCK_M", 64}, {"BLOCK_N", 8}, {"BLOCK_K", 256}, {"WARPS_M", 4}, {"WARPS_K", 1}, {"STAGES", 2}}},
      {{{"BLOCK_M", 48}, {"BLOCK_N", 32}, {"BLOCK_K", 64}, {"WARPS_M", 1}, {"WARPS_K", 2}, {"STAGES", 4}}},
      {{{"BLOCK_M", 16}, {"BLOCK_N", 8}, {"BLOCK_K", 64}, {"WARPS_M", 1}, {"WARPS_K", 16}, {"STAGES", 2}}},
  };
  for (const KernelConfig &config : configs)
    for (WeightFormat format : {WeightFormat::BF16, WeightFormat::E4M3, WeightFormat::S4}) {
      int64_t group = format == WeightFormat::S4 ? 80 : 0;
      expectPass({format, 131, 330, 19, group, ElemType::BF16, GemmCase::Epilogue::Bias, config,
                  "no size is a multiple of anything"},
                 90);
    }
}

TEST(GemmConfigurations, ARowDoesNotDependOnTheRowsBesideIt) {
  GemmDesc desc = GemmCase{WeightFormat::BF16, 64, 192, 8, 0, ElemType::F32}.desc();
  std::string error;
  KernelInstance instance = instantiate(desc, chooseVariants(desc, 90, Size::T)[0].config, Size::T, error);
  ASSERT_EQ(error, "");
  auto run = [&](int64_t rows) {
    HostData data;
    data.sizes[Size::T] = rows;
    std::vector<uint8_t> &weights = data.buffers["weights"], &x = data.buffers["x"];
    for (int i = 0; i < 64 * 192; ++i) { // bf16 1.xx with the sign by position
      weights.push_back(uint8_t(i * 37));
      weights.push_back(i % 3 ? 0x3f : 0xbf);
    }
    for (int i = 0; i < rows * 192; ++i) {
      x.push_back(uint8_t(i * 11));
      x.push_back(i % 5 ? 0x3e : 0xbe);
    }
    data.buffers["y"].resize(size_t(rows * 64 * 4));
    Status status = runOnce(test::testDevice(), instance, 90, data);
    EXPECT_TRUE(bool(status)) << (status ? "" : status.error().message);
    return std::vector<uint8_t>(data.buffers["y"].begin(), data.buffers["y"].begin() + 64 * 4);
  };
  EXPECT_EQ(run(1), run(8));
}

} // namespace
