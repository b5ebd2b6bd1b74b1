//===- sim_checks.cpp - Every fault is found and named --------------------===//

#include "SimTest.h"

using namespace qccsim;
using namespace qccsim::test;

namespace {

/// Runs a kernel body (see kernel()); the body's first line is line 14 of the text.
void run(const std::string &body, const std::string &options = "", unsigned threads = 32, unsigned blocks = 1,
         size_t shared = 0) {
  Runner runner(options);
  runner.run(kernel(body), threads, blocks, shared);
}

TEST(Checks, globalOutOfBounds) {
  EXPECT_SIM_ERROR(run("  add.u64 %rd4, %rd2, 8192;\n  ld.global.u64 %rd5, [%rd4];"), ErrorKind::IllegalAddress,
                   "PTX line 15");
  EXPECT_SIM_ERROR(run("ld.global.u64 %rd5, [%rd2+8192];"), ErrorKind::IllegalAddress,
                   "is 0 bytes past the end of the allocation of 8192 bytes");
  EXPECT_SIM_ERROR(run("st.global.u64 [%rd1+-8], %rd1;"), ErrorKind::IllegalAddress,
                   "8 bytes before the allocation of 8192 bytes");
  // Only the last thread reaches out, with the second half of its access.
  EXPECT_SIM_ERROR(run("ld.global.v2.u64 {%rd5, %rd6}, [%rd2+7936];"), ErrorKind::MisalignedAddress,
                   "thread (1, 0, 0)");
  EXPECT_SIM_ERROR(run("mov.u64 %rd4, 4096; ld.global.u32 %r1, [%rd4];"), ErrorKind::IllegalAddress, "address 0x1000");
}

TEST(Checks, useAfterFree) {
  Runner runner;
  Module module(runner.machine.memory(), runner.machine.properties(), kernel("ld.global.u64 %rd5, [%rd2];"));
  const void *parameters[] = {&runner.out, &runner.in};
  runner.machine.memory().free(runner.in);
  EXPECT_SIM_ERROR(runner.machine.launch(*module.findKernel("k"), {}, parameters), ErrorKind::IllegalAddress,
                   "freed allocation of 8192 bytes");
}

TEST(Checks, misaligned) {
  EXPECT_SIM_ERROR(run("ld.global.u32 %r1, [%rd2+2];"), ErrorKind::MisalignedAddress, "not a multiple of 4");
  EXPECT_SIM_ERROR(run(".shared .align 16 .b8 s[64]; st.shared.u16 [s+1], %h1;"), ErrorKind::MisalignedAddress,
                   "address 0x1 is not a multiple of 2");
}

TEST(Checks, uninitialisedGlobal) {
  Runner runner;
  DeviceAddress fresh = runner.machine.memory().allocate(512);
  std::string body = "ld.global.u64 %rd4, [%rd2]; ld.global.u32 %r1, [%rd4];";
  runner.setInput(std::vector<uint64_t>(32, fresh + 8));
  EXPECT_SIM_ERROR(runner.run(kernel(body)), ErrorKind::Uninitialised, "ld.global.u32");
  uint32_t seven = 7;
  runner.machine.memory().copyIn(fresh + 8, &seven, 3); // one byte is missing
  EXPECT_SIM_ERROR(runner.run(kernel(body)), ErrorKind::Uninitialised, "4 bytes");
  runner.machine.memory().copyIn(fresh + 8, &seven, 4);
  EXPECT_NO_THROW(runner.run(kernel(body)));
}

TEST(Checks, uninitialisedSharedAndLocal) {
  std::string shared = ".shared .align 4 .b8 s[256];\nld.shared.u32 %r1, [s+128];";
  EXPECT_SIM_ERROR(run(shared), ErrorKind::Uninitialised, "shared address 0x80");
  EXPECT_NO_THROW(run(shared, "uninitialised=off"));
  EXPECT_SIM_ERROR(run(".local .align 4 .b8 l[16]; ld.local.u32 %r1, [l+4];"), ErrorKind::Uninitialised,
                   "local address 0x4");
}

TEST(Checks, sharedAndLocalOutOfBounds) {
  EXPECT_SIM_ERROR(run(".shared .align 4 .b8 s[256]; st.shared.u32 [s+256], %r0;"), ErrorKind::IllegalAddress,
                   "the block has 256");
  EXPECT_SIM_ERROR(run(".local .align 4 .b8 l[16]; st.local.u32 [l+16], %r0;"), ErrorKind::IllegalAddress,
                   "the thread has 16");
}

TEST(Checks, sharedRaceWriteRead) {
  std::string race = R"(
  .shared .align 4 .b8 s[256];
  shl.b32 %r1, %r0, 2; mov.u32 %r2, s; add.u32 %r1, %r1, %r2;
  st.shared.u32 [%r1], %r0;
  %BARRIER%
  xor.b32 %r1, %r1, 128;
  ld.shared.u32 %r3, [%r1];)";
  std::string clean = race;
  race.replace(race.find("%BARRIER%"), 9, "");
  clean.replace(clean.find("%BARRIER%"), 9, "bar.sync 0;");
  // In order, warp 1 finds what warp 0 wrote: only the detector can tell.
  std::string body = race + "\n";
  EXPECT_NO_THROW(run(clean, "", 64));
  EXPECT_SIM_ERROR(run(race, "uninitialised=off", 64), ErrorKind::Race, "by warp 0");
  EXPECT_NO_THROW(run(race, "uninitialised=off,races=off", 64));
}

