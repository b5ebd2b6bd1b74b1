//===- FamilyChecksTest.cpp - What is refused, and how --------------------===//

#include "qcc/CodeGen/Attention.h"
#include "qcc/CodeGen/KernelInstance.h"

#include <gtest/gtest.h>

using namespace qcc::codegen;

namespace {

AttentionDesc attention() {
  AttentionDesc desc;
  desc.heads = 8, desc.kvHeads = 2, desc.headDim = 64;
  desc.scale = 0.125;
  desc.qPitch = desc.outPitch = 512;
  return desc;
}

void expectRefused(const KernelDesc &desc, const std::string &part) {
  std::string message = checkDesc(desc, 90);
  EXPECT_NE(message.find(part), std::string::npos) << "'" << message << "' does not say '" << part << "'";
}

TEST(FamilyChecks, AttentionNamesFieldAndLimit) {
  EXPECT_EQ(checkDesc(attention(), 80), "");
  AttentionDesc desc = attention();
  desc.headDim = 72;
  expectRefused(desc, "headDim = 72 must be a multiple of 16");
  desc = attention();
  desc.headDim = 272;
  expectRefused(desc, "headDim = 272");
  desc = attention();
  desc.kvHeads = 3;
  expectRefused(desc, "heads = 8 must be a positive multiple of kvHeads = 3");
  desc = attention();
  desc.scale = 0;
  expectRefused(desc, "scale = 0");
  desc = attention();
  desc.kv = ElemType::F32;
  expectRefused(desc, "cache type f32 must be bf16, e4m3 or s8");
}

TEST(FamilyChecks, ElementwiseNamesFieldAndLimit) {
  expectRefused(NormalizeDesc{40000, 1, 1e-5}, "columns = 40000 must lie in [1, 32768]");
  expectRefused(NormalizeDesc{60, 2, 1e-5}, "columns = 60 of each group must be a multiple of 8");
  expectRefused(GatherDesc{128, 64}, "tablePitch = 64 must be at least the 128 columns");
  expectRefused(GatherDesc{128, 128, ElemType::F32}, "table type f32 must be bf16, e4m3 or s8");
  expectRefused(NormalizeDesc{64, 2, 1e-5, false, ActQuant::S8Token}, "groups of a row cannot be quantized");
  expectRefused(ArgmaxDesc{0}, "columns = 0");
  PointwiseDesc pointwise;
  pointwise.columns = 64;
  pointwise.inputs = {{100, 40}};
  pointwise.program.numInputs = 1;
  expectRefused(pointwise, "input 0: columns 40 to 104 must lie inside its pitch of 100");
}

// A mistyped or impossible override by hand must be refused, not ignored.
TEST(FamilyChecks, ConfigurationsAreChecked) {
  std::string error;
  instantiate(attention(), KernelConfig{{{"WARPS", 4}, {"BLOCK_KV", 64}, {"BLOCKKV", 32}}}, Size::T, error);
  EXPECT_NE(error.find("unknown name 'BLOCKKV'"), std::string::npos) << error;
  error.clear();
  instantiate(attention(), KernelConfig{{{"WARPS", 4}}}, Size::T, error);
  EXPECT_NE(error.find("BLOCK_KV is missing"), std::string::npos) << error;
  error.clear();
  instantiate(attention(), KernelConfig{{{"WARPS", 4}, {"BLOCK_KV", 48}}}, Size::T, error);
  EXPECT_NE(error.find("BLOCK_KV = 48 must divide the page of 64"), std::string::npos) << error;
  error.clear();
  AttentionDesc wide = attention();
  wide.headDim = 256, wide.qPitch = wide.outPitch = 2048;
  instantiate(wide, KernelConfig{{{"WARPS", 4}, {"BLOCK_KV", 64}}}, Size::T, error);
  EXPECT_NE(error.find("bytes of shared memory; the limit is 101376"), std::string::npos) << error;
}

TEST(AttentionVariants, DecodeServesOnlyStepsOfOneTokenPerSequence) {
  AttentionDesc desc = attention();
  for (const KernelVariant &variant : chooseVariants(desc, 90, Size::T))
    EXPECT_TRUE(variant.bounds.empty());
  for (auto stage : {AttentionDesc::Stage::DecodePartial, AttentionDesc::Stage::DecodeCombine}) {
    desc.stage = stage;
    for (const KernelVariant &variant : chooseVariants(desc, 90, Size::T))
      EXPECT_EQ(variant.bounds, (std::vector<std::pair<Size, int64_t>>{{Size::Q, 1}}));
  }
}

TEST(AttentionSplits, FollowContextAndHeads) {
  AttentionDesc desc = attention();
  EXPECT_EQ(chooseMaxSplits(desc, 64, 90), 1);   // one page
  EXPECT_EQ(chooseMaxSplits(desc, 1024, 90), 8); // two pages each
  EXPECT_EQ(chooseMaxSplits(desc, 131072, 90), 128);
  desc.kvHeads = 8;
  EXPECT_EQ(chooseMaxSplits(desc, 131072, 90), 33); // 264 blocks of two per multiprocessor
  desc.maxSplits = 33;
  EXPECT_EQ(decodeWorkspaceBytes(desc), 8 * 33 * (64 + 4) * 4);
}

} // namespace
