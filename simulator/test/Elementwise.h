//===- Elementwise.h - Instructions of one result on many operands --------===//

#ifndef QCCSIM_TEST_ELEMENTWISE_H
#define QCCSIM_TEST_ELEMENTWISE_H

#include "SimTest.h"

#include <functional>
#include <random>

namespace qccsim::test {

using Expected = std::function<uint64_t(uint64_t a, uint64_t b, uint64_t c)>;

/// Runs `instruction`, whose operands are written D, A, B, C, once per lane with operands from
/// `values` in all kinds of combinations, and compares with `expected`. The letters become
/// registers of the widths given (16, 32 or 64 bits).
inline void checkElementwise(const std::string &instruction, unsigned dBits, std::vector<unsigned> sourceBits,
                             const std::vector<uint64_t> &values, const Expected &expected) {
  auto name = [](unsigned width, unsigned i) {
    return (width == 16 ? "%h" : width == 32 ? "%r" : "%rd") + std::to_string(i + 8);
  };
  std::string body;
  for (unsigned i = 0; i < sourceBits.size(); ++i)
    body += "ld.global.u" + std::to_string(sourceBits[i]) + " " + name(sourceBits[i], i) + ", [%rd2+" +
            std::to_string(256 * i) + "];\n";
  for (char c : instruction) {
    if (c == 'D')
      body += name(dBits, 7);
    else if (c >= 'A' && c <= 'C')
      body += name(sourceBits.at(c - 'A'), c - 'A');
    else
      body += c;
  }
  body += "\nst.global.u" + std::to_string(dBits) + " [%rd1], " + name(dBits, 7) + ";";
  std::mt19937_64 random(values.size());
  auto pick = [&] { return values[random() % values.size()]; };
  auto cut = [](uint64_t v, unsigned width) { return width == 64 ? v : v & ((uint64_t(1) << width) - 1); };
  Runner runner("threads=1");
  Module module(runner.machine.memory(), runner.machine.properties(), kernel(body));
  size_t rounds = values.size() * values.size() / 32 + 2;
  for (size_t round = 0; round < rounds; ++round) {
    std::vector<uint64_t> in(96);
    for (uint64_t &v : in)
      v = pick();
    if (sourceBits.size() == 1)
      for (unsigned l = 0; l < 32; ++l)
        in[l] = values[(round * 32 + l) % values.size()];
    runner.setInput(in);
    std::vector<uint64_t> zeros(32, 0);
    runner.machine.memory().copyIn(runner.out, zeros.data(), 256);
    const void *parameters[] = {&runner.out, &runner.in};
    runner.machine.launch(*module.findKernel("k"), {{1, 1, 1}, {32, 1, 1}, 0}, parameters);
    std::vector<uint64_t> out = runner.output();
    for (unsigned l = 0; l < 32; ++l) {
      uint64_t s[3];
      for (unsigned i = 0; i < 3; ++i)
        s[i] = i < sourceBits.size() ? cut(in[32 * i + l], sourceBits[i]) : 0;
      uint64_t want = cut(expected(s[0], s[1], s[2]), dBits);
      ASSERT_EQ(out[l], want) << instruction << std::hex << " a=" << s[0] << " b=" << s[1] << " c=" << s[2];
    }
  }
}

/// Edge cases and random values of 64 bits; narrower operands take the low bits.
inline std::vector<uint64_t> integerValues() {
  std::vector<uint64_t> values = {0,
                                  1,
                                  2,
                                  3,
                                  7,
                                  8,
                                  15,
                                  16,
                                  31,
                                  32,
                                  33,
                                  63,
                                  64,
                                  65,
                                  127,
                                  128,
                                  255,
                                  256,
                                  0x7fff,
                                  0x8000,
                                  0xffff,
                                  0x10000,
                                  0x7fffffff,
                                  0x80000000,
                                  0x80000001,
                                  0xfffffffe,
                                  0xffffffff,
                                  0x100000000,
                                  0x7fffffffffffffff,
                                  0x8000000000000000,
                                  ~uint64_t(0),
                                  ~uint64_t(1),
                                  ~uint64_t(6),
                                  0x0123456789abcdef};
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < 40; ++i)
    values.push_back(random() >> (random() % 64));
  return values;
}

} // namespace qccsim::test

#endif // QCCSIM_TEST_ELEMENTWISE_H
