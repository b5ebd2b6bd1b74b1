//===- sim_control.cpp - Branches, divergence, barriers, warp operations --===//

#include "SimTest.h"

#include <bit>

using namespace qccsim;
using namespace qccsim::test;

namespace {

TEST(Control, nestedDivergenceAndLoops) {
  // Collatz steps of thread + 1: every thread leaves the loop at its own time.
  std::vector<uint64_t> out = evaluate(R"(
  add.u32 %r1, %r0, 1; mov.u32 %r2, 0;
LOOP:
  setp.eq.u32 %p1, %r1, 1; @%p1 bra DONE;
  and.b32 %r3, %r1, 1; setp.eq.u32 %p2, %r3, 0; @%p2 bra EVEN;
  mad.lo.u32 %r1, %r1, 3, 1; bra.uni NEXT;
EVEN:
  shr.u32 %r1, %r1, 1;
NEXT:
  add.u32 %r2, %r2, 1; bra LOOP;
DONE:
  cvt.u64.u32 %rd5, %r2; st.global.u64 [%rd1], %rd5;)",
                                       {});
  for (uint64_t i = 0; i < 32; ++i) {
    uint64_t steps = 0;
    for (uint64_t n = i + 1; n != 1; n = n % 2 ? 3 * n + 1 : n / 2)
      ++steps;
    EXPECT_EQ(out[i], steps);
  }
}

TEST(Control, joinsWherePathsMeet) {
  // The block for odd threads stands behind the end; all must meet before the barrier.
  std::vector<uint64_t> out = evaluate(R"(
  and.b32 %r1, %r0, 1; setp.eq.u32 %p1, %r1, 1; mov.u32 %r2, 5;
  @%p1 bra FAR;
BACK:
  bar.sync 0;
  activemask.b32 %r3; cvt.u64.u32 %rd5, %r3; st.global.u64 [%rd1], %rd5;
  ret;
FAR:
  add.u32 %r2, %r2, 1; bra BACK;)",
                                       {});
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], 0xffffffffu);
}

TEST(Control, loopExitsInTheMiddle) {
  // The exit's code stands inside the loop's text; all threads meet behind it.
  std::vector<uint64_t> out = evaluate(R"(
  mov.u32 %r1, 0;
LOOP:
  setp.eq.u32 %p1, %r1, %r0; @!%p1 bra GO;
  mov.u32 %r4, 1;
  bra AFTER;
GO:
  add.u32 %r1, %r1, 1; bra LOOP;
AFTER:
  bar.sync 0;
  cvt.u64.u32 %rd5, %r1; st.global.u64 [%rd1], %rd5;)",
                                       {});
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], i);
}

TEST(Control, indexedBranch) {
  std::vector<uint64_t> out = evaluate(R"(
  rem.u32 %r1, %r0, 3;
T: .branchtargets A, B, C;
  brx.idx %r1, T;
A: mov.u64 %rd5, 10; bra END;
B: mov.u64 %rd5, 20; bra END;
C: mov.u64 %rd5, 30;
END: st.global.u64 [%rd1], %rd5;)",
                                       {});
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], 10u * (i % 3 + 1));
}

TEST(Control, scopesShadowNames) {
  std::vector<uint64_t> out = evaluate(R"(
  mov.u32 %r1, 1;
  { .reg .b32 %r1; .reg .pred p; mov.u32 %r1, 7; setp.eq.u32 p, %r1, 7; @p bra L; mov.u32 %r1, 8;
    L: mov.u32 %r2, %r1; }
  { .reg .pred p; setp.eq.u32 p, %r1, 2; @p bra L; add.u32 %r1, %r1, %r2; L: }
  cvt.u64.u32 %rd5, %r1; st.global.u64 [%rd1], %rd5;)",
                                       {});
  EXPECT_EQ(out[0], 8u);
}

