//===- SimulatorTest.cpp - Whole steps on the PTX simulator ---------------===//
//
// The oracle is ledger::nextToken on each sequence's own tokens; the kernels see only what the runtime gave them.
//
//===----------------------------------------------------------------------===//

#include "LedgerEngine.h"
#include "qccrt/qccrt.h"

#include <gtest/gtest.h>

#include <random>

namespace {

class Ledger : public testing::Test {
protected:
  void SetUp() override {
    path = testing::TempDir() + "ledger-" + std::to_string(getpid()) + ".qengine";
    ASSERT_EQ(ledger::write(path), "");
    ASSERT_EQ(qccrt_engine_open(path.c_str(), &engine, &error), QCCRT_OK) << error.message;
  }
  void TearDown() override {
    qccrt_context_destroy(context);
    qccrt_engine_close(engine);
    std::filesystem::remove(path);
  }
  void load(uint64_t kvTokens = 0, uint32_t flags = QCCRT_HOST_LOGITS | QCCRT_SEPARATE_ALLOCATIONS) {
    qccrt_context_options options{};
    options.driver = QCCSIM_LIBRARY;
    options.kv_tokens = kvTokens;
    options.flags = flags;
    ASSERT_EQ(qccrt_context_create(engine, &options, &context, &error), QCCRT_OK) << error.message;
  }
  qccrt_sequence create() {
    qccrt_sequence sequence = 0;
    EXPECT_EQ(qccrt_sequence_create(context, &sequence, &error), QCCRT_OK) << error.message;
    return sequence;
  }
  uint64_t freeTokens() {
    qccrt_context_info info;
    qccrt_context_get_info(context, &info);
    return info.kv_tokens_free;
  }
  qccrt_status step(std::vector<qccrt_input> inputs) {
    return qccrt_step(context, inputs.data(), uint32_t(inputs.size()), QCCRT_COPY_LOGITS, &output, &error);
  }

  std::string path;
  qccrt_engine *engine = nullptr;
  qccrt_context *context = nullptr;
  qccrt_output output{};
  qccrt_error error{};
};

TEST_F(Ledger, FallsBackToPtxWhereTheDriverHasNoBinary) {
  load();
  qccrt_context_info info;
  qccrt_context_get_info(context, &info);
  EXPECT_EQ(info.cubin_kernels, 0u);
  EXPECT_EQ(info.ptx_kernels, 2u);
  EXPECT_EQ(info.capability, 90u);
}

TEST_F(Ledger, GeneratesAcrossPageBounds) {
  load();
  qccrt_sequence sequence = create();
  std::vector<int32_t> tokens = {7, 250, 0, 31, 99};
  ASSERT_EQ(step({{sequence, tokens.data(), 5, 1}}), QCCRT_OK) << error.message;
  while (tokens.size() < ledger::kContext) {
    int32_t next = output.next_tokens[0];
    ASSERT_EQ(next, ledger::nextToken(tokens)) << tokens.size();
    tokens.push_back(next);
    ASSERT_EQ(step({{sequence, &next, 1, 1}}), QCCRT_OK) << error.message;
    ASSERT_EQ(output.logits[17], ledger::logit(tokens, 17, true));
  }
  uint32_t length = 0;
  EXPECT_EQ(qccrt_sequence_length(context, sequence, &length, &error), QCCRT_OK);
  EXPECT_EQ(length, uint32_t(ledger::kContext));
}

TEST_F(Ledger, MixesPromptsAndGeneratedTokensOfChangingSequences) {
  load(/*kvTokens=*/5 * 64);
  std::mt19937 random(1);
  auto below = [&](uint32_t bound) { return uint32_t(random() % bound); };
  struct Live {
    qccrt_sequence id;
    std::vector<int32_t> tokens;
  };
  std::vector<Live> live;
  for (int round = 0; round < 120; ++round) {
    if (live.size() < 5 && below(2))
      live.push_back({create(), {}});
    if (!live.empty() && below(6) == 0) {
      size_t victim = below(uint32_t(live.size()));
      ASSERT_EQ(qccrt_sequence_destroy(context, live[victim].id, &error), QCCRT_OK);
      live.erase(live.begin() + long(victim));
    }
    std::vector<std::vector<int32_t>> fresh;
    std::vector<qccrt_input> inputs;
    std::vector<Live *> who;
    uint32_t rows = 0;
    for (Live &one : live) {
      if (who.size() == ledger::kSequences || below(4) == 0 || one.tokens.size() + 7 > ledger::kContext)
        continue;
      std::vector<int32_t> more(1 + below(7));
      for (int32_t &token : more)
        token = int32_t(below(ledger::kVocabulary));
      fresh.push_back(more);
      uint32_t wanted = std::min(below(uint32_t(more.size()) + 1), ledger::kRows - rows);
      rows += wanted;
      who.push_back(&one);
      inputs.push_back({one.id, nullptr, uint32_t(more.size()), wanted});
    }
    if (inputs.empty())
      continue;
    bool decode = true;
    for (size_t i = 0; i < inputs.size(); ++i) {
      inputs[i].tokens = fresh[i].data();
      decode &= inputs[i].count == 1;
    }
    ASSERT_EQ(step(inputs), QCCRT_OK) << error.message;
    ASSERT_EQ(output.rows, rows);
    uint32_t row = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      for (size_t t = 0; t < fresh[i].size(); ++t) {
        who[i]->tokens.push_back(fresh[i][t]);
        if (t + inputs[i].logit_rows < fresh[i].size())
          continue;
        ASSERT_EQ(output.next_tokens[row], ledger::nextToken(who[i]->tokens)) << "round " << round;
        for (int32_t id : {0, 100, ledger::kVocabulary - 1, output.next_tokens[row]})
          ASSERT_EQ(output.logits[row * output.logits_stride + uint32_t(id)],
                    ledger::logit(who[i]->tokens, id, decode));
        ++row;
      }
    }
  }
  for (Live &one : live)
    ASSERT_EQ(qccrt_sequence_destroy(context, one.id, &error), QCCRT_OK);
  qccrt_context_info info;
  qccrt_context_get_info(context, &info);
  EXPECT_EQ(info.kv_tokens_free, info.kv_tokens) << "pages were lost";
}

