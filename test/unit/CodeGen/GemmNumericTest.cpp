//===- GemmNumericTest.cpp - GEMM kernels on a device ---------------------===//

#include "GemmOperands.h"
#include "TestDevice.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

using namespace qcc;
using namespace qcc::bench;
using namespace qcc::codegen;

namespace {

int target() { return test::testDevice().capability(); }

void expectPass(const GemmCase &gemm) {
  CaseResult result = checkGemm(test::testDevice(), gemm, target());
  EXPECT_EQ(result.failure, "") << gemm.name() << " sm_" << target() << ": " << gemm.reason;
}

// For the device's own target: kernels of e4m3 products and the tensor cores' arithmetic differ from one to the next.
class GemmNumeric : public testing::TestWithParam<WeightFormat> {};

TEST_P(GemmNumeric, AgreesWithDoublePrecision) {
  if (infoOf(GetParam()).x == ElemType::E4M3 && target() < 89)
    GTEST_SKIP() << "e4m3 products start at sm_89";
  for (const GemmCase &gemm : gemmCases())
    if (gemm.format == GetParam())
      expectPass(gemm);
}

INSTANTIATE_TEST_SUITE_P(Formats, GemmNumeric, testing::ValuesIn(kWeightFormats),
                         [](const auto &info) { return std::string(infoOf(info.param).name); });

TEST(GemmConfigurations, HandPickedOnesAgreeToo) {
  // What the heuristics never choose but a user may: slices wider than 64 columns with a partial last one, an odd
  // number of K-warps, more K-warps than slices, several row warps with few tokens (as many as there are), two stages.
  const KernelConfig configs[] = {
      {{{"BLOCK_M", 32}, {"BLOCK_N", 16}, {"BLOCK_K", 128}, {"WARPS_M", 2}, {"WARPS_K", 3}, {"STAGES", 2}}},
      {{{"BLOCK_M", 64}, {"BLOCK_N", 8}, {"BLOCK_K", 256}, {"WARPS_M", 4}, {"WARPS_K", 1}, {"STAGES", 2}}},
      {{{"BLOCK_M", 128}, {"BLOCK_N", 8}, {"BLOCK_K", 64}, {"WARPS_M", 8}, {"WARPS_K", 1}, {"STAGES", 2}}},
      {{{"BLOCK_M", 48}, {"BLOCK_N", 8}, {"BLOCK_K", 64}, {"WARPS_M", 1}, {"WARPS_K", 2}, {"STAGES", 4}}},
      {{{"BLOCK_M", 16}, {"BLOCK_N", 8}, {"BLOCK_K", 64}, {"WARPS_M", 1}, {"WARPS_K", 16}, {"STAGES", 2}}},
  };
  for (const KernelConfig &config : configs)
    for (WeightFormat format : kWeightFormats) {
      if (infoOf(format).x == ElemType::E4M3 && target() < 89)
        continue;
      int64_t group = !infoOf(format).mayHaveGroups ? 0 : infoOf(format).hasXScale() ? 160 : 80;
      expectPass({format, 131, 330, 19, group, ElemType::BF16, GemmCase::Epilogue::Bias, config,
                  "no size is a multiple of anything"});
    }
}

TEST(GemmConfigurations, ARowDoesNotDependOnTheRowsBesideIt) {
  GemmDesc desc = GemmCase{.n = 64, .k = 192, .rows = 8, .output = ElemType::F32}.desc();
  std::string error;
  KernelInstance instance = instantiate(desc, chooseVariants(desc, target(), Size::T)[0].config, Size::T, error);
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
    Status status = runOnce(test::testDevice(), instance, target(), data);
    EXPECT_TRUE(bool(status)) << (status ? "" : status.error().message);
    return std::vector<uint8_t>(data.buffers["y"].begin(), data.buffers["y"].begin() + 64 * 4);
  };
  EXPECT_EQ(run(1), run(8));
}

/// Activations with a NaN have a NaN scale and codes of zero (ActivationCodes.h): the product must show it, in that row
/// alone.
TEST(GemmNaN, ANaNScaleOfARowReachesItsResultsOnly) {
  constexpr int64_t bad = 5;
  for (WeightFormat format : {WeightFormat::S8A8, WeightFormat::S8Sparse, WeightFormat::E4M3Block}) {
    if (infoOf(format).x == ElemType::E4M3 && target() < 89)
      continue;
    GemmCase gemm{.format = format, .n = 64, .k = 320, .rows = 9, .output = ElemType::F32};
    GemmOperands operands = GemmOperands::random(gemm);
    std::vector<uint8_t> &x = operands.data.buffers.at("x"), &scales = operands.data.buffers.at("x_scale");
    size_t pitch = x.size() / size_t(gemm.rows), scalePitch = scales.size() / size_t(gemm.rows);
    std::fill_n(x.begin() + bad * pitch, pitch, uint8_t(0));
    float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(scales.data() + bad * scalePitch, &nan, sizeof nan); // of a block: its first columns
    operands.data.sizes[Size::T] = gemm.rows;
    operands.data.buffers["y"].resize(size_t(gemm.rows * gemm.n * 4));
    Expected<KernelInstance> instance = gemm.instantiate(target());
    ASSERT_TRUE(bool(instance)) << instance.error().message;
    Status status = runOnce(test::testDevice(), *instance, target(), operands.data);
    ASSERT_TRUE(bool(status)) << status.error().message;
    for (int64_t i = 0; i < gemm.rows * gemm.n; ++i) {
      float y;
      std::memcpy(&y, operands.data.buffers.at("y").data() + i * 4, 4);
      ASSERT_EQ(std::isnan(y), i / gemm.n == bad) << infoOf(format).name << " element " << i;
    }
  }
}

} // namespace
