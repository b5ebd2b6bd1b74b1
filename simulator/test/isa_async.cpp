//===- isa_async.cpp - cp.async and its groups ----------------------------===//
//
// PTX ISA 9.0, 9.7.9.25 "Data movement and conversion: asynchronous copy". Every test runs with
// copies taking effect at issue and with copies taking effect at the wait.
//
//===----------------------------------------------------------------------===//

#include "SimTest.h"

using namespace qccsim;
using namespace qccsim::test;

namespace {

class IsaAsync : public testing::TestWithParam<const char *> {};

std::vector<uint64_t> numbered(size_t count) {
  std::vector<uint64_t> words(count);
  for (size_t i = 0; i < count; ++i)
    words[i] = 0x0101010101010101ull * (i % 255 + 1);
  return words;
}

/// %r11: this lane's 64 bytes of shared memory.
const std::string shared64 = R"(
  .shared .align 64 .b8 buffer[4096];
  mov.u32 %r10, buffer;
  mad.lo.u32 %r11, %r0, 64, %r10;
)";

} // namespace

INSTANTIATE_TEST_SUITE_P(Effects, IsaAsync, testing::Values("async=early", "async=late"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param).substr(6);
                         });

TEST_P(IsaAsync, CopiesEverySize) {
  struct Size {
    int bytes;
    const char *op;
  };
  for (Size size : {Size{4, "ca"}, Size{8, "ca"}, Size{16, "ca"}, Size{16, "cg"}}) {
    // Lanes 16 bytes apart in the input.
    std::string body = shared64 + R"(
  add.u64 %rd2, %rd2, %rd3;
  st.shared.v2.u64 [%r11], {0, 0};
  cp.async.)" + size.op +
                       ".shared.global [%r11], [%rd2], " + std::to_string(size.bytes) + R"(;
  cp.async.wait_all;
  ld.shared.v2.u64 {%rd5, %rd6}, [%r11];
  st.global.u64 [%rd1], %rd5;
  st.global.u64 [%rd1+256], %rd6;
)";
    std::vector<uint64_t> in = numbered(64), out = evaluate(body, in, GetParam());
    for (int lane = 0; lane < 32; ++lane) {
      uint64_t expected[2] = {0, 0}, actual[2] = {out[lane], out[lane + 32]};
      std::memcpy(expected, &in[2 * lane], size.bytes);
      EXPECT_EQ(actual[0], expected[0]) << size.bytes << " " << lane;
      EXPECT_EQ(actual[1], expected[1]) << size.bytes << " " << lane;
    }
  }
}

TEST_P(IsaAsync, SourceSizeFillsTheRestWithZerosAndReadsNoMore) {
  // Lane l copies l % 17 bytes of 16; lanes with none point far outside every allocation.
  std::string body = shared64 + R"(
  add.u64 %rd2, %rd2, %rd3;
  rem.u32 %r12, %r0, 17;
  setp.eq.u32 %p1, %r12, 0;
  @%p1 mov.u64 %rd2, 4096;
  cp.async.cg.shared.global [%r11], [%rd2], 16, %r12;
  cp.async.wait_all;
  ld.shared.v2.u64 {%rd5, %rd6}, [%r11];
  st.global.u64 [%rd1], %rd5;
  st.global.u64 [%rd1+256], %rd6;
)";
  std::vector<uint64_t> in = numbered(64), out = evaluate(body, in, GetParam());
  for (int lane = 0; lane < 32; ++lane) {
    uint64_t expected[2] = {0, 0};
    std::memcpy(expected, &in[2 * lane], lane % 17);
    EXPECT_EQ(out[lane], expected[0]) << lane;
    EXPECT_EQ(out[lane + 32], expected[1]) << lane;
  }
}