TEST_F(Ledger, RefusesRequestsWithoutChangingAnything) {
  load();
  qccrt_sequence sequence = create(), other = create();
  std::vector<int32_t> tokens(ledger::kTokens + 1, 5);
  auto refused = [&](std::vector<qccrt_input> inputs, const std::string &part) {
    EXPECT_EQ(step(inputs), QCCRT_INVALID_ARGUMENT);
    EXPECT_NE(std::string(error.message).find(part), std::string::npos) << error.message;
  };
  uint64_t before = freeTokens();
  refused({}, "at least one sequence");
  refused({{sequence, tokens.data(), 0, 0}}, "at least one");
  refused({{sequence, tokens.data(), 2, 3}}, "3 logit rows for 2 tokens");
  refused({{sequence, tokens.data(), ledger::kTokens + 1, 1}}, "the engine takes 24");
  refused({{sequence, tokens.data(), ledger::kTokens, ledger::kRows + 1}}, "the engine gives 10");
  refused({{sequence, tokens.data(), 1, 1}, {sequence, tokens.data(), 1, 1}}, "twice");
  refused({{12345, tokens.data(), 1, 1}}, "no sequence 12345");
  for (int32_t bad : {-1, ledger::kVocabulary}) {
    std::vector<int32_t> wrong = {1, bad};
    refused({{other, tokens.data(), 1, 1}, {sequence, wrong.data(), 2, 1}},
            "token 1 is " + std::to_string(bad) + ", the vocabulary has ids 0 to 300");
  }
  EXPECT_EQ(freeTokens(), before);
  // After 48 tokens 13 more are one too many, 12 fit.
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(step({{sequence, tokens.data(), ledger::kTokens, 0}}), QCCRT_OK) << error.message;
  refused({{sequence, tokens.data(), 13, 1}}, "61 tokens exceed the engine's context of 60");
  EXPECT_EQ(step({{sequence, tokens.data(), 12, 1}}), QCCRT_OK) << error.message;
  EXPECT_EQ(output.next_tokens[0], ledger::nextToken(std::vector<int32_t>(60, 5)));
}

TEST_F(Ledger, SaysWhenTheCacheIsFullAndGoesOnAfterwards) {
  load(/*kvTokens=*/40); // 3 pages of 16
  qccrt_sequence first = create(), second = create();
  std::vector<int32_t> tokens(ledger::kTokens, 9);
  ASSERT_EQ(step({{first, tokens.data(), 17, 1}}), QCCRT_OK) << error.message;
  EXPECT_EQ(step({{second, tokens.data(), 17, 1}}), QCCRT_NO_PAGES);
  EXPECT_NE(std::string(error.message).find("needs 2 pages"), std::string::npos) << error.message;
  ASSERT_EQ(qccrt_sequence_destroy(context, first, &error), QCCRT_OK);
  ASSERT_EQ(step({{second, tokens.data(), 17, 1}}), QCCRT_OK) << error.message;
  EXPECT_EQ(output.next_tokens[0], ledger::nextToken(std::vector<int32_t>(17, 9)));
  EXPECT_EQ(qccrt_sequence_destroy(context, first, &error), QCCRT_INVALID_ARGUMENT) << "destroyed twice";
}

TEST_F(Ledger, WorksInOneAllocationToo) {
  load(0, QCCRT_HOST_LOGITS | QCCRT_SYNCHRONOUS);
  std::vector<int32_t> tokens = {1, 2, 3};
  ASSERT_EQ(step({{create(), tokens.data(), 3, 3}}), QCCRT_OK) << error.message;
  EXPECT_EQ(output.next_tokens[2], ledger::nextToken(tokens));
  EXPECT_EQ(output.logits[2 * output.logits_stride + 300], ledger::logit(tokens, 300, false));
}

TEST_F(Ledger, ALostContextStaysLostAndNamesTheKernel) {
  // The append kernel's slots argument replaced by a constant too short for it: the simulator sees the read out of
  // bounds.
  qcc::engine_file::Plan broken = ledger::plan();
  broken.steps[0].cases[0].launches[0].args[0] = {qcc::engine_file::Arg::Kind::Constant, 1, ledger::kVocabulary * 4 - 4,
                                                  qcc::engine_file::Size::None};
  ASSERT_EQ(ledger::write(path, broken), "");
  qccrt_engine_close(engine);
  engine = nullptr;
  ASSERT_EQ(qccrt_engine_open(path.c_str(), &engine, &error), QCCRT_OK) << error.message;
  load();
  std::vector<int32_t> tokens = {1, 2, 3};
  qccrt_sequence sequence = create();
  ASSERT_EQ(step({{sequence, tokens.data(), 3, 1}}), QCCRT_LOST);
  EXPECT_NE(std::string(error.message).find("ledger_append"), std::string::npos) << error.message;
  std::string first = error.message;
  ASSERT_EQ(step({{sequence, tokens.data(), 1, 1}}), QCCRT_LOST);
  EXPECT_EQ(first, error.message);
}

} // namespace
