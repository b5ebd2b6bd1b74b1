//===- SimTest.h - Running PTX in tests -----------------------------------===//

#ifndef QCCSIM_TEST_SIMTEST_H
#define QCCSIM_TEST_SIMTEST_H

#include "qccsim/Machine.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace qccsim::test {

inline std::string header(int arch = 90) {
  return ".version 9.0\n.target sm_" + std::to_string(arch) + "\n.address_size 64\n";
}

/// A kernel `k` with pointers out and in; %rd1 and %rd2 are their elements of 8 bytes for this
/// thread (a block of one warp unless said otherwise), %r0 the thread's number.
inline std::string kernel(const std::string &body, const std::string &directives = "") {
  return header() + ".visible .entry k(.param .u64 out, .param .u64 in)\n" + directives + R"({
  .reg .pred %p<16>; .reg .b16 %h<32>; .reg .b32 %r<64>; .reg .b64 %rd<32>;
  .reg .f32 %f<32>; .reg .f64 %d<16>;
  ld.param.u64 %rd1, [out];
  ld.param.u64 %rd2, [in];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %rd3, %r0, 8;
  add.u64 %rd1, %rd1, %rd3;
  add.u64 %rd2, %rd2, %rd3;
)" + body +
         "\n  ret;\n}\n";
}

/// A machine, and the two arrays of 64-bit words kernel() expects.
class Runner {
public:
  explicit Runner(const std::string &options = "", size_t words = 1024)
      : machine({}, Options::parse(options)), words(words) {
    out = machine.memory().allocate(words * 8);
    in = machine.memory().allocate(words * 8);
    std::vector<uint64_t> zeros(words, 0);
    machine.memory().copyIn(out, zeros.data(), words * 8);
    machine.memory().copyIn(in, zeros.data(), words * 8);
  }

  LaunchStats run(const std::string &ptx, unsigned threads = 32, unsigned blocks = 1, size_t dynamicShared = 0) {
    Module module(machine.memory(), machine.properties(), ptx);
    const Kernel *k = module.findKernel("k");
    if (!k)
      throw SimError(ErrorKind::InvalidValue, "no kernel k");
    const void *parameters[] = {&out, &in};
    LaunchConfig config;
    config.grid[0] = blocks;
    config.block[0] = threads;
    config.dynamicSharedBytes = dynamicShared;
    config.sharedBytesLimit = 227 * 1024;
    return machine.launch(*k, config, parameters);
  }

  void setInput(const std::vector<uint64_t> &values) { machine.memory().copyIn(in, values.data(), values.size() * 8); }
  std::vector<uint64_t> output() {
    std::vector<uint64_t> values(words);
    machine.memory().copyOut(values.data(), out, words * 8);
    return values;
  }

  Machine machine;
  size_t words;
  DeviceAddress out = 0, in = 0;
};

/// One instruction on pairs of operands: %a and %b are loaded from the input (lane by lane),
/// %d is stored. `bits` is the width of the registers.
inline std::vector<uint64_t> evaluate(const std::string &body, const std::vector<uint64_t> &in,
                                      const std::string &options = "") {
  Runner runner(options);
  runner.setInput(in);
  runner.run(kernel(body));
  return runner.output();
}

/// Runs `action` and returns the SimError it throws; fails if there is none.
template <class Action> SimError errorOf(Action action) {
  try {
    action();
  } catch (const SimError &error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return SimError(ErrorKind::InvalidValue, "");
}

#define EXPECT_SIM_ERROR(action, expectedKind, text)                                                                   \
  do {                                                                                                                 \
    ::qccsim::SimError error = ::qccsim::test::errorOf([&] { action; });                                               \
    EXPECT_EQ(error.kind, expectedKind) << error.what();                                                               \
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();                                \
  } while (0)

inline uint32_t bits(float v) {
  uint32_t b;
  std::memcpy(&b, &v, 4);
  return b;
}

} // namespace qccsim::test

#endif // QCCSIM_TEST_SIMTEST_H
