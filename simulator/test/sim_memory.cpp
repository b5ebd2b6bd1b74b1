//===- sim_memory.cpp - ld, st, atomics, state spaces, counters -----------===//

#include "SimTest.h"

using namespace qccsim;
using namespace qccsim::test;

namespace {

TEST(Memory, extensionToWiderRegisters) {
  std::vector<uint64_t> in(32, 0x8182838485868788);
  std::vector<uint64_t> out = evaluate(R"(
  ld.global.s8 %rd4, [%rd2]; ld.global.u8 %rd5, [%rd2];
  ld.global.s16 %rd6, [%rd2]; ld.global.s32 %rd7, [%rd2]; ld.global.u32 %rd8, [%rd2];
  ld.global.s8 %h1, [%rd2]; cvt.u64.u16 %rd9, %h1; ld.global.s8 %r1, [%rd2]; cvt.u64.u32 %rd10, %r1;
  st.global.u64 [%rd1], %rd4; st.global.u64 [%rd1+256], %rd5; st.global.u64 [%rd1+512], %rd6;
  st.global.u64 [%rd1+768], %rd7; st.global.u64 [%rd1+1024], %rd8; st.global.u64 [%rd1+1280], %rd9;
  st.global.u64 [%rd1+1536], %rd10;)",
                                       in);
  EXPECT_EQ(out[0], 0xffffffffffffff88);
  EXPECT_EQ(out[32], 0x88u);
  EXPECT_EQ(out[64], 0xffffffffffff8788);
  EXPECT_EQ(out[96], 0xffffffff85868788);
  EXPECT_EQ(out[128], 0x85868788u);
  EXPECT_EQ(out[160], 0xff88u);
  EXPECT_EQ(out[192], 0xffffff88u);
}

TEST(Memory, vectorsOfEveryWidth) {
  std::vector<uint64_t> in(64);
  for (size_t i = 0; i < 64; ++i)
    in[i] = 0x0101010101010101 * i;
  std::vector<uint64_t> out = evaluate(R"(
  add.u64 %rd2, %rd2, %rd3; add.u64 %rd1, %rd1, %rd3;
  ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%r1, %r2, %r3, %r4}, [%rd2];
  st.global.v4.b32 [%rd1], {%r4, %r3, %r2, %r1};
  ld.global.v2.b64 {%rd5, _}, [%rd2]; ld.global.v4.u16 {%h1, %h2, %h3, %h4}, [%rd2+8];
  st.global.v2.u64 [%rd1+512], {%rd5, %rd5}; st.global.v4.u16 [%rd1+512], {%h1, %h2, %h3, %h4};
  ld.global.v4.u8 {%h1, %h2, %h3, %h4}, [%rd2]; st.global.v4.u8 [%rd1+1024], {%h4, %h3, %h2, %h1};
)",
                                       in);
  for (unsigned t = 0; t < 32; ++t) {
    EXPECT_EQ(out[2 * t], in[2 * t + 1]);
    EXPECT_EQ(out[64 + 2 * t], in[2 * t + 1]);
    EXPECT_EQ(out[64 + 2 * t + 1], in[2 * t]);
    EXPECT_EQ(uint32_t(out[128 + 2 * t]), uint32_t(in[2 * t]));
  }
}

TEST(Memory, genericAddresses) {
  // Even threads address shared, odd threads local memory, by the same instruction.
  std::vector<uint64_t> out = evaluate(R"(
  .shared .align 8 .b8 s[256]; .local .align 8 .b8 l[16];
  mov.u64 %rd4, s; add.u64 %rd4, %rd4, %rd3; cvta.shared.u64 %rd5, %rd4;
  mov.u64 %rd6, l; cvta.local.u64 %rd6, %rd6; add.u64 %rd6, %rd6, 8;
  and.b32 %r1, %r0, 1; setp.eq.u32 %p1, %r1, 0; selp.b64 %rd7, %rd5, %rd6, %p1;
  cvt.u64.u32 %rd8, %r0; st.u64 [%rd7], %rd8;
  isspacep.shared %p2, %rd7; selp.b32 %r2, 1, 0, %p2; isspacep.local %p3, %rd7;
  @%p3 add.u32 %r2, %r2, 2; isspacep.global %p4, %rd1; @%p4 add.u32 %r2, %r2, 4;
  @%p1 ld.shared.u64 %rd9, [%rd4]; @!%p1 ld.local.u64 %rd9, [l+8];
  cvt.u64.u32 %rd10, %r2; shl.b64 %rd10, %rd10, 32; or.b64 %rd9, %rd9, %rd10;
  cvta.to.shared.u64 %rd11, %rd5; setp.ne.u64 %p5, %rd11, %rd4; @%p5 mov.u64 %rd9, 0;
  st.u64 [%rd1], %rd9;)",
                                       {});
  for (uint64_t t = 0; t < 32; ++t)
    EXPECT_EQ(out[t], t | uint64_t(t % 2 ? 6 : 5) << 32);
}

