//===- PagingTest.cpp - The cache and ragged batches ----------------------===//
//
// Oracle: attention written out over the whole sequence in double precision, without pages. Then the invariances: pages
// in any order, prefill in pieces, other sequences in the batch.
//
//===----------------------------------------------------------------------===//

#include "TestModule.h"
#include "qcc/Interpreter/Session.h"
#include "qcc/Interpreter/Tensor.h"

#include <cmath>
#include <numeric>

using namespace qcc;
using interp::Interpreter;
using interp::RaggedBatch;

namespace {

constexpr int vocabulary = 11, heads = 4, kvHeads = 2, dim = 4, page = 8;

/// One attention layer over embeddings: q, k and v are rows of tables, the heads' results are the logits' features.
std::string attentionModel(const std::string &window, const std::string &cacheType) {
  std::string symbols = R"(
graph.parameter @q : tensor<11x16xf32> from "f" tensor "q"
graph.parameter @k : tensor<11x8xf32> from "f" tensor "k"
graph.parameter @v : tensor<11x8xf32> from "f" tensor "v"
graph.kv_cache @kv layers 1 kv_heads 2 head_dim 4 page_size 8 : )" +
                        cacheType;
  std::string body = R"(
  %qt = graph.get @q : tensor<11x16xf32>
  %kt = graph.get @k : tensor<11x8xf32>
  %vt = graph.get @v : tensor<11x8xf32>
  %q = graph.embedding %tokens, %qt : (tensor<?xi32>, tensor<11x16xf32>) -> tensor<?x16xf32>
  %k = graph.embedding %tokens, %kt : (tensor<?xi32>, tensor<11x8xf32>) -> tensor<?x8xf32>
  %v = graph.embedding %tokens, %vt : (tensor<?xi32>, tensor<11x8xf32>) -> tensor<?x8xf32>
  %qh = graph.reshape %q : tensor<?x16xf32> -> tensor<?x4x4xf32>
  %kh = graph.reshape %k : tensor<?x8xf32> -> tensor<?x2x4xf32>
  %vh = graph.reshape %v : tensor<?x8xf32> -> tensor<?x2x4xf32>
  graph.kv_append @kv layer 0 k %kh v %vh slots %slots : tensor<?x2x4xf32>, tensor<?x2x4xf32>, tensor<?xi32>
  %a = graph.attention @kv layer 0 scale 5.0e-01 )" +
                     window + R"( q %qh batch(%starts, %lens, %tables)
       : (tensor<?x4x4xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?x?xi32>) -> tensor<?x4x4xf32>
  %f = graph.reshape %a : tensor<?x4x4xf32> -> tensor<?x16xf32>
  %logits = graph.gather_rows %f at %rows : (tensor<?x16xf32>, tensor<?xi32>) -> tensor<?x16xf32>)";
  return test::forward(symbols, body, 16);
}

class Paging : public testing::Test {
protected:
  void SetUp() override {
    q = source.addRandom("q", {vocabulary, heads * dim}, 1, 1);
    k = source.addRandom("k", {vocabulary, kvHeads * dim}, 1, 2);
    v = source.addRandom("v", {vocabulary, kvHeads * dim}, 1, 3);
  }

  std::unique_ptr<Interpreter> create(test::TestModule &module, int64_t pages) {
    interp::Options options;
    options.pages = pages;
    auto interpreter = Interpreter::create(*module.module, source, options);
    EXPECT_TRUE(interpreter) << interpreter.error().message;
    return std::move(*interpreter);
  }

