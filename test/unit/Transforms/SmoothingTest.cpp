//===- SmoothingTest.cpp - Folds change nothing that the model computes ----===//
//
// Oracle: the interpreter on the float graph as it was imported, for each family's fixture.
//
//===----------------------------------------------------------------------===//
#include "SmoothFold.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Interpreter/Session.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Npy.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

using namespace qcc;

namespace {

struct Smoothing : testing::TestWithParam<const char *> {
  mlir::MLIRContext context;
  hf::Model model;
  std::string work;

  void SetUp() override {
    context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
    Expected<hf::Model> read = hf::readModel(std::string(QCC_FIXTURES "/") + GetParam());
    ASSERT_TRUE(read) << read.error().message;
    model = std::move(*read);
    work = testing::TempDir() + "/smoothing-" + std::to_string(getpid());
    std::filesystem::create_directories(work);
  }
  void TearDown() override { std::filesystem::remove_all(work); }

  std::vector<float> logitsOf(mlir::ModuleOp module) {
    Expected<std::unique_ptr<ModuleWeights>> weights = openWeights(module, model.directory);
    EXPECT_TRUE(weights) << weights.error().message;
    interp::Options options;
    options.pages = 4;
    auto interpreter = interp::Interpreter::create(module, **weights, options);
    EXPECT_TRUE(interpreter) << interpreter.error().message;
    if (!interpreter)
      return {};
    Expected<NpyArray> tokens = readNpy(model.directory + "/tokens.npy");
    EXPECT_TRUE(tokens) << tokens.error().message;
    std::vector<int32_t> ids;
    if (tokens->type == DType::I64)
      ids.assign(tokens->as<int64_t>().begin(), tokens->as<int64_t>().end());
    else
      ids.assign(tokens->as<int32_t>().begin(), tokens->as<int32_t>().end());
    ids.resize(std::min<size_t>(ids.size(), 32));
    interp::Session session(**interpreter);
    Expected<interp::StepResult> step = session.append(ids);
    EXPECT_TRUE(step) << step.error().message;
    return step ? step->logits : std::vector<float>();
  }

  /// Token ids for calibration: enough of them, all in the vocabulary.
  std::string writeTokens() {
    std::vector<int32_t> ids(8 * 32);
    std::mt19937 random(1);
    for (int32_t &id : ids)
      id = int32_t(random() % unsigned(model.config.vocabSize));
    const int64_t shape[] = {8, 32};
    EXPECT_TRUE(writeNpy(work + "/calib.npy", DType::I32, shape, std::as_bytes(std::span(ids))));
    return work + "/calib.npy";
  }
};

double relativeDifference(const std::vector<float> &a, const std::vector<float> &b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0, difference = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::fabs(double(a[i])));
    difference = std::max(difference, std::fabs(double(a[i]) - double(b[i])));
  }
  return difference / largest;
}

std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

constexpr double kFoldTolerance = 1e-5; ///< of f32 products summed in another order and scaled by s and 1 / s

TEST_P(Smoothing, RandomFoldsKeepTheLogits) {
  mlir::OwningOpRef<mlir::ModuleOp> module = hf::buildGraph(context, model);
  std::vector<float> before = logitsOf(*module);
  auto forward = module->lookupSymbol<mlir::func::FuncOp>("forward");
  std::vector<SmoothPair> pairs = findSmoothPairs(forward);
  // Two norms, v → o and up → down in each layer, and the head's norm.
  ASSERT_EQ(pairs.size(), size_t(4 * model.config.layers + 1));
  mlir::SymbolTable symbols(*module);
  SmoothFold fold(symbols, "smooth", "smooth-000", "key");
  std::mt19937 random(7);
  std::uniform_real_distribution<double> exponent(-3, 3);
  for (SmoothPair &pair : pairs) {
    std::vector<double> s(size_t(pair.channels()));
    for (double &value : s)
      value = std::exp2(exponent(random));
    fold.fold(pair, storedSmoothing(s, {}));
  }
  module.get()->setAttr(kWorkAttr, mlir::StringAttr::get(&context, work));
  ASSERT_TRUE(fold.write(work));
  ASSERT_TRUE(mlir::succeeded(fold.apply()));
  ASSERT_TRUE(mlir::succeeded(mlir::verify(*module)));
  std::vector<float> after = logitsOf(*module);
  EXPECT_NE(before, after) << "nothing was folded";
  EXPECT_LE(relativeDifference(before, after), kFoldTolerance);
}