TEST_P(IsaAsync, WaitGroupLeavesTheNewestGroupsPending) {
  // Three groups; wait_group 2 completes the first, wait_group 1 the second, wait_group 0 all.
  std::string body = shared64 + R"(
  cp.async.ca.shared.global [%r11], [%rd2], 8;
  cp.async.commit_group;
  cp.async.ca.shared.global [%r11+8], [%rd2+256], 8;
  cp.async.commit_group;
  cp.async.ca.shared.global [%r11+16], [%rd2+512], 8;
  cp.async.commit_group;
  cp.async.wait_group 2;
  ld.shared.u64 %rd5, [%r11];
  cp.async.wait_group 1;
  ld.shared.u64 %rd6, [%r11+8];
  cp.async.wait_group 0;
  ld.shared.u64 %rd7, [%r11+16];
  st.global.u64 [%rd1], %rd5;
  st.global.u64 [%rd1+256], %rd6;
  st.global.u64 [%rd1+512], %rd7;
)";
  std::vector<uint64_t> in = numbered(96), out = evaluate(body, in, GetParam());
  for (int i = 0; i < 96; ++i)
    EXPECT_EQ(out[i], in[i]) << i;
}

TEST_P(IsaAsync, ABarrierMakesItVisibleToTheOtherWarps) {
  // Each of 64 threads reads what the thread 32 further copied.
  std::string body = shared64 + R"(
  cp.async.ca.shared.global [%r11], [%rd2], 8;
  cp.async.commit_group;
  cp.async.wait_group 0;
  bar.sync 0;
  xor.b32 %r12, %r0, 32;
  mad.lo.u32 %r12, %r12, 64, %r10;
  ld.shared.u64 %rd5, [%r12];
  st.global.u64 [%rd1], %rd5;
)";
  Runner runner(GetParam());
  std::vector<uint64_t> in = numbered(64);
  runner.setInput(in);
  runner.run(kernel(body), 64);
  std::vector<uint64_t> out = runner.output();
  for (int i = 0; i < 64; ++i)
    EXPECT_EQ(out[i], in[i ^ 32]) << i;
}

TEST_P(IsaAsync, AMissingBarrierIsARace) {
  std::string body = shared64 + R"(
  st.shared.u64 [%r11], 0;
  bar.sync 0;
  cp.async.ca.shared.global [%r11], [%rd2], 8;
  cp.async.wait_all;
  xor.b32 %r12, %r0, 32;
  mad.lo.u32 %r12, %r12, 64, %r10;
  ld.shared.u64 %rd5, [%r12];
  st.global.u64 [%rd1], %rd5;
)";
  Runner runner(GetParam());
  EXPECT_SIM_ERROR(runner.run(kernel(body), 64), ErrorKind::Race, "shared");
}

TEST_P(IsaAsync, ReadingBeforeTheWaitIsFound) {
  // Also where the copy has taken effect already and the value would be right.
  std::string body = shared64 + R"(
  cp.async.ca.shared.global [%r11], [%rd2], 8;
  cp.async.commit_group;
  ld.shared.u64 %rd5, [%r11];
  cp.async.wait_group 0;
  st.global.u64 [%rd1], %rd5;
)";
  EXPECT_SIM_ERROR(evaluate(body, {}, GetParam()), ErrorKind::Race, "in flight");
}

TEST_P(IsaAsync, RefusesWrongSizesAndAddresses) {
  auto run = [&](const std::string &copy) {
    evaluate(shared64 + "  " + copy + ";\n  cp.async.wait_all;\n", {}, GetParam());
  };
  EXPECT_ANY_THROW(run("cp.async.ca.shared.global [%r11], [%rd2], 12"));
  EXPECT_ANY_THROW(run("cp.async.cg.shared.global [%r11], [%rd2], 8"));
  EXPECT_SIM_ERROR(run("cp.async.cg.shared.global [%r11], [%rd2+8], 16"), ErrorKind::MisalignedAddress, "cp.async");
  EXPECT_SIM_ERROR(run("cp.async.ca.shared.global [%r11+4], [%rd2], 8"), ErrorKind::MisalignedAddress, "cp.async");
  EXPECT_SIM_ERROR(run("cp.async.ca.shared.global [%r11], [%rd2+1048576], 8"), ErrorKind::IllegalAddress, "cp.async");
}