  /// Features of position p of a sequence, from the definition.
  std::vector<double> expected(const std::vector<int32_t> &tokens, int p, int window) const {
    std::vector<double> features;
    for (int head = 0; head < heads; ++head) {
      int kvHead = head / (heads / kvHeads);
      std::vector<double> result(dim, 0);
      double sum = 0;
      for (int j = window ? std::max(0, p - window + 1) : 0; j <= p; ++j) {
        double dot = 0;
        for (int i = 0; i < dim; ++i)
          dot += double(q[size_t(tokens[size_t(p)] * heads * dim + head * dim + i)]) *
                 double(k[size_t(tokens[size_t(j)] * kvHeads * dim + kvHead * dim + i)]);
        double weight = std::exp(dot * 0.5);
        sum += weight;
        for (int i = 0; i < dim; ++i)
          result[size_t(i)] += weight * double(v[size_t(tokens[size_t(j)] * kvHeads * dim + kvHead * dim + i)]);
      }
      for (double value : result)
        features.push_back(value / sum);
    }
    return features;
  }

  void expectRow(const interp::StepResult &step, size_t row, const std::vector<double> &want) {
    for (size_t i = 0; i < want.size(); ++i)
      EXPECT_NEAR(step.logits[row * want.size() + i], want[i], 2e-6) << "row " << row << " feature " << i;
  }

  test::MemorySource source;
  std::vector<float> q, k, v;
};

std::vector<int32_t> someTokens(int count, int seed) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < count; ++i)
    tokens.push_back((i * i * 7 + i * 3 + seed) % vocabulary);
  return tokens;
}

TEST_F(Paging, PrefillInPiecesAndDecodeEqualTheDefinition) {
  for (int window : {0, 5}) {
    test::TestModule module(attentionModel(window ? "window 5" : "", "f32"));
    std::vector<int32_t> tokens = someTokens(21, 1);
    for (std::vector<int> pieces : {std::vector<int>{21}, {13, 8}, {1, 7, 1, 1, 11}}) {
      std::unique_ptr<Interpreter> interpreter = create(module, 3);
      interp::Session session(*interpreter);
      int position = 0;
      for (int count : pieces) {
        auto step = session.append(std::span(tokens).subspan(size_t(position), size_t(count)));
        ASSERT_TRUE(step) << step.error().message;
        for (int i = 0; i < count; ++i, ++position)
          expectRow(*step, size_t(i), expected(tokens, position, window));
      }
    }
  }
}

TEST_F(Paging, SequencesOfABatchDoNotMix) {
  test::TestModule module(attentionModel("", "f32"));
  std::unique_ptr<Interpreter> interpreter = create(module, 6);
  std::vector<int32_t> a = someTokens(10, 1), b = someTokens(3, 5);
  // Pages of both sequences are interleaved; page 0 belongs to neither.
  std::vector<std::vector<int32_t>> tables{{4, 1}, {3, 5}};
  RaggedBatch batch;
  batch.seqStarts = {0};
  for (size_t s = 0; s < 2; ++s) {
    const std::vector<int32_t> &tokens = s == 0 ? a : b;
    for (int p = 0; p < int(tokens.size()); ++p) {
      batch.tokens.push_back(tokens[size_t(p)]);
      batch.positions.push_back(p);
      batch.slots.push_back(tables[s][size_t(p / page)] * page + p % page);
    }
    batch.seqStarts.push_back(int32_t(batch.tokens.size()));
    batch.contextLens.push_back(int32_t(tokens.size()));
    batch.blockTables.insert(batch.blockTables.end(), tables[s].begin(), tables[s].end());
  }
  batch.logitRows = {9, 12, 0};
  auto step = interpreter->step(batch);
  ASSERT_TRUE(step) << step.error().message;
  expectRow(*step, 0, expected(a, 9, 0));
  expectRow(*step, 1, expected(b, 2, 0));
  expectRow(*step, 2, expected(a, 0, 0));
}