TEST(Memory, moduleVariables) {
  Runner runner;
  std::string text = header() + R"(
.global .align 4 .u32 counter = 41;
.const .align 8 .b64 table[4] = {1, 2, 4, 8};
.global .align 8 .u64 pointers[2] = {counter, table+16};
.global .f32 half = 0f3F000000;
.visible .entry k(.param .u64 out, .param .u64 in) {
  .reg .b32 %r<8>; .reg .b64 %rd<12>; .reg .f32 %f<4>;
  ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 8; add.u64 %rd1, %rd1, %rd2;
  mov.u64 %rd3, table; add.u64 %rd3, %rd3, %rd2; ld.const.u64 %rd4, [%rd3];
  ld.const.u64 %rd5, [table+24]; add.u64 %rd4, %rd4, %rd5;
  ld.global.u64 %rd6, [pointers+8]; ld.u64 %rd7, [%rd6]; mad.lo.u64 %rd4, %rd7, 100, %rd4;
  ld.global.u64 %rd8, [pointers]; atom.global.add.u32 %r1, [%rd8], 1;
  ld.global.f32 %f1, [half]; cvt.rzi.u32.f32 %r2, %f1;
  st.global.u64 [%rd1], %rd4;
})";
  Module module(runner.machine.memory(), runner.machine.properties(), text);
  const void *parameters[] = {&runner.out, &runner.in};
  runner.machine.launch(*module.findKernel("k"), {{1, 1, 1}, {4, 1, 1}, 0}, parameters);
  for (uint64_t t = 0; t < 4; ++t)
    EXPECT_EQ(runner.output()[t], (1u << t) + 8 + 400);
  const GlobalVariable *counter = module.findGlobal("counter");
  ASSERT_NE(counter, nullptr);
  uint32_t value = 0;
  runner.machine.memory().copyOut(&value, counter->address, 4);
  EXPECT_EQ(value, 45u);
}

TEST(Memory, parametersByTheirAlignments) {
  Machine machine;
  Module module(machine.memory(), machine.properties(), header() + R"(
.visible .entry k(.param .u8 a, .param .align 16 .b8 s[20], .param .u16 b, .param .u64 .ptr .global .align 1 out) {
  .reg .b32 %r<8>; .reg .b64 %rd<8>; .reg .b16 %h<4>;
  ld.param.u64 %rd1, [out]; ld.param.u8 %r1, [a]; ld.param.u32 %r2, [s+16]; ld.param.u16 %h1, [b];
  cvt.u32.u16 %r3, %h1; add.u32 %r1, %r1, %r2; add.u32 %r1, %r1, %r3;
  mov.b64 %rd2, s; cvta.param.u64 %rd3, %rd2; ld.u32 %r4, [%rd3+4]; add.u32 %r1, %r1, %r4;
  st.global.u32 [%rd1], %r1;
})");
  const Kernel &k = *module.findKernel("k");
  ASSERT_EQ(k.parameters.size(), 4u);
  EXPECT_EQ(k.parameters[1].offset, 16u);
  EXPECT_EQ(k.parameters[2].offset, 36u);
  EXPECT_EQ(k.parameters[3].offset, 40u);
  EXPECT_EQ(k.parameterBytes, 48u);
  uint8_t a = 200;
  uint32_t s[5] = {0, 50000, 0, 0, 7000};
  uint16_t b = 60000;
  DeviceAddress out = machine.memory().allocate(4);
  const void *parameters[] = {&a, s, &b, &out};
  machine.launch(k, {}, parameters);
  uint32_t value = 0;
  machine.memory().copyOut(&value, out, 4);
  EXPECT_EQ(value, 200u + 50000 + 7000 + 60000);
}

TEST(Memory, dynamicSharedFollowsStatic) {
  Runner runner;
  runner.run(header() + R"(
.extern .shared .align 16 .b8 dyn[];
.visible .entry k(.param .u64 out, .param .u64 in) {
  .reg .b32 %r<8>; .reg .b64 %rd<8>; .shared .align 4 .b8 s[20];
  ld.param.u64 %rd1, [out]; mov.u32 %r1, dyn; mov.u32 %r2, s; sub.u32 %r3, %r1, %r2;
  mov.u32 %r4, %dynamic_smem_size; st.shared.u32 [dyn+60], %r4; ld.shared.u32 %r5, [%r1+60];
  st.global.u32 [%rd1], %r3; st.global.u32 [%rd1+4], %r5;
})",
             1, 1, 64);
  EXPECT_EQ(runner.output()[0], uint64_t(64) << 32 | 32);
  EXPECT_SIM_ERROR(runner.run(header() + ".extern .shared .align 16 .b8 dyn[];\n.visible .entry k("
                                         ".param .u64 out, .param .u64 in) { st.shared.u32 [dyn+64], 0; }",
                              1, 1, 64),
                   ErrorKind::IllegalAddress, "the block has 64");
}

