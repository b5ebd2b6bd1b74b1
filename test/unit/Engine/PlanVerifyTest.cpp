//===- PlanVerifyTest.cpp - Plans that must not be executed ---------------===//
//
// Each case breaks one rule of docs/engine-format.md, "What a reader checks". The writer runs the reader's verifier, so
// writing is the test.
//
//===----------------------------------------------------------------------===//

#include "LedgerEngine.h"

#include <gtest/gtest.h>

#include <functional>

namespace {

using namespace qcc::engine_file;

struct Broken {
  const char *name;
  std::function<void(Plan &)> change;
  const char *message;
};

Launch &append(Plan &plan) { return plan.steps[0].cases[0].launches[0]; }

const Broken kBroken[] = {
    {"NoVocabulary", [](Plan &p) { p.model.vocabulary = 0; }, "model: vocabulary is 0"},
    {"SmallByteVocabulary", [](Plan &p) { p.model.vocabulary = 200, p.model.eosTokens = {}; }, "a byte vocabulary"},
    {"EosOutside", [](Plan &p) { p.model.eosTokens = {301}; }, "token 301 is outside"},
    {"NoLayers", [](Plan &p) { p.model.layers = 0; }, "layers is 0"},
    {"HugeHeads", [](Plan &p) { p.model.headDim = 4096; }, "head_dim is 4096"},
    {"HugeContext", [](Plan &p) { p.model.maxContext = 1u << 27; }, "max_context"},
    {"TooManySequences", [](Plan &p) { p.model.maxSequences = 25; }, "max_sequences is 25"},
    {"TooFewLogitRows", [](Plan &p) { p.model.maxLogitRows = 2; }, "max_logit_rows is 2"},
    {"TooManyLogitRows", [](Plan &p) { p.model.maxLogitRows = 25; }, "max_logit_rows is 25"},
    {"NoArena", [](Plan &p) { p.arenaBytes = 0; }, "arena_bytes is 0"},
    {"BufferBeyondArena", [](Plan &p) { p.arenaBytes = 256; }, "buffer 'place' does not lie in the arena of 256"},
    {"BufferOverflow", [](Plan &p) { p.buffers[0].bytes = UINT64_MAX; }, "does not lie in the arena"},
    {"BufferUnaligned", [](Plan &p) { p.buffers[0].offset = 64; }, "must be a multiple of 256"},
    {"EmptyBuffer", [](Plan &p) { p.buffers[0].bytes = 0; }, "does not lie in the arena"},
    {"SymbolWithSlash", [](Plan &p) { p.kernels[0].symbol = "../x"; }, "the symbol must be"},
    {"NoThreads",
     [](Plan &p) {
       p.kernels[0].block = {0, 1, 1};
     },
     "a block has 1 to 1024 threads"},
    {"TooManyThreads",
     [](Plan &p) {
       p.kernels[0].block = {1024, 2, 1};
     },
     "a block has 1 to 1024 threads"},
    {"ThreadsOverflow",
     [](Plan &p) {
       p.kernels[0].block = {1u << 31, 1u << 31, 4};
     },
     "a block has 1 to 1024 threads"},
    {"DeepBlock",
     [](Plan &p) {
       p.kernels[0].block = {1, 1, 65};
     },
     "at most 64 along z"},
    {"TooMuchSharedMemory", [](Plan &p) { p.kernels[0].sharedBytes = 232449; },
     "232449 bytes of dynamic shared memory"},
    {"NoImages", [](Plan &p) { p.kernels[0].images.clear(); }, "has no image"},
    {"ImageBelowMinimum", [](Plan &p) { p.kernels[0].minTarget = 89; }, "image target 80 must be 89"},
    {"CubinThatIsNoElf", [](Plan &p) { p.kernels[0].images[0].bytes[1] = 'F'; }, "a cubin must be an ELF image"},
    {"PtxWithNul", [](Plan &p) { p.kernels[0].images[1].bytes[9] = 0; }, "PTX must end with its only NUL"},
    {"UnknownInput", [](Plan &p) { p.inputs[0] = "temperature"; }, "unknown input 'temperature'"},
    {"UnknownOutput", [](Plan &p) { p.outputs[1] = "x\ny"; }, "unknown output 'x?y'"},
    {"NoSteps", [](Plan &p) { p.steps.clear(); }, "no steps"},
    {"NoCases", [](Plan &p) { p.steps[1].cases.clear(); }, "step 1 has no cases"},
    {"NoLastCase", [](Plan &p) { p.steps[1].cases.pop_back(); },
     "step 1 case 0: the last case and no other must be without bounds"},
    {"EarlyLastCase", [](Plan &p) { p.steps[1].cases[0].bounds.clear(); }, "step 1 case 0: the last case"},
    {"BoundOnNothing", [](Plan &p) { p.steps[1].cases[0].bounds[0].size = Size::None; }, "unknown size 0"},
    {"BoundOnUnknownSize", [](Plan &p) { p.steps[1].cases[0].bounds[0].size = Size(7); }, "unknown size 7"},
    {"NoLaunches", [](Plan &p) { p.steps[0].cases[0].launches.clear(); }, "has no launches"},
    {"UnknownKernel", [](Plan &p) { append(p).kernel = 2; }, "kernel 2 of 2"},
    {"DivisorZero", [](Plan &p) { append(p).grid[0].divisor = 0; }, "grid multiplier and divisor"},
    {"UnknownGridSize", [](Plan &p) { append(p).grid[0].size = Size(9); }, "unknown size 9"},
    {"GridTooWide",
     [](Plan &p) {
       append(p).grid[0] = {Size::T, 1u << 30, 1};
     },
     "the grid may grow to 25769803776 along axis 0"},
    {"GridTooHigh",
     [](Plan &p) {
       append(p).grid[1] = {Size::None, 65536, 1};
     },
     "the grid may grow to 65536 along axis 1"},
    {"TooManyArguments", [](Plan &p) { append(p).args.resize(65, append(p).args[0]); }, "65 arguments"},
    {"UnknownConstant",
     [](Plan &p) {
       append(p).args[0] = {Arg::Kind::Constant, 2, 0, Size::None};
     },
     "constant 2 of 2"},
    {"BeyondConstant",
     [](Plan &p) {
       append(p).args[0] = {Arg::Kind::Constant, 1, 1204, Size::None};
     },
     "passes the end of constant 1"},
    {"UnknownBuffer", [](Plan &p) { append(p).args[5].index = 1; }, "buffer 1 of 1"},
    {"BeyondBuffer", [](Plan &p) { append(p).args[5].offset = 96; }, "passes the end of buffer 0"},
    {"UnknownLayer", [](Plan &p) { append(p).args[3].index = 1; }, "cache layer 1 of 1"},
    {"UnknownPort", [](Plan &p) { append(p).args[0].index = 7; }, "input 7 of 7"},
    {"OffsetIntoInput", [](Plan &p) { append(p).args[0].offset = 4; }, "passes the end of input 0"},
    {"SizeOfNothing", [](Plan &p) { append(p).args[6].size = Size::None; }, "unknown size 0"},
    {"UnknownArgument", [](Plan &p) { append(p).args[0].kind = Arg::Kind(7); }, "unknown argument kind 7"},
    {"SharedArenaMemory",
     [](Plan &p) {
       p.buffers.push_back({"other", 256, 16});
       p.steps[1].cases[0].launches[0].args[0] = {Arg::Kind::Buffer, 1, 0, Size::None};
     },
     "buffers 'place' and 'other' share arena memory and are both in use at step 1"},
};

class PlanVerify : public testing::TestWithParam<Broken> {};

TEST_P(PlanVerify, Refuses) {
  Plan plan = ledger::plan();
  GetParam().change(plan);
  std::string path = testing::TempDir() + "plan-" + std::to_string(getpid()) + ".qengine";
  std::string message = ledger::write(path, plan);
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << "said: " << message;
  EXPECT_FALSE(std::filesystem::exists(path));
}

INSTANTIATE_TEST_SUITE_P(Rules, PlanVerify, testing::ValuesIn(kBroken),
                         [](const auto &info) { return std::string(info.param.name); });

/// Memory may be shared by buffers whose uses do not overlap in time.
TEST(PlanVerifyArena, AcceptsReuseAfterTheLastUse) {
  Plan plan = ledger::plan();
  plan.buffers.push_back({"later", 256, 16});
  Step extra = plan.steps[0];
  extra.cases[0].launches[0].args[5].index = 1;
  plan.steps.push_back(extra);
  std::string path = testing::TempDir() + "reuse-" + std::to_string(getpid()) + ".qengine";
  EXPECT_EQ(ledger::write(path, plan), "");
  std::filesystem::remove(path);
}

} // namespace