TEST(Checks, sharedRaceReadWrite) {
  // Warp 0 reads what warp 1 overwrites without a second barrier.
  std::string body = R"(
  .shared .align 4 .b8 s[4];
  setp.eq.u32 %p1, %r0, 0; setp.eq.u32 %p2, %r0, 32;
  @%p1 st.shared.u32 [s], %r0;
  bar.sync 0;
  @%p1 ld.shared.u32 %r3, [s];
  @%p2 st.shared.u32 [s], %r0;)";
  SimError error = errorOf([&] { run(body, "", 64); });
  EXPECT_EQ(error.kind, ErrorKind::Race);
  // Whichever warp goes first, both lines are named.
  EXPECT_NE(std::string(error.what()).find("line 19 (ld.shared.u32)"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("line 20 (st.shared.u32)"), std::string::npos) << error.what();
}

TEST(Checks, noRaceBetweenBytesOfAWord) {
  // Warp 0 writes even, warp 1 odd 16-bit elements.
  EXPECT_NO_THROW(run(R"(
  .shared .align 4 .b8 s[256];
  and.b32 %r1, %r0, 31; shl.b32 %r1, %r1, 2; shr.u32 %r2, %r0, 5; shl.b32 %r2, %r2, 1;
  add.u32 %r1, %r1, %r2; mov.u32 %r2, s; add.u32 %r1, %r1, %r2; mov.u16 %h1, 7;
  st.shared.u16 [%r1], %h1;
  ld.shared.u16 %h2, [%r1];)",
                      "", 64));
}

TEST(Checks, namedBarriersOrderOnlyTheirThreads) {
  // Warps 0 and 1 synchronise on barrier 1; warp 2 does not take part and races.
  std::string body = R"(
  .shared .align 4 .b8 s[4];
  setp.eq.u32 %p1, %r0, 0; setp.lt.u32 %p2, %r0, 64; setp.ge.u32 %p3, %r0, FIRST;
  @%p1 st.shared.u32 [s], %r0;
  @!%p2 bra SKIP;
  bar.sync 1, 64;
SKIP:
  @%p3 ld.shared.u32 %r3, [s];)";
  std::string good = body, bad = body;
  good.replace(good.find("FIRST"), 5, "1000");
  bad.replace(bad.find("FIRST"), 5, "64");
  EXPECT_NO_THROW(run(good, "", 96));
  EXPECT_SIM_ERROR(run(bad, "uninitialised=off", 96), ErrorKind::Race, "st.shared.u32");
}

TEST(Checks, deadlockNamesEachWarp) {
  // Warp 0 waits at barrier 0, warp 1 at barrier 1.
  SimError error =
      errorOf([] { run("setp.lt.u32 %p1, %r0, 32;\n@%p1 bra A;\nbar.sync 1;\nbra B;\nA:\nbar.sync 0;\nB:", "", 64); });
  EXPECT_EQ(error.kind, ErrorKind::Deadlock);
  EXPECT_NE(std::string(error.what()).find("warp 0 threads 0xffffffff at PTX line 19"), std::string::npos)
      << error.what();
  EXPECT_NE(std::string(error.what()).find("warp 1 threads 0xffffffff at PTX line 16"), std::string::npos)
      << error.what();
}

