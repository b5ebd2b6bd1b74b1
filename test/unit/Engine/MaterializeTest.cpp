//===- MaterializeTest.cpp - Plans and weights from engine IR -------------===//
//
// Oracles: the weights that went in, looked for in the file, and the plan's fields as the IR spells them. Threads must
// change neither bytes nor messages.
//
//===----------------------------------------------------------------------===//

#include "Materialize.h"

#include "../Interpreter/TestModule.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace qcc;

namespace {

constexpr int64_t kRows = 1000, kColumns = 32; // four tiles, the last one short

const char *kSymbols = R"(
graph.parameter @w : tensor<1000x32xf32> from "f" tensor "w"
graph.derived @same : tensor<1000x32xf32> {
  %w = graph.get @w : tensor<1000x32xf32>
  graph.yield %w : tensor<1000x32xf32>
}
graph.derived @codes : tensor<1000x32xf8E4M3FN>, tensor<1000xf32> {
  %w = graph.get @w : tensor<1000x32xf32>
  %c, %s = graph.quantize %w to <f8E4M3FN, channel, scale = f32> : (tensor<1000x32xf32>) -> (tensor<1000x32xf8E4M3FN>, tensor<1000xf32>)
  graph.yield %c, %s : tensor<1000x32xf8E4M3FN>, tensor<1000xf32>
}
graph.kv_cache @kv layers 2 kv_heads 1 head_dim 64 page_size 64 : bf16
engine.model "tiny" architecture "llama" {vocabulary = 300 : i64, byte_vocabulary = true, max_context = 128 : i64, max_tokens = 32 : i64, max_sequences = 4 : i64,
                                          max_logit_rows = 8 : i64, arena_bytes = 1024 : i64, eos_tokens = array<i64: 2, 3>, options = "quant=fp8"}
engine.constant @c0 from @same result 0 : tensor<1000x32xf32> bytes 128000 {layer = "w", scheme = "f32", layout = "rows"}
engine.constant @c1 from @codes result 0 : tensor<1000x32xf8E4M3FN> bytes 32000 {layer = "", scheme = "", layout = ""}
engine.constant @c2 from @codes result 1 : tensor<1000xf32> bytes 4000 {layer = "", scheme = "", layout = ""}
engine.constant @c3 value dense<[1.5, 2.5]> : tensor<2xf32> : tensor<2xf32> bytes 8 {layer = "", scheme = "", layout = ""}
engine.buffer @b0 offset 256 bytes 768
engine.kernel @k family "gemm" block [128, 2, 1] shared 4096 min_target 89 config {BLOCK_N = 8, WARPS = 4} source "text"
)";