TEST(Control, spinOnAThreadOfTheSameWarp) {
  // Threads of one warp take a lock in turn; the holder releases it behind the loop.
  Runner runner;
  runner.run(kernel(R"(
  sub.u64 %rd4, %rd2, %rd3;
SPIN:
  atom.global.cas.b32 %r1, [%rd4], 0, 1; setp.ne.u32 %p1, %r1, 0;
  @%p1 bra SPIN;
  ld.volatile.global.u32 %r2, [%rd4+4]; add.u32 %r2, %r2, 1; st.volatile.global.u32 [%rd4+4], %r2;
  membar.gl;
  atom.global.exch.b32 %r3, [%rd4], 0;)"));
  std::vector<uint64_t> in(1);
  runner.machine.memory().copyOut(in.data(), runner.in, 8);
  EXPECT_EQ(in[0], uint64_t(32) << 32);
}

class Waiting : public testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(Threads, Waiting, testing::Values("threads=1", "threads=2", "threads=1,seed=5"));

TEST_P(Waiting, blocksWaitForEachOther) {
  // Block b waits until block b + 1 has written its flag, the last one does not.
  Runner runner(GetParam());
  runner.run(kernel(R"(
  mov.u32 %r1, %ctaid.x; mov.u32 %r2, %nctaid.x; sub.u32 %r2, %r2, 1;
  setp.ne.u32 %p1, %r0, 0; @%p1 bra END;
  mul.wide.u32 %rd4, %r1, 8; add.u64 %rd4, %rd1, %rd4;
  setp.eq.u32 %p2, %r1, %r2; @%p2 bra WRITE;
SPIN:
  ld.acquire.gpu.global.u64 %rd5, [%rd4+8]; setp.eq.u64 %p3, %rd5, 0; @%p3 bra SPIN;
WRITE:
  cvt.u64.u32 %rd6, %r1; add.u64 %rd6, %rd6, 1; st.release.gpu.global.u64 [%rd4], %rd6;
END:)"),
             32, 8);
  std::vector<uint64_t> out = runner.output();
  for (unsigned i = 0; i < 8; ++i)
    EXPECT_EQ(out[i], i + 1);
}

TEST(Control, barrierReductions) {
  Runner runner;
  runner.run(kernel(R"(
  setp.lt.u32 %p1, %r0, 40;
  bar.red.popc.u32 %r1, 0, %p1;
  bar.red.and.pred %p2, 0, %p1;
  barrier.cta.red.or.aligned.pred %p3, 0, %p1;
  selp.b32 %r2, 1000, 0, %p2; selp.b32 %r3, 2000, 0, %p3;
  add.u32 %r1, %r1, %r2; add.u32 %r1, %r1, %r3;
  cvt.u64.u32 %rd5, %r1; st.global.u64 [%rd1], %rd5;)"),
             96);
  for (unsigned i = 0; i < 96; ++i)
    EXPECT_EQ(runner.output()[i], 2040u);
}

TEST(Control, arriveDoesNotWait) {
  // Warp 0 arrives and goes on; warp 1 waits for it.
  Runner runner;
  runner.run(kernel(R"(
  .shared .align 4 .b8 s[4];
  setp.lt.u32 %p1, %r0, 32; @!%p1 bra CONSUMER;
  mov.u32 %r2, 77; setp.eq.u32 %p2, %r0, 0; @%p2 st.shared.u32 [s], %r2;
  bar.arrive 3, 64; bra END;
CONSUMER:
  bar.sync 3, 64;
  ld.shared.u32 %r3, [s]; cvt.u64.u32 %rd5, %r3; st.global.u64 [%rd1], %rd5;
END:)"),
             64);
  EXPECT_EQ(runner.output()[32], 77u);
  EXPECT_EQ(runner.output()[0], 0u);
}

TEST(Control, exitedThreadsDoNotHoldTheBarrier) {
  Runner runner;
  runner.run(kernel(R"(
  setp.ge.u32 %p1, %r0, 48; @%p1 ret;
  bar.sync 0;
  mov.u64 %rd5, 1; st.global.u64 [%rd1], %rd5;)"),
             96);
  EXPECT_EQ(runner.output()[47], 1u);
  EXPECT_EQ(runner.output()[48], 0u);
}

// shfl by the formulas of PTX ISA 9.0, 9.7.9.6. ---------------------------------

TEST(WarpOps, shuffles) {
  struct {
    const char *mode;
    int b, c;
  } cases[] = {{"up", 1, 0},        {"up", 3, 0x1800}, {"down", 5, 31},    {"down", 2, 0x181f}, {"bfly", 16, 31},
               {"bfly", 4, 0x181f}, {"idx", 9, 31},    {"idx", 3, 0x181f}, {"idx", 7, 3},       {"down", 1, 0x1c03}};
  for (const auto &c : cases) {
    std::vector<uint64_t> out =
        evaluate("mad.lo.u32 %r1, %r0, 3, 100;\nshfl.sync." + std::string(c.mode) + ".b32 %r2|%p1, %r1, " +
                     std::to_string(c.b) + ", " + std::to_string(c.c) + ", -1;\n" +
                     "selp.b32 %r3, 1, 0, %p1; mov.b64 %rd5, {%r2, %r3}; st.global.u64 [%rd1], %rd5;",
                 {});
    for (int lane = 0; lane < 32; ++lane) {
      int mask = c.c >> 8 & 31, clamp = c.c & 31, from = 0;
      int maxLane = (lane & mask) | (clamp & ~mask), minLane = lane & mask;
      bool valid = false;
      if (std::string(c.mode) == "up")
        from = lane - c.b, valid = from >= maxLane;
      else if (std::string(c.mode) == "down")
        from = lane + c.b, valid = from <= maxLane;
      else if (std::string(c.mode) == "bfly")
        from = lane ^ c.b, valid = from <= maxLane;
      else
        from = minLane | (c.b & ~mask), valid = from <= maxLane;
      if (!valid)
        from = lane;
      EXPECT_EQ(out[lane], uint64_t(valid) << 32 | uint64_t(from * 3 + 100))
          << c.mode << " " << c.b << " " << c.c << " lane " << lane;
    }
  }
}

TEST(WarpOps, votesMatchesReductions) {
  std::vector<uint64_t> out = evaluate(R"(
  rem.u32 %r1, %r0, 5; setp.eq.u32 %p1, %r1, 2;
  vote.sync.ballot.b32 %r2, %p1, -1;
  vote.sync.any.pred %p2, %p1, -1; vote.sync.all.pred %p3, %p1, -1; vote.sync.uni.pred %p4, %p1, -1;
  match.any.sync.b32 %r3, %r1, -1;
  match.all.sync.b32 %r4|%p5, %r1, -1;
  redux.sync.add.s32 %r5, %r0, -1; redux.sync.max.u32 %r6, %r0, -1; redux.sync.xor.b32 %r7, %r0, -1;
  mov.b64 %rd5, {%r2, %r3}; st.global.u64 [%rd1], %rd5;
  selp.b32 %r10, 1, 0, %p2; selp.b32 %r11, 2, 0, %p3; selp.b32 %r12, 4, 0, %p4;
  selp.b32 %r13, 8, 0, %p5; add.u32 %r10, %r10, %r11; add.u32 %r10, %r10, %r12;
  add.u32 %r10, %r10, %r13; mov.b64 %rd5, {%r10, %r4}; st.global.u64 [%rd1+256], %rd5;
  mov.b64 %rd5, {%r5, %r6}; st.global.u64 [%rd1+512], %rd5;
  cvt.u64.u32 %rd5, %r7; st.global.u64 [%rd1+768], %rd5;)",
                                       {});
  uint32_t residue[5] = {};
  for (unsigned i = 0; i < 32; ++i)
    residue[i % 5] |= 1u << i;
  for (unsigned i = 0; i < 32; ++i) {
    EXPECT_EQ(out[i], uint64_t(residue[i % 5]) << 32 | residue[2]);
    EXPECT_EQ(out[32 + i], 1u); // any, not all, not uniform; no common value
    EXPECT_EQ(out[64 + i], uint64_t(31) << 32 | 496);
    EXPECT_EQ(out[96 + i], 0u);
  }
}

