//===- SegmentRunnerTest.cpp - forward in pieces --------------------------===//
//
// Oracle: the interpreter, which walks all of `forward` at once.
//
//===----------------------------------------------------------------------===//

#include "qcc/Interpreter/SegmentRunner.h"
#include "TestModule.h"

#include <atomic>
#include <thread>

using namespace qcc;
using interp::Environment;
using interp::SegmentRunner;

namespace {

constexpr int64_t pageSize = 4, pages = 8;

/// An embedding, a norm, one attention layer with a residual, a linear whose weight is dequantized.
std::string model() {
  return test::forward(R"(
graph.parameter @table : tensor<13x8xf32> from "f" tensor "table"
graph.parameter @gamma : tensor<8xf32> from "f" tensor "gamma"
graph.parameter @w : tensor<13x8xf32> from "f" tensor "w"
graph.derived @w.fp8 : tensor<13x8xf8E4M3FN>, tensor<13xf32> {
  %0 = graph.get @w : tensor<13x8xf32>
  %1, %2 = graph.quantize %0 to <f8E4M3FN, channel, scale = f32> : (tensor<13x8xf32>) -> (tensor<13x8xf8E4M3FN>, tensor<13xf32>)
  graph.yield %1, %2 : tensor<13x8xf8E4M3FN>, tensor<13xf32>
}
graph.kv_cache @kv layers 1 kv_heads 2 head_dim 4 page_size 4 : f32)",
                       R"(
  %t = graph.get @table : tensor<13x8xf32>
  %x = graph.embedding %tokens, %t : (tensor<?xi32>, tensor<13x8xf32>) -> tensor<?x8xf32>
  %g = graph.get @gamma : tensor<8xf32>
  %n = graph.rms_norm %x, %g eps 1.0e-05 : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %h = graph.reshape %n : tensor<?x8xf32> -> tensor<?x2x4xf32>
  graph.kv_append @kv layer 0 k %h v %h slots %slots : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?xi32>
  %a = graph.attention @kv layer 0 scale 5.0e-01 q %h batch(%starts, %lens, %tables)
       : (tensor<?x2x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x2x4xf32>
  %f = graph.reshape %a : tensor<?x2x4xf32> -> tensor<?x8xf32>
  %r = graph.add %x, %f : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %codes:2 = graph.get @w.fp8 : tensor<13x8xf8E4M3FN>, tensor<13xf32>
  %w = graph.dequantize %codes#0 scale %codes#1 from <f8E4M3FN, channel, scale = f32> : (tensor<13x8xf8E4M3FN>, tensor<13xf32>) -> tensor<13x8xf32>
  %y = graph.linear %r, %w : (tensor<?x8xf32>, tensor<13x8xf32>) -> tensor<?x13xf32>
  %logits = graph.gather_rows %y at %rows : (tensor<?x13xf32>, tensor<?xi32>) -> tensor<?x13xf32>)",
                       13);
}

class Segments : public testing::Test {
protected:
  Segments() : module(model()) {
    source.addRandom("table", {13, 8}, 1, 1);
    source.addRandom("gamma", {8}, 1, 2);
    source.addRandom("w", {13, 8}, 1, 3);
    forward = module.module->lookupSymbol<mlir::func::FuncOp>("forward");
    for (mlir::Operation &op : forward.getBody().front())
      ops.push_back(&op);
    auto created = SegmentRunner::create(*module.module, source, pages);
    EXPECT_TRUE(created) << created.error().message;
    runner = std::move(*created);
  }

  template <typename Op> Op find() {
    Op found;
    forward.walk([&](Op op) { found = op; });
    return found;
  }

  std::vector<float> expected(const interp::RaggedBatch &batch) {
    interp::Options options;
    options.pages = pages;
    auto interpreter = interp::Interpreter::create(*module.module, source, options);
    EXPECT_TRUE(interpreter);
    auto step = (*interpreter)->step(batch);
    EXPECT_TRUE(step) << step.error().message;
    return step->logits;
  }

  std::vector<float> logits(const Environment &values) {
    auto data = values.find(ops.back()->getOperand(0))->second.data();
    return {data.begin(), data.end()};
  }