const char *kEntry = R"(
engine.entry @forward inputs ["tokens", "positions", "slots", "seq_starts", "context_lens", "block_tables", "logit_rows"] outputs ["logits", "next_tokens"] {
  engine.choice {
    engine.case {Q = 1} {
      engine.launch @k grid [#engine.dim<"T", 2, 8>, #engine.dim<"", 4, 1>, #engine.dim<"", 1, 1>]
        args [#engine.const<@c2>, #engine.buffer<@b0>, #engine.input<"slots">, #engine.output<"next_tokens">, #engine.cache<"v", 1>, #engine.size<"R">] {label = "up"}
    }
    engine.case {} {
      engine.launch @k grid [#engine.dim<"T", 1, 1>, #engine.dim<"", 1, 1>, #engine.dim<"", 1, 1>] args [#engine.buffer<@b0>]
    }
  }
}
)";

class Engines : public testing::Test {
protected:
  Engines() : directory(std::filesystem::temp_directory_path() / ("qcc-materialize-" + std::to_string(getpid()))) {
    std::filesystem::create_directory(directory);
    context.loadDialect<graph::GraphDialect, engine::EngineDialect>();
    weights = source.addRandom("w", {kRows, kColumns}, 1, 7);
  }
  ~Engines() override { std::filesystem::remove_all(directory); }

  BuiltPlan plan(const std::string &text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    Expected<BuiltPlan> built = buildPlan(*module);
    EXPECT_TRUE(built) << built.error().message;
    return std::move(*built);
  }

  /// Writes constants and the plan, the kernel's image made up; the file's bytes, or the message.
  std::string write(unsigned threads) {
    BuiltPlan built = plan(std::string(kSymbols) + kEntry);
    engine_file::Image image;
    image.kind = engine_file::Image::Kind::Ptx;
    image.target = 89;
    image.bytes = ".version 8.0";
    built.plan.kernels[0].images.push_back(image);
    std::string path = directory / std::to_string(threads);
    auto writer = engine_file::EngineWriter::create(path, built.constants);
    EXPECT_TRUE(writer) << writer.error().message;
    if (Status s = materialize(*module, built, source, *writer, threads, ProgressMode::Off); !s)
      return s.error().message;
    if (Status s = writer->finish(built.plan); !s)
      return s.error().message;
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }

  std::filesystem::path directory;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  test::MemorySource source;
  std::vector<float> weights;
};

std::string_view charsOf(const std::vector<float> &values) {
  return {reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float)};
}

TEST_F(Engines, HoldTheWeights) {
  std::string bytes = write(2);
  EXPECT_NE(bytes.find(charsOf(weights)), std::string::npos) << bytes.substr(0, 100);
  EXPECT_NE(bytes.find(charsOf({1.5f, 2.5f})), std::string::npos);
  // A channel's scale is its largest magnitude over 448, the largest e4m3 number.
  std::vector<float> scales(kRows);
  for (int64_t row = 0; row < kRows; ++row) {
    float largest = 0;
    for (int64_t column = 0; column < kColumns; ++column)
      largest = std::max(largest, std::abs(weights[row * kColumns + column]));
    scales[row] = largest / 448.0f;
  }
  EXPECT_NE(bytes.find(charsOf(scales)), std::string::npos);
}

TEST_F(Engines, DoNotDependOnTheThreads) {
  std::string one = write(1);
  EXPECT_GT(one.size(), 160000u);
  for (unsigned threads : {2, 3, 8})
    EXPECT_TRUE(one == write(threads)) << threads;
}

TEST_F(Engines, NameTheFirstBadWeightWhateverTheThreads) {
  weights[300 * kColumns + 5] = NAN;
  weights[900 * kColumns] = INFINITY;
  source.add("w", DType::F32, {kRows, kColumns}, weights);
  std::string one = write(1);
  EXPECT_NE(one.find("w"), std::string::npos) << one;
  EXPECT_NE(one.find("300"), std::string::npos) << one;
  for (unsigned threads : {2, 3, 8})
    for (int attempt = 0; attempt < 5; ++attempt)
      EXPECT_EQ(one, write(threads));
}

TEST_F(Engines, PlanSaysWhatTheIRSays) {
  using Kind = engine_file::Arg::Kind;
  BuiltPlan built = plan(std::string(kSymbols) + kEntry);
  const engine_file::Model &model = built.plan.model;
  EXPECT_EQ(model.name, "tiny");
  EXPECT_EQ(model.vocabulary, 300u);
  EXPECT_TRUE(model.byteVocabulary);
  EXPECT_EQ(model.eosTokens, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(model.layers, 2u);
  EXPECT_EQ(model.maxContext, 128u);
  EXPECT_EQ(model.maxTokens, 32u);
  EXPECT_EQ(model.maxSequences, 4u);
  EXPECT_EQ(model.maxLogitRows, 8u);
  EXPECT_EQ(built.plan.arenaBytes, 1024u);
  EXPECT_EQ(built.plan.options, "quant=fp8");
  ASSERT_EQ(built.constants.size(), 4u);
  EXPECT_EQ(built.constants[1].dtype, "f8E4M3FN");
  EXPECT_EQ(built.constants[1].shape, (std::vector<int64_t>{kRows, kColumns}));

  ASSERT_EQ(built.plan.kernels.size(), 1u);
  EXPECT_EQ(built.plan.kernels[0].config, "BLOCK_N=8 WARPS=4");
  EXPECT_EQ(built.plan.kernels[0].block[1], 2u);
  EXPECT_EQ(built.kernelSources[0].minTarget, 89);
  ASSERT_EQ(built.plan.steps.size(), 1u);
  ASSERT_EQ(built.plan.steps[0].cases.size(), 2u);
  const engine_file::Case &decode = built.plan.steps[0].cases[0];
  ASSERT_EQ(decode.bounds.size(), 1u);
  EXPECT_EQ(decode.bounds[0].size, engine_file::Size::Q);
  EXPECT_EQ(decode.bounds[0].limit, 1u);
  EXPECT_TRUE(built.plan.steps[0].cases[1].bounds.empty());
  ASSERT_EQ(decode.launches.size(), 1u);
  const engine_file::Launch &launch = decode.launches[0];
  EXPECT_EQ(launch.label, "up");
  EXPECT_EQ(launch.grid[0].size, engine_file::Size::T);
  EXPECT_EQ(launch.grid[0].multiplier, 2u);
  EXPECT_EQ(launch.grid[0].divisor, 8u);
  EXPECT_EQ(launch.grid[1].size, engine_file::Size::None);
  std::vector<std::pair<Kind, uint32_t>> expected{{Kind::Constant, 2}, {Kind::Buffer, 0}, {Kind::Input, 2},
                                                  {Kind::Output, 1},   {Kind::VCache, 1}, {Kind::Size, 0}};
  ASSERT_EQ(launch.args.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(launch.args[i].kind, expected[i].first) << i;
    EXPECT_EQ(launch.args[i].index, expected[i].second) << i;
  }
  EXPECT_EQ(launch.args[5].size, engine_file::Size::R);
}

TEST_F(Engines, NeedEnginePhaseIR) {
  module = mlir::parseSourceString<mlir::ModuleOp>(kSymbols, &context);
  ASSERT_TRUE(module);
  Expected<BuiltPlan> built = buildPlan(*module);
  ASSERT_FALSE(built);
  EXPECT_NE(built.error().message.find("not engine-phase IR"), std::string::npos);
}

} // namespace
