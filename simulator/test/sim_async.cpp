//===- sim_async.cpp - cp.async, early and late ---------------------------===//

#include "SimTest.h"

using namespace qccsim;
using namespace qccsim::test;

namespace {

class Async : public testing::TestWithParam<const char *> {
protected:
  std::string options = std::string("async=") + GetParam();
};
INSTANTIATE_TEST_SUITE_P(Effects, Async, testing::Values("early", "late"));

const std::string prologue = R"(
  .shared .align 16 .b8 s[1024];
  mov.u32 %r1, s; shl.b32 %r2, %r0, 4; add.u32 %r1, %r1, %r2;
  add.u64 %rd2, %rd2, %rd3;
)";

std::vector<uint64_t> counting(size_t n) {
  std::vector<uint64_t> values(n);
  for (size_t i = 0; i < n; ++i)
    values[i] = 1000 + i;
  return values;
}

TEST_P(Async, copiesSixteenBytes) {
  Runner runner(options);
  runner.setInput(counting(64));
  runner.run(kernel(prologue + R"(
  cp.async.cg.shared.global [%r1], [%rd2], 16;
  cp.async.commit_group;
  cp.async.wait_group 0;
  ld.shared.v2.u64 {%rd5, %rd6}, [%r1];
  add.u64 %rd5, %rd5, %rd6;
  st.global.u64 [%rd1], %rd5;)"));
  std::vector<uint64_t> out = runner.output();
  for (unsigned i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], 2000u + 4 * i + 1);
}

TEST_P(Async, sourceSizeFillsWithZeros) {
  Runner runner(options);
  runner.setInput(counting(64));
  // Thread t copies t % 3 * 8 of 16 bytes; those with none have no valid source.
  runner.run(kernel(prologue + R"(
  rem.u32 %r3, %r0, 3; shl.b32 %r3, %r3, 3; setp.eq.u32 %p1, %r3, 0;
  @%p1 mov.u64 %rd2, 0;
  cp.async.ca.shared.global [%r1], [%rd2], 16, %r3;
  cp.async.wait_all;
  ld.shared.v2.u64 {%rd5, %rd6}, [%r1];
  shl.b64 %rd6, %rd6, 32; add.u64 %rd5, %rd5, %rd6;
  st.global.u64 [%rd1], %rd5;)"));
  std::vector<uint64_t> out = runner.output();
  for (uint64_t i = 0; i < 32; ++i)
    EXPECT_EQ(out[i], (i % 3 >= 1 ? 1000 + 2 * i : 0) + (i % 3 == 2 ? (1001 + 2 * i) << 32 : 0));
}

TEST_P(Async, waitGroupLeavesTheNewest) {
  Runner runner(options);
  runner.setInput(counting(64));
  std::string two = prologue + R"(
  cp.async.ca.shared.global [%r1], [%rd2], 8;
  cp.async.commit_group;
  cp.async.ca.shared.global [%r1+8], [%rd2+8], 8;
  cp.async.commit_group;
  cp.async.wait_group 1;
  ld.shared.u64 %rd5, [%r1+OFFSET];
  st.global.u64 [%rd1], %rd5;)";
  std::string first = two, second = two;
  first.replace(first.find("OFFSET"), 6, "0");
  second.replace(second.find("OFFSET"), 6, "8");
  runner.run(kernel(first));
  EXPECT_EQ(runner.output()[3], 1006u);
  EXPECT_SIM_ERROR(runner.run(kernel(second)), ErrorKind::Race, "in flight");
}

TEST_P(Async, needsABarrierForOthers) {
  std::string body = prologue + R"(
  cp.async.cg.shared.global [%r1], [%rd2], 16;
  cp.async.wait_all;
  BARRIER
  mov.u32 %r4, s; xor.b32 %r5, %r2, 512; add.u32 %r4, %r4, %r5;
  ld.shared.u64 %rd5, [%r4];
  st.global.u64 [%rd1], %rd5;)";
  std::string good = body, bad = body;
  good.replace(good.find("BARRIER"), 7, "bar.sync 0;");
  bad.replace(bad.find("BARRIER"), 7, "");
  Runner runner(options);
  runner.setInput(counting(128));
  runner.run(kernel(good), 64);
  EXPECT_EQ(runner.output()[1], 1000u + 2 * 33);
  Runner unchecked(options + ",uninitialised=off");
  unchecked.setInput(counting(128));
  EXPECT_SIM_ERROR(unchecked.run(kernel(bad), 64), ErrorKind::Race, "races with");
}

TEST_P(Async, checksAddresses) {
  Runner runner(options);
  runner.setInput(counting(64));
  EXPECT_SIM_ERROR(runner.run(kernel(prologue + "cp.async.cg.shared.global [%r1+1024], [%rd2], 16;")),
                   ErrorKind::IllegalAddress, "shared address");
  EXPECT_SIM_ERROR(runner.run(kernel(prologue + "cp.async.cg.shared.global [%r1+8], [%rd2], 16;")),
                   ErrorKind::MisalignedAddress, "not a multiple of 16");
  EXPECT_SIM_ERROR(runner.run(kernel(prologue + "cp.async.cg.shared.global [%r1], [%rd2+8192], 16;\n"
                                                "cp.async.wait_all;")),
                   ErrorKind::IllegalAddress, "global address");
  EXPECT_SIM_ERROR(runner.run(kernel(prologue + "cp.async.cg.shared.global [%r1], [%rd2], 16, 17;")),
                   ErrorKind::InvalidPtx, "17");
}

/// A buffer refilled while it may still be read: the two effects differ, which is the point of
/// running both.
TEST(AsyncEffects, differWhereAKernelIsWrong) {
  auto result = [](const std::string &effect) {
    Runner runner("races=off,uninitialised=off,async=" + effect);
    runner.setInput(std::vector<uint64_t>(64, 5));
    runner.run(kernel(prologue + R"(
  mov.u64 %rd6, 9; st.shared.u64 [%r1], %rd6;
  cp.async.ca.shared.global [%r1], [%rd2], 8;
  ld.shared.u64 %rd5, [%r1];
  st.global.u64 [%rd1], %rd5;
  cp.async.wait_all;)"));
    return runner.output()[0];
  };
  EXPECT_EQ(result("early"), 5u);
  EXPECT_EQ(result("late"), 9u);
}

} // namespace
