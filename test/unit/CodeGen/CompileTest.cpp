//===- CompileTest.cpp - Every family on every architecture ---------------===//
//
// ptxas is the judge of what the simulator cannot see: registers, spills, shared memory. A kernel of these families
// that uses local memory is a performance bug.
//
//===----------------------------------------------------------------------===//

#include "qcc/CodeGen/CompileKernels.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::codegen;

namespace {

void expectNoSpills(const std::vector<KernelDesc> &descs) {
  Expected<const Nvrtc *> nvrtc = Nvrtc::get();
  if (!nvrtc)
    GTEST_SKIP() << nvrtc.error().message;
  std::vector<KernelInstance> instances;
  for (const KernelDesc &desc : descs) {
    ASSERT_EQ(checkDesc(desc, 80), "");
    for (const KernelVariant &variant : chooseVariants(desc, 80, Size::T)) {
      std::string error;
      instances.push_back(instantiate(desc, variant.config, Size::T, error));
      ASSERT_EQ(error, "");
      EXPECT_LE(instances.back().dynamicSharedBytes, 99u * 1024) << instances.back().symbol;
    }
  }
  const std::vector<std::string> archs = {"sm_80", "sm_89", "sm_90"};
  auto images = compileAll(instances, archs, KernelCache(KernelCache::defaultDirectory()), 2);
  ASSERT_TRUE(bool(images)) << images.error().message;
  for (size_t i = 0; i < instances.size(); ++i)
    for (size_t j = 0; j < archs.size(); ++j) {
      const KernelResources &used = (*images)[i][j].resources;
      EXPECT_GT(used.registers, 0) << "no report of ptxas for " << instances[i].symbol;
      EXPECT_EQ(used.spillBytes, 0) << archs[j] << "\n" << instances[i].source;
      EXPECT_EQ(used.stackBytes, 0) << archs[j] << "\n" << instances[i].source;
    }
}

ScalarProgram swiglu() {
  ScalarProgram program;
  program.numInputs = 2;
  program.body = {{ScalarOp::Neg, 0},    {ScalarOp::Exp, 2},    {ScalarOp::Constant, -1, -1, 1.0f},
                  {ScalarOp::Add, 3, 4}, {ScalarOp::Div, 0, 5}, {ScalarOp::Mul, 6, 1}};
  program.result = 7;
  return program;
}

constexpr ActQuant kKinds[] = {ActQuant::None,       ActQuant::E4M3Token, ActQuant::E4M3Group128,
                               ActQuant::E4M3Static, ActQuant::S8Token,   ActQuant::S8Static};

TEST(Compile, Normalize) {
  std::vector<KernelDesc> descs;
  for (int64_t columns : {131, 1024, 4096, 8192, 32768})
    for (ActQuant quantize : kKinds)
      descs.push_back(NormalizeDesc{columns, 1, 1e-5, /*addResidual=*/true, quantize});
  descs.push_back(NormalizeDesc{128, 8, 1e-6, false});
  expectNoSpills(descs);
}

TEST(Compile, Pointwise) {
  std::vector<KernelDesc> descs;
  for (int64_t columns : {131, 11008, 14336, 28672, 65536})
    for (ActQuant quantize : kKinds) {
      PointwiseDesc desc;
      desc.columns = columns;
      int64_t pitch = rowPitch(2 * columns, ElemType::BF16);
      desc.inputs = {{pitch, 0}, {pitch, columns}};
      desc.program = swiglu();
      desc.quantize = quantize;
      descs.push_back(desc);
    }
  expectNoSpills(descs);
}

TEST(Compile, RopeAppendGatherArgmax) {
  std::vector<KernelDesc> descs = {GatherDesc{4096, 4096}, GatherDesc{4096, 4096, ElemType::S8},
                                   GatherDesc{131, 131, ElemType::E4M3}, ArgmaxDesc{128256}, ArgmaxDesc{262144}};
  for (int64_t headDim : {16, 80, 128, 256})
    for (ElemType kv : {ElemType::BF16, ElemType::E4M3, ElemType::S8}) {
      RopeAppendDesc desc;
      desc.heads = 32, desc.kvHeads = 8, desc.headDim = headDim;
      desc.kv = kv;
      desc.qkNorm = kv != ElemType::BF16;
      desc.eps = 1e-6;
      desc.qIn = {48 * headDim, 0}, desc.kIn = {48 * headDim, 32 * headDim}, desc.vIn = {48 * headDim, 40 * headDim};
      desc.qPitch = 32 * headDim;
      desc.tableRows = 4096;
      descs.push_back(desc);
    }
  expectNoSpills(descs);
}

TEST(Compile, Attention) {
  std::vector<KernelDesc> descs;
  for (int64_t headDim : {16, 32, 64, 80, 96, 112, 128, 192, 256})
    for (ElemType kv : {ElemType::BF16, ElemType::E4M3, ElemType::S8})
      for (auto stage :
           {AttentionDesc::Stage::Prefill, AttentionDesc::Stage::DecodePartial, AttentionDesc::Stage::DecodeCombine}) {
        AttentionDesc desc;
        desc.heads = 32, desc.kvHeads = 8, desc.headDim = headDim;
        desc.kv = kv;
        desc.window = headDim == 128 ? 4096 : 0;
        desc.scale = 0.125;
        desc.qPitch = desc.outPitch = 32 * headDim;
        desc.stage = stage;
        desc.maxSplits = 32;
        descs.push_back(desc);
      }
  expectNoSpills(descs);
}

} // namespace