TEST(WarpOps, electPicksOneMember) {
  std::vector<uint64_t> out = evaluate(R"(
  setp.lt.u32 %p1, %r0, 4; @%p1 bra END;
  elect.sync %r8|%p6, 0xfffffff0;
  selp.b32 %r9, 1, 0, %p6; mov.b64 %rd5, {%r9, %r8}; st.global.u64 [%rd1], %rd5;
END:)",
                                       {});
  unsigned leaders = 0;
  for (unsigned i = 4; i < 32; ++i) {
    leaders += uint32_t(out[i]);
    EXPECT_EQ(out[i] >> 32, out[4] >> 32);
    EXPECT_EQ(uint32_t(out[i]), (out[i] >> 32) == i ? 1u : 0u);
  }
  EXPECT_EQ(leaders, 1u);
}

TEST(WarpOps, halvesShuffleApart) {
  // The two halves of a warp name different member masks at the same instruction.
  std::vector<uint64_t> out = evaluate(R"(
  setp.lt.u32 %p1, %r0, 16; selp.b32 %r1, 0x0000ffff, 0xffff0000, %p1;
  shfl.sync.bfly.b32 %r2, %r0, 8, 31, %r1;
  cvt.u64.u32 %rd5, %r2; st.global.u64 [%rd1], %rd5;)",
                                       {});
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], i ^ 8);
}