TEST_F(Paging, Fp8CacheRoundsKeysAndValuesAtTheirScale) {
  test::TestModule module(attentionModel("", "f8E4M3FN k_scale [0.5, 0.25] v_scale [2.0, 4.0]"));
  auto roundAll = [](std::vector<float> &values, std::vector<float> scales) {
    for (size_t i = 0; i < values.size(); ++i) {
      float scale = scales[i / dim % kvHeads], code = values[i] / scale;
      interp::roundTo(DType::E4M3, std::span<float>(&code, 1));
      values[i] = code * scale;
    }
  };
  roundAll(k, {0.5f, 0.25f});
  roundAll(v, {2.0f, 4.0f});
  std::unique_ptr<Interpreter> interpreter = create(module, 2);
  interp::Session session(*interpreter);
  std::vector<int32_t> tokens = someTokens(12, 2);
  auto step = session.append(tokens);
  ASSERT_TRUE(step);
  expectRow(*step, 11, expected(tokens, 11, 0));
}

TEST_F(Paging, Int8CacheScalesEachTokenAndHead) {
  test::TestModule module(attentionModel("", "i8"));
  auto roundRows = [](std::vector<float> &values) {
    for (size_t row = 0; row < values.size(); row += dim) {
      float amax = 0;
      for (size_t i = row; i < row + dim; ++i)
        amax = std::max(amax, std::fabs(values[i]));
      float scale = amax / 127;
      for (size_t i = row; i < row + dim; ++i)
        values[i] = std::nearbyint(values[i] / scale) * scale;
    }
  };
  roundRows(k);
  roundRows(v);
  std::unique_ptr<Interpreter> interpreter = create(module, 2);
  interp::Session session(*interpreter);
  std::vector<int32_t> tokens = someTokens(12, 2);
  auto step = session.append(tokens);
  ASSERT_TRUE(step);
  for (int p : {0, 5, 11})
    expectRow(*step, size_t(p), expected(tokens, p, 0));
}

TEST_F(Paging, RefusesIndicesOutOfRange) {
  test::TestModule module(attentionModel("", "f32"));
  std::unique_ptr<Interpreter> interpreter = create(module, 2);
  auto attempt = [&](auto change) {
    RaggedBatch batch{{1, 2}, {0, 1}, {0, 1}, {0, 2}, {2}, {0}, {1}};
    change(batch);
    auto step = interpreter->step(batch);
    return step ? "accepted" : step.error().message;
  };
  auto expectRefused = [&](auto change, std::string_view part) {
    EXPECT_NE(attempt(change).find(part), std::string::npos) << attempt(change);
  };
  EXPECT_EQ(attempt([](RaggedBatch &) {}), "accepted");
  expectRefused([](RaggedBatch &b) { b.tokens[1] = 11; }, "token 11");
  expectRefused([](RaggedBatch &b) { b.tokens[0] = -1; }, "token -1");
  expectRefused([](RaggedBatch &b) { b.slots[0] = 16; }, "slots[0] = 16");
  expectRefused([](RaggedBatch &b) { b.blockTables[0] = 2; }, "block_tables[0] = 2");
  expectRefused([](RaggedBatch &b) { b.logitRows[0] = 2; }, "logit_rows[0] = 2");
  expectRefused([](RaggedBatch &b) { b.contextLens[0] = 9; }, "do not fit");
  expectRefused([](RaggedBatch &b) { b.contextLens[0] = 1; }, "do not fit");
  expectRefused([](RaggedBatch &b) { b.positions[1] = 0; }, "position 0");
  expectRefused([](RaggedBatch &b) { b.seqStarts[1] = 1; }, "seq_starts");
  expectRefused([](RaggedBatch &b) { b = {}; }, "empty");
}

TEST_F(Paging, SessionRefusesEmptyAndTooLongInput) {
  test::TestModule module(attentionModel("", "f32"));
  std::unique_ptr<Interpreter> interpreter = create(module, 2);
  interp::Session session(*interpreter);
  EXPECT_FALSE(session.append({}));
  EXPECT_FALSE(session.append(std::vector<int32_t>(17, 1)));
  EXPECT_EQ(session.length(), 0);
  EXPECT_TRUE(session.append(std::vector<int32_t>(16, 1)));
  EXPECT_FALSE(session.append(std::vector<int32_t>{1}));
}

} // namespace