TEST(Checks, divergedBarrier) {
  EXPECT_SIM_ERROR(run("setp.lt.u32 %p1, %r0, 16; @%p1 bar.sync 0;"), ErrorKind::Divergence, "0x0000ffff");
  EXPECT_SIM_ERROR(run("setp.lt.u32 %p1, %r0, 16;\n@%p1 shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;\n"
                       "bar.warp.sync -1;"),
                   ErrorKind::Deadlock, "waits for members 0xffffffff");
  EXPECT_SIM_ERROR(run("shfl.sync.idx.b32 %r1, %r0, 0, 31, 1;"), ErrorKind::Divergence, "not in the member mask");
}

TEST(Checks, trap) {
  EXPECT_SIM_ERROR(run("setp.eq.u32 %p1, %r0, 5; @%p1 trap;"), ErrorKind::Trap, "thread (5, 0, 0)");
}

TEST(Checks, refusedInstructions) {
  struct {
    const char *body, *message;
    ErrorKind kind;
  } cases[] = {
      {"add.foo.s32 %r1, %r2, %r3;",
       "line 14: unsupported instruction 'add.foo.s32': modifier "
       "'.foo'",
       ErrorKind::UnsupportedInstruction},
      {"wgmma.fence.sync.aligned;", "unsupported instruction 'wgmma.fence.sync.aligned'",
       ErrorKind::UnsupportedInstruction},
      {"frobnicate.b32 %r1;", "unsupported instruction 'frobnicate.b32'", ErrorKind::UnsupportedInstruction},
      {"cp.async.bulk.commit_group;", "unsupported instruction 'cp.async.bulk.commit_group'",
       ErrorKind::UnsupportedInstruction},
      {"fence.proxy.async;", "unsupported instruction 'fence.proxy.async'", ErrorKind::UnsupportedInstruction},
      {"mbarrier.init.shared.b64 [%r1], 1;", "unsupported instruction 'mbarrier.init",
       ErrorKind::UnsupportedInstruction},
      {"add.s32 %r1, %rd2, %r3;", "register '%rd2' of type .b64 where one of .s32 is needed", ErrorKind::InvalidPtx},
      {"add.s32 %r1, %r2;", "expected 3 operands, found 2", ErrorKind::InvalidPtx},
      {"add.s32 %r1, %r2, %q;", "line 14: ", ErrorKind::UnsupportedInstruction},
      {"add.s32 %r1, %r2, q;", "line 14: 'q' is not declared", ErrorKind::InvalidPtx},
      {"bra nowhere;", "'nowhere' is not declared", ErrorKind::InvalidPtx},
      {"mov.u32 %r1, %envreg3;", "special register '%envreg3'", ErrorKind::UnsupportedInstruction},
      {"cp.async.cg.shared.global [%r1], [%rd1], 8;", "'.cg' copies 16", ErrorKind::InvalidPtx},
      {"mul.s32 %r1, %r2, %r3;", "missing '.lo', '.hi' or '.wide'", ErrorKind::InvalidPtx},
      {"cvt.f16.f32 %h1, %f1;", "missing rounding modifier", ErrorKind::InvalidPtx},
      {"st.const.u32 [%rd1], %r1;", "constant", ErrorKind::InvalidPtx},
      {"mov.b32 %r1, 0f3F80;", "8 hexadecimal digits", ErrorKind::InvalidPtx},
      {"add.s32 %r1, %r2, %r3", "line 15: expected ';'", ErrorKind::InvalidPtx},
      {"call foo;", "unsupported instruction 'call'", ErrorKind::UnsupportedInstruction},
      {"mma.sync.aligned.m16n8k16.row.row.f32.f16.f16.f32 {%f0,%f1,%f2,%f3}, {%r0,%r1,%r2,%r3}, "
       "{%r4,%r5}, {%f0,%f1,%f2,%f3};",
       "layout", ErrorKind::UnsupportedInstruction},
  };
  for (const auto &c : cases) {
    Runner runner;
    EXPECT_SIM_ERROR(runner.run(kernel(c.body)), c.kind, c.message);
  }
}

