//===- GemmCompileTest.cpp - Every variant assembles without spills -------===//

#include "GemmCase.h"
#include "qcc/Support/Parallel.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::bench;
using namespace qcc::codegen;

namespace {

using Epilogue = GemmCase::Epilogue;

struct Layer {
  int64_t n, k, group;
  const char *reason;
  bool everyFormat = true; ///< else those with groups; the others are as in another layer
  Epilogue epilogue = Epilogue::Residual;
  ElemType output = ElemType::BF16;
};

const Layer kLayers[] = {
    {6144, 4096, 128, "qkv of an 8B model: warps of 16 rows"},
    {28672, 4096, 32, "gate and up of an 8B model: warps of 32 rows, two groups in a slice"},
    {28672, 4096, 128, "the same with the default group, longer than a slice, and the plainest epilogue", false,
     Epilogue::Plain},
    {28672, 4096, 0, "the same with one scale per row: no second accumulators", false},
    {131, 2880, 48, "odd N, K with a partial step, groups across slices"},
    {6144, 4096, 0, "warps of 16 rows, one scale per row", false},
    {128256, 4096, 128, "logits: f32, and one scale of X where there may be", true, Epilogue::Plain, ElemType::F32},
};

class GemmCompile : public testing::TestWithParam<int> {};

TEST_P(GemmCompile, NoVariantSpills) {
  int target = GetParam();
  std::vector<KernelInstance> instances;
  std::vector<std::string> names;
  for (const Layer &layer : kLayers)
    for (WeightFormat format : kWeightFormats) {
      const WeightFormatInfo &info = infoOf(format);
      if (!layer.everyFormat && !info.mayHaveGroups)
        continue;
      int64_t group = !info.mayHaveGroups ? 0 : info.hasXScale() && layer.group % 32 != 0 ? 96 : layer.group;
      bool tensorScale = layer.epilogue == Epilogue::Plain && info.mayHaveTensorScale();
      GemmCase gemm{format, layer.n, layer.k, 0, group, layer.output, layer.epilogue, {}, layer.reason, tensorScale};
      GemmDesc desc = gemm.desc();
      if (info.x == ElemType::E4M3 && target < 89) {
        EXPECT_NE(checkDesc(desc, target).find("sm_89"), std::string::npos);
        continue;
      }
      ASSERT_EQ(checkDesc(desc, target), "");
      for (const KernelVariant &variant : chooseVariants(desc, target, Size::T)) {
        std::string error;
        instances.push_back(instantiate(desc, variant.config, Size::T, error));
        ASSERT_EQ(error, "") << gemm.name();
        gemm.config = variant.config;
        names.push_back(gemm.name());
      }
    }
  auto images = compileAll(instances, {"sm_" + std::to_string(target)}, KernelCache(KernelCache::defaultDirectory()),
                           defaultThreads());
  ASSERT_TRUE(bool(images)) << images.error().message;
  for (size_t i = 0; i < instances.size(); ++i) {
    const KernelResources &use = (*images)[i][0].resources;
    EXPECT_EQ(use.spillBytes, 0) << names[i];
    EXPECT_EQ(use.stackBytes, 0) << names[i];
    // ptxas' report was read at all, and the block's registers fit a multiprocessor's 65536.
    EXPECT_GT(use.registers, 0) << names[i];
    EXPECT_LE(use.registers * int(instances[i].block[0]), 65536) << names[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, GemmCompile, testing::Values(80, 89, 90),
                         [](const auto &info) { return "sm" + std::to_string(info.param); });

} // namespace
