//===- KernelDescsTest.cpp - Kernel ops in CodeGen's terms ----------------===//
//
// Oracle of translated bodies: the same formula in double precision.
//
//===----------------------------------------------------------------------===//

#include "qcc/Transforms/Schedule/KernelDescs.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace qcc;

namespace {

class Bodies : public testing::Test {
protected:
  Bodies() {
    context.loadDialect<mlir::func::FuncDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                        kernel::KernelDialect>();
    context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) { message = diagnostic.str(); });
  }

  /// A gemm with two operands whose epilogue is `body` of %acc, %a (f32 each), after `outside`.
  mlir::FailureOr<codegen::ScalarProgram> translate(const std::string &body, const std::string &outside = "") {
    std::string text = R"(func.func @f(%w: tensor<8192xi8>, %x: tensor<?x64xbf16>, %extra: tensor<?x8xf32>) {
  )" + outside + R"(
  %y = kernel.gemm bf16 rows T weights(%w) x(%x) extras(%extra) : (tensor<8192xi8>, tensor<?x64xbf16>, tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32, %a: f32):
  )" + body + R"(
  }
  return
})";
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module) << text;
    kernel::GemmOp gemm;
    module->walk([&](kernel::GemmOp op) { gemm = op; });
    return translateBody(gemm, gemm.getEpilogue().front());
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string message;
};

TEST_F(Bodies, OperandsKeepTheirOrder) {
  auto program = translate(R"(%s = arith.subf %acc, %a : f32
    %c = arith.constant 3.0 : f32
    %d = arith.divf %s, %c : f32
    kernel.yield %d : f32)");
  ASSERT_TRUE(mlir::succeeded(program));
  EXPECT_EQ(program->numInputs, 2);
  EXPECT_EQ(codegen::check(*program), "");
  EXPECT_FLOAT_EQ(codegen::evaluate(*program, {7, 1}), float((7.0 - 1.0) / 3.0));
}

TEST_F(Bodies, EveryOpMeansWhatItsNameSays) {
  struct Row {
    const char *op;
    double expected; ///< of acc = 0.5, a = -2
  };
  for (Row row :
       {Row{"math.exp %acc", std::exp(0.5)}, Row{"math.tanh %acc", std::tanh(0.5)}, Row{"math.erf %acc", std::erf(0.5)},
        Row{"math.sqrt %acc", std::sqrt(0.5)}, Row{"math.rsqrt %acc", 1 / std::sqrt(0.5)}, Row{"arith.negf %acc", -0.5},
        Row{"arith.addf %acc, %a", -1.5}, Row{"arith.subf %acc, %a", 2.5}, Row{"arith.mulf %acc, %a", -1},
        Row{"arith.divf %acc, %a", -0.25}, Row{"arith.maximumf %acc, %a", 0.5}, Row{"arith.minimumf %acc, %a", -2}}) {
    auto program = translate("%r = " + std::string(row.op) + " : f32\n kernel.yield %r : f32");
    ASSERT_TRUE(mlir::succeeded(program)) << row.op;
    EXPECT_NEAR(codegen::evaluate(*program, {0.5f, -2}), row.expected, 1e-6) << row.op;
  }
}

TEST_F(Bodies, TruncationRoundsToEvenAndExtensionIsFree) {
  auto program = translate(R"(%t = arith.truncf %acc : f32 to bf16
    %e = arith.extf %t : bf16 to f32
    kernel.yield %e : f32)");
  ASSERT_TRUE(mlir::succeeded(program));
  EXPECT_EQ(program->body.size(), 1u);
  // bf16 has 8 significant bits: 257 lies between 256 and 258, and 256 is even.
  EXPECT_EQ(codegen::evaluate(*program, {257, 0}), 256);
  EXPECT_EQ(codegen::evaluate(*program, {259, 0}), 260);
}

TEST_F(Bodies, WhatKernelsCannotSayIsRefused) {
  EXPECT_TRUE(mlir::failed(translate("%r = math.sin %acc : f32\n kernel.yield %r : f32")));
  EXPECT_NE(message.find("op has no form in a kernel body"), std::string::npos) << message;
  EXPECT_TRUE(mlir::failed(translate(R"(%t = arith.truncf %acc : f32 to f16
    %e = arith.extf %t : f16 to f32
    kernel.yield %e : f32)")));
  EXPECT_NE(message.find("op has no form in a kernel body"), std::string::npos) << message;
}

TEST_F(Bodies, ValuesFromOutsideAreRefused) {
  // What canonicalization makes of a constant in the body.
  EXPECT_TRUE(mlir::failed(
      translate("%r = arith.mulf %acc, %c : f32\n kernel.yield %r : f32", "%c = arith.constant 2.0 : f32")));
  EXPECT_NE(message.find("reads a value from outside its kernel body"), std::string::npos) << message;
  EXPECT_TRUE(mlir::failed(translate("kernel.yield %c : f32", "%c = arith.constant 2.0 : f32")));
}

TEST(Variants, SurviveTheirAttributeForm) {
  mlir::MLIRContext context;
  context.loadDialect<kernel::KernelDialect>();
  codegen::KernelVariant variant;
  variant.bounds = {{codegen::Size::Q, 1}, {codegen::Size::T, 8}};
  variant.config.values = {{"BLOCK_M", 64}, {"STAGES", 3}};
  codegen::KernelVariant back = fromAttr(toAttr(&context, variant));
  EXPECT_EQ(back.bounds.size(), 2u);
  for (auto bound : variant.bounds)
    EXPECT_NE(std::find(back.bounds.begin(), back.bounds.end(), bound), back.bounds.end());
  EXPECT_EQ(back.config.values, variant.config.values);
}

TEST(Variants, DecodeHoldsTwoStagesUnderOneRoof) {
  mlir::MLIRContext context;
  context.loadDialect<kernel::KernelDialect>();
  DecodeConfig decode;
  decode.maxSplits = 12;
  decode.partial.values = {{"WARPS", 4}, {"STAGES", 2}};
  decode.combine.values = {{"WARPS", 8}};
  std::optional<DecodeConfig> back = DecodeConfig::of(toAttr(&context, {{{codegen::Size::Q, 1}}, decode.joined()}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->maxSplits, 12);
  EXPECT_EQ(back->partial.values, decode.partial.values);
  EXPECT_EQ(back->combine.values, decode.combine.values);
  codegen::KernelConfig prefill;
  prefill.values = {{"WARPS", 4}};
  EXPECT_FALSE(DecodeConfig::of(toAttr(&context, {{}, prefill})));
}

} // namespace