  test::MemorySource source;
  test::TestModule module;
  mlir::func::FuncOp forward;
  std::vector<mlir::Operation *> ops;
  std::unique_ptr<SegmentRunner> runner;
  const std::vector<std::vector<int32_t>> sequences{{1, 2, 3, 4, 5, 6}, {7}, {12, 0, 5}};
};

TEST_F(Segments, PiecesGiveTheSameBitsAsTheWhole) {
  interp::RaggedBatch batch = interp::makePrefill(sequences, pageSize);
  std::vector<float> want = expected(batch);
  auto append = find<graph::KvAppendOp>();
  auto attention = find<graph::AttentionOp>();
  for (mlir::Operation *cut : ops) {
    if (append->isBeforeInBlock(cut) && (cut == attention || cut->isBeforeInBlock(attention)))
      continue; // the cache does not cross a cut
    Environment values;
    ASSERT_TRUE(runner->prepare(nullptr, cut));
    ASSERT_TRUE(runner->run(batch, values));
    EXPECT_EQ(values.size(), runner->liveAt(cut).size());
    ASSERT_TRUE(runner->prepare(cut, nullptr));
    ASSERT_TRUE(runner->run(batch, values));
    EXPECT_EQ(logits(values), want) << "cut before op " << std::distance(ops.begin(), llvm::find(ops, cut));
  }
}

TEST_F(Segments, LiveValuesAreThoseThatFollowFromTheBatch) {
  auto linear = find<graph::LinearOp>();
  auto live = runner->liveAt(linear);
  ASSERT_EQ(live.size(), 1u); // the weight, though it is computed before the linear, is loaded with its piece
  EXPECT_EQ(live.front(), linear.getX());
  auto norm = find<graph::RmsNormOp>();
  EXPECT_EQ(runner->liveAt(norm).size(), 1u);
  EXPECT_EQ(runner->liveAt(nullptr).size(), 2u) << "what forward returns";
}

TEST_F(Segments, OverriddenCodesReachWhatFollowsFromThem) {
  interp::RaggedBatch batch = interp::makePrefill(sequences, pageSize);
  auto linear = find<graph::LinearOp>();
  auto dequantize = linear.getW().getDefiningOp<graph::DequantizeOp>();
  ASSERT_TRUE(runner->prepare(nullptr, nullptr));
  EXPECT_EQ(runner->constant(linear.getW()).shape, (std::vector<int64_t>{13, 8}));
  ASSERT_TRUE(runner->overrideConstant(
      dequantize.getCodes(), interp::Tensor<float>::make(DType::E4M3, {13, 8}, std::vector<float>(13 * 8, 0.0f))));
  Environment values;
  ASSERT_TRUE(runner->run(batch, values));
  EXPECT_EQ(logits(values), std::vector<float>(10 * 13, 0.0f));
  ASSERT_TRUE(runner->prepare(nullptr, nullptr)); // forgets it
  values.clear();
  ASSERT_TRUE(runner->run(batch, values));
  EXPECT_EQ(logits(values), expected(batch));
}

TEST_F(Segments, BatchesOfSeveralThreadsDoNotMix) {
  ASSERT_TRUE(runner->prepare(nullptr, nullptr));
  std::vector<interp::RaggedBatch> batches;
  std::vector<std::vector<float>> want;
  for (int32_t i = 0; i < 8; ++i) {
    batches.push_back(interp::makePrefill(std::vector<std::vector<int32_t>>{{i, 1, i, 2}, {3, i}}, pageSize));
    want.push_back(expected(batches.back()));
  }
  std::vector<std::thread> threads;
  std::vector<std::vector<float>> got(batches.size());
  std::atomic<int> failures = 0;
  for (size_t i = 0; i < batches.size(); ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        Environment values;
        failures += !runner->run(batches[i], values);
        got[i] = logits(values);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(got, want);
}

TEST_F(Segments, RefusesBatchesThatDoNotFit) {
  ASSERT_TRUE(runner->prepare(nullptr, nullptr));
  Environment values;
  interp::RaggedBatch batch = interp::makePrefill(sequences, pageSize);
  batch.tokens[3] = 13;
  Status status = runner->run(batch, values);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("token 13"), std::string::npos);
  EXPECT_FALSE(runner->run(interp::makePrefill(std::vector(9, std::vector<int32_t>{1}), pageSize), values))
      << "nine pages of eight";
}

} // namespace