TEST_P(Smoothing, SearchedFoldsKeepTheLogitsAndResume) {
  QuantizeOptions options;
  options.workDir = work;
  options.calib = writeTokens();
  for (bool isAwq : {false, true}) {
    options.preset = isAwq ? QuantPreset::W4A16 : QuantPreset::W8A8;
    options.groupSize = 32;
    auto runOnce = [&] {
      mlir::OwningOpRef<mlir::ModuleOp> module = hf::buildGraph(context, model);
      mlir::PassManager passes(&context);
      if (isAwq) {
        AwqPassOptions text;
        text.preset = options.preset;
        text.groupSize = options.groupSize;
        text.calib = options.calib;
        text.workDir = work;
        text.clip = false;
        passes.addPass(createAwqPass(text));
      } else {
        passes.addPass(createSmoothPass(options));
      }
      EXPECT_TRUE(mlir::succeeded(passes.run(*module)));
      return module;
    };
    mlir::OwningOpRef<mlir::ModuleOp> plain = hf::buildGraph(context, model), first = runOnce();
    EXPECT_NE(textOf(*plain), textOf(*first)) << "nothing was folded";
    EXPECT_LE(relativeDifference(logitsOf(*plain), logitsOf(*first)), kFoldTolerance);
    // Losing one file is what a kill leaves: its piece is searched again to the same numbers, the others are read.
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(work + "/quantized"))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    auto contents = [&](const std::filesystem::path &path) {
      std::ifstream file(path, std::ios::binary);
      return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const std::string lost = contents(files.back());
    std::filesystem::remove(files.back());
    mlir::OwningOpRef<mlir::ModuleOp> second = runOnce();
    EXPECT_EQ(textOf(*first), textOf(*second));
    EXPECT_EQ(contents(files.back()), lost);
    std::filesystem::remove_all(work + "/quantized");
  }
}

TEST_P(Smoothing, FixedStrengthKeepsTheLogits) {
  QuantizeOptions options;
  options.workDir = work;
  options.calib = writeTokens();
  options.preset = QuantPreset::W8A8;
  options.smoothAlpha = 0.5;
  mlir::OwningOpRef<mlir::ModuleOp> plain = hf::buildGraph(context, model), module = hf::buildGraph(context, model);
  mlir::PassManager passes(&context);
  passes.addPass(createSmoothPass(options));
  ASSERT_TRUE(mlir::succeeded(passes.run(*module)));
  EXPECT_NE(textOf(*plain), textOf(*module));
  EXPECT_LE(relativeDifference(logitsOf(*plain), logitsOf(*module)), kFoldTolerance);
}

INSTANTIATE_TEST_SUITE_P(Families, Smoothing,
                         testing::Values("llama2", "llama3", "llama-tied", "llama-bias-sharded", "llama-rope-linear",
                                         "llama-rope-yarn", "mistral-rope-yarn-mscale", "mistral-window",
                                         "mistral-head-dim", "qwen2", "qwen2-window", "qwen3", "qwen3-v5-tied"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(StoredSmoothing, FoldedNormsAreBF16Numbers) {
  std::mt19937 random(3);
  std::normal_distribution<float> draw(1, 0.5);
  std::uniform_real_distribution<double> exponent(-6, 6);
  std::vector<float> gamma(1000);
  std::vector<double> s(gamma.size());
  for (size_t j = 0; j < gamma.size(); ++j) {
    gamma[j] = quant::roundToBF16(draw(random));
    s[j] = std::exp2(exponent(random));
  }
  gamma[5] = 0;
  std::vector<float> stored = storedSmoothing(s, gamma);
  for (size_t j = 0; j < gamma.size(); ++j) {
    const double folded = double(gamma[j]) / double(stored[j]); // exact to 2^-53
    const double rounded = double(quant::roundToBF16(float(folded)));
    EXPECT_LE(std::fabs(folded - rounded), std::fabs(rounded) * 0x1p-23) << j; // half an ulp of f32 in `stored`
    EXPECT_LE(std::fabs(double(stored[j]) / s[j] - 1), 0x1p-8) << j;           // moved by less than bf16's ulp
  }
}

TEST(StoredSmoothing, VanishingAndOverflowingChannelsAreLeft) {
  std::vector<float> stored = storedSmoothing({1e-45, 1e300, 1e38, 2}, std::vector<float>{1, 1, 1e-30f, 0});
  EXPECT_EQ(stored, (std::vector<float>{1, 1, 1, 2}));
}

} // namespace
