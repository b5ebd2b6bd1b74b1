//===- GemmNumericTest.cpp - GEMM kernels on a device ---------------------===//

#include "GemmCase.h"
#include "TestDevice.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::bench;
using namespace qcc::codegen;

namespace {

using Epilogue = GemmCase::Epilogue;

struct Shape {
  int64_t n, k, rows;
  Epilogue epilogue;
  ElemType output;
  const char *reason;
};

const Shape kShapes[] = {
    {64, 128, 1, Epilogue::Plain, ElemType::BF16, "one token, one padded row block"},
    {128, 2880, 1, Epilogue::Silu, ElemType::BF16, "K of gpt-oss: 45 slices, not a multiple of the K-warps"},
    {131, 80, 7, Epilogue::Bias, ElemType::BF16, "odd N; K pads from 80 to 128 columns"},
    {16, 16, 8, Epilogue::Plain, ElemType::F32, "one tile: K below a slice, N below the row padding"},
    {1, 8, 3, Epilogue::Bias, ElemType::F32, "N = 1; K below one product"},
    {131, 128, 9, Epilogue::Residual, ElemType::BF16, "odd N with a per-element operand; one token over a block of 8"},
    {67, 131, 16, Epilogue::Plain, ElemType::BF16, "odd K: the last 16-byte copy of a row is partial"},
    {192, 256, 17, Epilogue::Residual, ElemType::F32, "second block bound plus one"},
    {256, 200, 33, Epilogue::Silu, ElemType::BF16, "third bound plus one"},
    {96, 320, 65, Epilogue::Bias, ElemType::BF16, "fourth bound plus one; the last token block holds one token"},
    {320, 128, 130, Epilogue::Plain, ElemType::BF16, "three token blocks, the last nearly empty"},
    {131, 80, 261, Epilogue::Residual, ElemType::BF16, "unbounded variant: odd N, padded K, partial token block"},
    {256, 192, 300, Epilogue::Plain, ElemType::F32, "unbounded variant with several row blocks"},
};

void expectPass(const GemmCase &gemm, int target) {
  CaseResult result = checkGemm(test::testDevice(), gemm, target);
  EXPECT_EQ(result.failure, "") << gemm.name() << " sm_" << target << ": " << gemm.reason;
}

GemmCase makeCase(WeightFormat format, const Shape &shape, int64_t group = 0) {
  GemmCase gemm{format, shape.n, shape.k, shape.rows, group, shape.output, shape.epilogue, {}, shape.reason};
  return gemm;
}

// Kernels do not depend on the target beyond its fp8 products, so each format runs for the oldest target that has it and for
// the newest.
class GemmNumeric : public testing::TestWithParam<int> {};
class GemmNumericE4M3 : public testing::TestWithParam<int> {};

TEST_P(GemmNumeric, BF16AgreesWithDoublePrecision) {
  for (const Shape &shape : kShapes)
    expectPass(makeCase(WeightFormat::BF16, shape), GetParam());
}

TEST_P(GemmNumericE4M3, AgreesWithDoublePrecision) {
  for (const Shape &shape : kShapes)
    expectPass(makeCase(WeightFormat::E4M3, shape), GetParam());
}

TEST_P(GemmNumeric, S4AgreesWithDoublePrecision) {
  // 128: larger than a slice. 32: several per slice. 48: slices start inside a group. The last group is short wherever the
  // group does not divide K.
  const int64_t groups[] = {128, 32, 48};
  for (size_t i = 0; i < std::size(kShapes); ++i)
    expectPass(makeCase(WeightFormat::S4, kShapes[i], groups[i % 3]), GetParam());
}

const auto targetName = [](const testing::TestParamInfo<int> &info) { return "sm" + std::to_string(info.param); };
INSTANTIATE_TEST_SUITE_P(Targets, GemmNumeric, testing::Values(80, 90), targetName);
INSTANTIATE_TEST_SUITE_P(Targets, GemmNumericE4M3, testing::Values(89, 90), targetName);

TEST(GemmConfigurations, HandPickedOnesAgreeToo) {
  // What the heuristics never choose but a user may: slices wider than 64 columns with a partial last one, an odd number of
  // K-warps, more K-warps than slices, several row warps with few tokens, two stages.
  const KernelConfig configs[] = {
      {{{"BLOCK_M", 32}, {"BLOCK_N", 16}, {"BLOCK_K", 128}, {"WARPS_M", 2}, {"WARPS_K", 3}, {"STAGES", 2}}},
      {{{"BLOCK_M", 64}, {"BLOCK_N", 8}, {"BLOCK_K", 256}, {"WARPS_M", 4}, {"WARPS_K", 1}, {"STAGES", 2}}},
      {{{"BLOCK_M", 48}, {"BLOCK_N", 32}, {"BLOCK_K", 64}, {"WARPS_M", 1}, {"WARPS_K", 2}, {"STAGES", 4}}},
      {{{"BLOCK_M", 16}, {"BLOCK_N", 8}, {"BLOCK_K", 64}, {"WARPS_M", 1}, {"WARPS_K", 16}, {"STAGES", 2}}},
  };
  const Shape shape = {131, 330, 19, Epilogue::Bias, ElemType::BF16, "no dimension is a multiple of anything"};
  for (const KernelConfig &config : configs)
    for (WeightFormat format : {WeightFormat::BF16, WeightFormat::E4M3, WeightFormat::S4}) {
      GemmCase gemm = makeCase(format, shape, 80);
      gemm.config = config;
      expectPass(gemm, 90);
    }
}

TEST(GemmConfigurations, ARowDoesNotDependOnTheRowsBesideIt) {
  GemmDesc desc = makeCase(WeightFormat::BF16, {64, 192, 8, Epilogue::Plain, ElemType::F32, ""}).desc();
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