TEST(Checks, checkListsEverything) {
  std::vector<Diagnostic> diagnostics =
      Module::check(kernel("wgmma.fence.sync.aligned;\nadd.s32 %r1, %r2, %r3;\nfoo.bar;"));
  ASSERT_EQ(diagnostics.size(), 2u);
  EXPECT_EQ(diagnostics[0].line, 14u);
  EXPECT_TRUE(diagnostics[0].unsupported);
  EXPECT_EQ(diagnostics[1].line, 16u);
  EXPECT_TRUE(Module::check(kernel("")).empty());
}

TEST(Checks, refusedModules) {
  auto load = [](const std::string &text) {
    Machine machine;
    Module module(machine.memory(), machine.properties(), text);
  };
  EXPECT_SIM_ERROR(load(""), ErrorKind::InvalidPtx, "begins with '.version'");
  EXPECT_SIM_ERROR(load(".version 12.0\n.target sm_90\n"), ErrorKind::UnsupportedInstruction, "PTX version 12.0");
  EXPECT_SIM_ERROR(load(".version 9.0\n.target sm_100\n.address_size 64\n"), ErrorKind::UnsupportedInstruction,
                   "for sm_100, the device is sm_90");
  EXPECT_SIM_ERROR(load(header() + ".func f() { ret; }"), ErrorKind::UnsupportedInstruction, "device function");
  EXPECT_SIM_ERROR(load(header() + ".visible .entry k() { ret;"), ErrorKind::InvalidPtx, "not closed");
  EXPECT_SIM_ERROR(load(header() + ".visible .entry k() { .reg .b32 %r<2>, %r1; }"), ErrorKind::InvalidPtx,
                   "declared twice");
  EXPECT_SIM_ERROR(load(header() + "/* open"), ErrorKind::InvalidPtx, "comment");
}

TEST(Checks, launchLimits) {
  Runner runner;
  EXPECT_SIM_ERROR(runner.run(kernel(""), 1025), ErrorKind::InvalidValue, "block dimension x");
  EXPECT_SIM_ERROR(runner.run(kernel("", ".maxntid 64, 1, 1\n"), 65), ErrorKind::LaunchOutOfResources,
                   "the limit is 64");
  EXPECT_SIM_ERROR(runner.run(kernel("", ".reqntid 64, 1, 1\n"), 32), ErrorKind::InvalidValue, ".reqntid wants 64");
  EXPECT_SIM_ERROR(runner.run(kernel(""), 32, 1, 227 * 1024 + 1), ErrorKind::LaunchOutOfResources,
                   "the limit is 232448");
  EXPECT_SIM_ERROR(runner.run(kernel(""), 32, 0), ErrorKind::InvalidValue, "grid dimension x");
  Module module(runner.machine.memory(), runner.machine.properties(), kernel(""));
  EXPECT_SIM_ERROR(runner.machine.launchPacked(*module.findKernel("k"), {}, nullptr, 8), ErrorKind::InvalidValue,
                   "it has 16");
}

TEST(Checks, options) {
  EXPECT_SIM_ERROR(Options::parse("thread=3"), ErrorKind::InvalidValue, "'thread'");
  EXPECT_SIM_ERROR(Options::parse("threads=x"), ErrorKind::InvalidValue, "not a number");
  EXPECT_SIM_ERROR(Options::parse("async=never"), ErrorKind::InvalidValue, "'late' or 'early'");
  Options options = Options::parse("threads=3,async=early,memory=2M,races=off,seed=7");
  EXPECT_EQ(options.threads, 3u);
  EXPECT_EQ(options.asyncEffect, AsyncEffect::Early);
  EXPECT_EQ(options.memoryBytes, 2u << 20);
  EXPECT_FALSE(options.checkRaces);
  EXPECT_EQ(options.seed, 7u);
}

TEST(Checks, memoryLimits) {
  Machine machine({}, Options::parse("memory=1M"));
  DeviceAddress a = machine.memory().allocate(1 << 19);
  EXPECT_EQ(machine.memory().freeBytes(), size_t(1) << 19);
  EXPECT_SIM_ERROR(machine.memory().allocate((1 << 19) + 1), ErrorKind::OutOfMemory, "524288");
  EXPECT_SIM_ERROR(machine.memory().free(a + 1), ErrorKind::InvalidValue, "not the base");
  machine.memory().free(a);
  EXPECT_SIM_ERROR(machine.memory().free(a), ErrorKind::InvalidValue, "not the base");
  EXPECT_SIM_ERROR(machine.memory().fill(a, 0, 1, 4), ErrorKind::IllegalAddress, "fill");
}

} // namespace