TEST(Atomics, everyOperation) {
  // All threads of four blocks on one word each.
  struct {
    const char *text;
    uint64_t start, want;
  } cases[] = {
      {"red.global.add.u32 [A], 3;", 5, 5 + 3 * 128},
      {"atom.global.add.u64 %rd5, [A], %rd3;", 7, 7 + 4 * 8 * 496},
      {"atom.global.max.s32 %r2, [A], %r0;", 0xffffffff, 31},
      {"atom.global.min.u32 %r2, [A], %r0;", 9, 0},
      {"red.relaxed.gpu.global.min.s32 [A], -4;", 9, 0xfffffffc},
      {"atom.global.and.b32 %r2, [A], 0xf0;", 0xff, 0xf0},
      {"atom.global.or.b32 %r2, [A], %r0;", 0x100, 0x11f},
      {"atom.global.xor.b32 %r2, [A], %r0;", 1, 1},
      {"atom.global.inc.u32 %r2, [A], 9;", 0, 128 % 10},
      {"atom.global.dec.u32 %r2, [A], 9;", 0, (10 - 128 % 10) % 10},
      {"atom.global.add.f32 %f1, [A], 0f3F800000;", 0, bits(128.0f)},
      {"red.global.add.f64 [A], 0d3FE0000000000000;", 0, 0x4050000000000000},
      {"mov.b32 %r2, 0x3c003c00; red.global.add.noftz.f16x2 [A], %r2;", 0, 0x58005800},
      {"mov.b32 %r2, 0x3f803f80; atom.add.noftz.bf16x2 %r2, [A], %r2;", 0, 0x43004300},
  };
  for (const auto &c : cases) {
    Runner runner;
    uint64_t start = c.start;
    runner.machine.memory().copyIn(runner.in, &start, 8);
    std::string body = c.text;
    body.replace(body.find("[A]"), 3, "[%rd4]");
    runner.run(kernel("sub.u64 %rd4, %rd2, %rd3;\n" + body), 32, 4);
    uint64_t value = 0;
    runner.machine.memory().copyOut(&value, runner.in, 8);
    EXPECT_EQ(value, c.want) << c.text;
  }
}

TEST(Atomics, returnTheOldValue) {
  // Each thread gets another ticket, in shared memory as well.
  std::vector<uint64_t> out = evaluate(R"(
  .shared .align 4 .b8 s[4];
  setp.eq.u32 %p1, %r0, 0; @%p1 st.shared.u32 [s], 10;
  bar.sync 0;
  atom.shared.add.u32 %r1, [s], 2; atom.shared.exch.b32 %r2, [s], %r1;
  cvt.u64.u32 %rd5, %r1; st.global.u64 [%rd1], %rd5;)",
                                       {});
  uint64_t seen = 0;
  for (unsigned t = 0; t < 32; ++t)
    seen |= uint64_t(1) << (out[t] - 10) / 2;
  EXPECT_EQ(seen, 0xffffffffu);
}

TEST(Counters, bytesSectorsAndBankConflicts) {
  auto stats = [](const std::string &body) {
    Runner runner("counters=on");
    return runner.run(kernel(body));
  };
  LaunchStats s = stats("ld.global.u64 %rd4, [%rd2]; st.global.u32 [%rd1], %r0;");
  EXPECT_EQ(s.globalBytesRead, 256u);
  EXPECT_EQ(s.globalBytesWritten, 128u);
  EXPECT_EQ(s.globalSectors, 8u + 8u);
  const std::string shared = ".shared .align 16 .b8 s[4096]; mov.u32 %r1, s; ";
  EXPECT_EQ(stats(shared + "shl.b32 %r2, %r0, 2; add.u32 %r1, %r1, %r2; st.shared.u32 [%r1], %r0;").sharedWavefronts,
            1u);
  EXPECT_EQ(stats(shared + "shl.b32 %r2, %r0, 3; add.u32 %r1, %r1, %r2; st.shared.u32 [%r1], %r0;").sharedWavefronts,
            2u);
  EXPECT_EQ(stats(shared + "shl.b32 %r2, %r0, 7; add.u32 %r1, %r1, %r2; st.shared.u32 [%r1], %r0;").sharedWavefronts,
            32u);
  EXPECT_EQ(stats(shared + "shl.b32 %r2, %r0, 4; add.u32 %r1, %r1, %r2; "
                           "st.shared.v4.u32 [%r1], {%r0, %r0, %r0, %r0};")
                .sharedWavefronts,
            4u);
  EXPECT_EQ(stats("").totalInstructions(), 6u + 1u);
}

} // namespace
