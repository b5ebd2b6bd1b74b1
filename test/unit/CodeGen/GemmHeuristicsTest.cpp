//===- GemmHeuristicsTest.cpp - Descriptions, variants, configurations ----===//

#include "qcc/CodeGen/KernelInstance.h"

#include <gtest/gtest.h>

using namespace qcc::codegen;

namespace {

GemmDesc plain(WeightFormat format, int64_t n, int64_t k, int64_t group = 0) {
  GemmDesc desc;
  desc.weights = format;
  desc.n = n;
  desc.k = k;
  desc.group = group;
  desc.epilogue = {1, {}, 0};
  return desc;
}

KernelConfig config(int64_t m, int64_t n, int64_t k, int64_t warpsM, int64_t warpsK, int64_t stages) {
  return {
      {{"BLOCK_M", m}, {"BLOCK_N", n}, {"BLOCK_K", k}, {"WARPS_M", warpsM}, {"WARPS_K", warpsK}, {"STAGES", stages}}};
}

std::string refusal(const GemmDesc &desc, const KernelConfig &config) {
  std::string error;
  instantiate(desc, config, Size::T, error);
  return error;
}

TEST(GemmDescription, RefusesWhatNoKernelDoes) {
  GemmDesc desc = plain(WeightFormat::BF16, 0, 64);
  EXPECT_NE(checkDesc(desc, 90).find("n = 0 must lie in"), std::string::npos);
  desc = plain(WeightFormat::E4M3, 64, 64);
  EXPECT_NE(checkDesc(desc, 80).find("need sm_89"), std::string::npos);
  EXPECT_EQ(checkDesc(desc, 89), "");
  desc = plain(WeightFormat::S4, 64, 64, 24);
  EXPECT_NE(checkDesc(desc, 90).find("group = 24 must be a positive multiple of 16"), std::string::npos);
  desc = plain(WeightFormat::S4E4M3, 64, 64, 48);
  EXPECT_NE(checkDesc(desc, 90).find("group = 48 must be a positive multiple of 32"), std::string::npos);
  EXPECT_NE(checkDesc(desc, 80).find("need sm_89"), std::string::npos);
  EXPECT_EQ(checkDesc(plain(WeightFormat::S8, 64, 64), 80), ""); // one scale per row
  desc = plain(WeightFormat::S8A8, 64, (1 << 17) + 1);
  EXPECT_NE(checkDesc(desc, 90).find("k = 131073 must be at most 131072"), std::string::npos);
  desc = plain(WeightFormat::E4M3Block, 64, 64);
  desc.xTensorScale = true;
  EXPECT_NE(checkDesc(desc, 90).find("e4m3_block weights do not take activations with one scale"), std::string::npos);
  desc = plain(WeightFormat::BF16, 64, 64, 128);
  EXPECT_NE(checkDesc(desc, 90).find("must be 0"), std::string::npos);
  desc = plain(WeightFormat::BF16, 64, 64);
  desc.output = ElemType::E4M3;
  EXPECT_NE(checkDesc(desc, 90).find("output type e4m3"), std::string::npos);
  desc.output = ElemType::BF16;
  desc.epilogue.numInputs = 2;
  EXPECT_NE(checkDesc(desc, 90).find("one more than the 0 operands"), std::string::npos);
  EXPECT_NE(checkDesc(plain(WeightFormat::BF16, 64, 64), 75).find("sm_80, sm_89 and sm_90"), std::string::npos);
}

TEST(GemmVariants, LastOneTakesAnyNumberOfTokensAndBoundsGrow) {
  for (int target : {80, 89, 90}) {
    auto variants = chooseVariants(plain(WeightFormat::BF16, 4096, 4096), target, Size::R);
    ASSERT_GE(variants.size(), 2u);
    for (size_t i = 0; i + 1 < variants.size(); ++i) {
      ASSERT_EQ(variants[i].bounds.size(), 1u);
      EXPECT_EQ(variants[i].bounds[0].first, Size::R);
      if (i > 0) {
        EXPECT_GT(variants[i].bounds[0].second, variants[i - 1].bounds[0].second);
      }
    }
    EXPECT_TRUE(variants.back().bounds.empty());
  }
}

TEST(GemmVariants, AllAreLegalForManyShapes) {
  for (int target : {80, 89, 90})
    for (int64_t n : {1, 16, 131, 1024, 14336, 151936})
      for (int64_t k : {1, 64, 80, 896, 2880, 14336, 53248})
        for (WeightFormat format : kWeightFormats)
          for (int64_t group : {0, 16, 48, 128}) {
            GemmDesc desc = plain(format, n, k, group);
            if (!checkDesc(desc, 90).empty())
              continue; // a group that the format does not have
            for (const KernelVariant &variant : chooseVariants(desc, target, Size::T))
              EXPECT_EQ(refusal(desc, variant.config), "")
                  << infoOf(format).name << " " << n << " x " << k << " sm_" << target;
          }
}

TEST(GemmVariants, OneTokenFillsTheMultiprocessors) {
  // 4096 out-features on 132 multiprocessors: at least one block each, and 8 warps in each block.
  auto variants = chooseVariants(plain(WeightFormat::BF16, 4096, 4096), 90, Size::T);
  const auto &values = variants[0].config.values;
  EXPECT_GE((4096 + values.at("BLOCK_M") - 1) / values.at("BLOCK_M"), 132);
  EXPECT_EQ(values.at("WARPS_M") * values.at("WARPS_K"), 8);
}

TEST(GemmVariants, NoWarpWithoutASliceOfK) {
  auto variants = chooseVariants(plain(WeightFormat::BF16, 4096, 128), 90, Size::T);
  EXPECT_EQ(variants[0].config.values.at("WARPS_K"), 2);
}

TEST(GemmConfiguration, IllegalOnesAreRefusedByName) {
  GemmDesc desc = plain(WeightFormat::BF16, 256, 256);
  EXPECT_EQ(refusal(desc, config(16, 8, 64, 1, 4, 3)), "");
  EXPECT_NE(refusal(desc, config(16, 24, 64, 1, 4, 3)).find("BLOCK_N = 24"), std::string::npos);
  EXPECT_NE(refusal(desc, config(16, 8, 96, 1, 4, 3)).find("BLOCK_K = 96"), std::string::npos);
  EXPECT_NE(refusal(desc, config(16, 8, 192, 1, 4, 3)).find("BLOCK_K = 192 must be 64, 128 or 256"), std::string::npos);
  EXPECT_NE(refusal(desc, config(16, 8, 64, 2, 4, 3)).find("WARPS_M"), std::string::npos);
  for (int64_t warps : {3, 5, 6, 7})
    EXPECT_NE(refusal(desc, config(16 * warps, 16, 64, warps, 1, 3)).find("WARPS_M = " + std::to_string(warps)),
              std::string::npos);
  for (int64_t warps : {1, 2, 4, 8})
    EXPECT_EQ(refusal(desc, config(16 * warps, 16, 64, warps, 1, 3)), "");
  EXPECT_NE(refusal(desc, config(64, 8, 64, 4, 16, 3)).find("at most 16"), std::string::npos);
  EXPECT_NE(refusal(desc, config(128, 128, 256, 4, 1, 4)).find("shared memory"), std::string::npos);
  EXPECT_NE(refusal(desc, config(256, 128, 64, 4, 1, 2)).find("spill"), std::string::npos);
  EXPECT_NE(refusal(plain(WeightFormat::S4, 256, 256, 64), config(128, 128, 64, 4, 1, 2)).find("spill"),
            std::string::npos);
  EXPECT_NE(refusal(plain(WeightFormat::BF16, 1 << 21, 256), config(16, 8, 64, 1, 4, 3)).find("larger BLOCK_M"),
            std::string::npos);
  KernelConfig unknown = config(16, 8, 64, 1, 4, 3);
  unknown.values["BLOCK_L"] = 1;
  EXPECT_NE(refusal(desc, unknown).find("'BLOCK_L'"), std::string::npos);
  unknown = {};
  EXPECT_NE(refusal(desc, unknown).find("BLOCK_M is missing"), std::string::npos);
}

TEST(GemmInstance, ArgumentsAreInTheContractsOrder) {
  GemmDesc desc = plain(WeightFormat::E4M3, 256, 256);
  desc.operands = {{GemmDesc::Operand::PerColumn, ElemType::F32}, {GemmDesc::Operand::PerElement, ElemType::BF16}};
  desc.epilogue = {3, {{ScalarOp::Add, 0, 1}, {ScalarOp::Add, 3, 2}}, 4};
  std::string error;
  KernelInstance instance = instantiate(desc, config(16, 8, 128, 1, 2, 2), Size::R, error);
  ASSERT_EQ(error, "");
  std::vector<std::string> names;
  for (const KernelArg &arg : instance.args) {
    names.push_back(arg.name);
    EXPECT_EQ(arg.written, arg.name == "y");
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"weights", "weight_scale", "x", "x_scale", "operand0", "operand1", "y", "rows"}));
  EXPECT_EQ(instance.args.back().kind, ArgKind::SizeValue);
  EXPECT_EQ(instance.args.back().size, Size::R);
  EXPECT_EQ(instance.minTarget, 89);
  EXPECT_EQ(instance.grid[0].size, Size::R);
  EXPECT_EQ(instance.grid[0].divisor, 8);
  EXPECT_EQ(instance.block[0], 64u);
}

TEST(GemmInstance, SymbolFollowsTheSource) {
  std::string error;
  auto symbol = [&](const GemmDesc &desc) {
    return instantiate(desc, config(16, 8, 64, 1, 2, 2), Size::T, error).symbol;
  };
  GemmDesc desc = plain(WeightFormat::BF16, 256, 256);
  EXPECT_EQ(symbol(desc), symbol(desc));
  EXPECT_NE(symbol(desc), symbol(plain(WeightFormat::BF16, 256, 320)));
}

} // namespace