TEST(WarpOps, warpBarrierJoinsBranches) {
  std::vector<uint64_t> out = evaluate(R"(
  .shared .align 4 .b8 s[4];
  setp.eq.u32 %p1, %r0, 0; mov.u32 %r2, 9;
  @!%p1 bra WAIT;
  st.shared.u32 [s], %r2;
  bar.warp.sync -1; bra END;
WAIT:
  bar.warp.sync -1;
  ld.shared.u32 %r2, [s];
END:
  cvt.u64.u32 %rd5, %r2; st.global.u64 [%rd1], %rd5;)",
                                       {});
  EXPECT_EQ(out[31], 9u);
}

TEST(Specials, threadAndBlockNumbers) {
  Runner runner;
  Module module(runner.machine.memory(), runner.machine.properties(), header() + R"(
.visible .entry k(.param .u64 out, .param .u64 in) {
  .reg .b32 %r<20>; .reg .b64 %rd<8>;
  mov.u32 %r0, %tid.x; mov.u32 %r1, %tid.y; mov.u32 %r2, %tid.z;
  mov.u32 %r3, %ntid.x; mov.u32 %r4, %ntid.y; mov.u32 %r5, %ctaid.x; mov.u32 %r6, %ctaid.y;
  mov.u32 %r7, %nctaid.x; mov.u32 %r8, %laneid; mov.u32 %r9, %lanemask_lt;
  mad.lo.u32 %r10, %r2, %r4, %r1; mad.lo.u32 %r10, %r10, %r3, %r0;
  mad.lo.u32 %r11, %r6, %r7, %r5; mad.lo.u32 %r11, %r11, 60, %r10;
  popc.b32 %r9, %r9; sub.u32 %r9, %r9, %r8;
  mad.lo.u32 %r12, %r8, 100, %r9;
  ld.param.u64 %rd1, [out]; mul.wide.u32 %rd2, %r11, 8; add.u64 %rd1, %rd1, %rd2;
  mov.b64 %rd3, {%r12, %r11}; st.global.u64 [%rd1], %rd3;
})");
  LaunchConfig config{{3, 2, 1}, {5, 4, 3}, 0};
  const void *parameters[] = {&runner.out, &runner.in};
  runner.machine.launch(*module.findKernel("k"), config, parameters);
  std::vector<uint64_t> out = runner.output();
  for (uint64_t i = 0; i < 360; ++i)
    EXPECT_EQ(out[i], i << 32 | i % 60 % 32 * 100);
}

} // namespace
