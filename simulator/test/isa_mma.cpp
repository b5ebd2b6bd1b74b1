//===- isa_mma.cpp - mma.sync, every shape and type -----------------------===//
//
// Operands are small integers, so that products and sums are exact whatever the arithmetic; what is
// tested is the instruction: its operands' order, its fragments, its types.
//
//===----------------------------------------------------------------------===//

#include "../src/num/Convert.h"
#include "MmaLayout.h"
#include "SimTest.h"

#include <random>

using namespace qccsim;
using namespace qccsim::test;

namespace {

enum class Element { F16, BF16, TF32, E4M3, E5M2, S8, U8 };

struct Instruction {
  const char *text;
  Element a, b;
  int k;
  bool halfResult = false;
};

const Instruction instructions[] = {
    {"m16n8k8.row.col.f32.f16.f16.f32", Element::F16, Element::F16, 8},
    {"m16n8k16.row.col.f32.f16.f16.f32", Element::F16, Element::F16, 16},
    {"m16n8k8.row.col.f16.f16.f16.f16", Element::F16, Element::F16, 8, true},
    {"m16n8k16.row.col.f16.f16.f16.f16", Element::F16, Element::F16, 16, true},
    {"m16n8k8.row.col.f32.bf16.bf16.f32", Element::BF16, Element::BF16, 8},
    {"m16n8k16.row.col.f32.bf16.bf16.f32", Element::BF16, Element::BF16, 16},
    {"m16n8k4.row.col.f32.tf32.tf32.f32", Element::TF32, Element::TF32, 4},
    {"m16n8k8.row.col.f32.tf32.tf32.f32", Element::TF32, Element::TF32, 8},
    {"m16n8k32.row.col.f32.e4m3.e4m3.f32", Element::E4M3, Element::E4M3, 32},
    {"m16n8k32.row.col.f32.e4m3.e5m2.f32", Element::E4M3, Element::E5M2, 32},
    {"m16n8k32.row.col.f32.e5m2.e4m3.f32", Element::E5M2, Element::E4M3, 32},
    {"m16n8k32.row.col.f32.e5m2.e5m2.f32", Element::E5M2, Element::E5M2, 32},
    {"m16n8k16.row.col.f32.e4m3.e4m3.f32", Element::E4M3, Element::E4M3, 16},
    {"m16n8k16.row.col.s32.s8.s8.s32", Element::S8, Element::S8, 16},
    {"m16n8k32.row.col.s32.s8.s8.s32", Element::S8, Element::S8, 32},
    {"m16n8k32.row.col.s32.u8.s8.s32", Element::U8, Element::S8, 32},
    {"m16n8k32.row.col.satfinite.s32.s8.u8.s32", Element::S8, Element::U8, 32},
};

int bitsOfElement(Element element) {
  switch (element) {
  case Element::F16:
  case Element::BF16:
    return 16;
  case Element::TF32:
    return 32;
  default:
    return 8;
  }
}

uint32_t encode(Element element, int value) {
  switch (element) {
  case Element::F16:
    return f32ToF16(float(value), Rounding::NearestEven);
  case Element::BF16:
    return f32ToBf16(float(value), Rounding::NearestEven);
  case Element::TF32:
    return bits(float(value));
  case Element::E4M3:
    return f32ToE4m3(float(value));
  case Element::E5M2:
    return f32ToE5m2(float(value));
  default:
    return uint8_t(value);
  }
}

bool isInteger(Element element) { return element >= Element::S8; }

std::string registerList(int first, int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i)
    text += (i ? ", %r" : "%r") + std::to_string(first + i);
  return text + "}";
}

/// Loads a, b, c into r10.., r20.., r30.. from input rows of 32 lanes, stores d (r40..).
std::string program(const Instruction &test, int registersA, int registersB, int registersC) {
  std::string body;
  auto move = [&](const char *op, int first, int count, int row) {
    for (int i = 0; i < count; ++i) {
      std::string reg = "%r" + std::to_string(first + i);
      std::string offset = std::to_string((row + i) * 256);
      body += op == std::string("ld") ? "  ld.global.u32 " + reg + ", [%rd2+" + offset + "];\n"
                                      : "  st.global.u32 [%rd1+" + offset + "], " + reg + ";\n";
    }
  };
  move("ld", 10, registersA, 0);
  move("ld", 20, registersB, 4);
  move("ld", 30, registersC, 6);
  body += std::string("  mma.sync.aligned.") + test.text + " " + registerList(40, registersC) + ", " +
          registerList(10, registersA) + ", " + registerList(20, registersB) + ", " + registerList(30, registersC) +
          ";\n";
  move("st", 40, registersC, 0);
  return kernel(body);
}

class IsaMma : public testing::TestWithParam<Instruction> {};

} // namespace

INSTANTIATE_TEST_SUITE_P(Every, IsaMma, testing::ValuesIn(instructions),
                         [](const testing::TestParamInfo<Instruction> &info) {
                           std::string name = info.param.text;
                           for (char &c : name)
                             c = c == '.' ? '_' : c;
                           return name;
                         });

TEST_P(IsaMma, MultipliesSmallIntegers) {
  const Instruction &test = GetParam();
  int width = bitsOfElement(test.a), perRegister = 32 / width;
  int registersA = 16 * test.k * width / 1024, registersB = 8 * test.k * width / 1024;
  int registersC = test.halfResult ? 2 : 4;
  std::mt19937 random(7);
  int a[16][64], b[64][8], c[16][8];
  auto small = [&](Element element) {
    int value = int(random() % 7);
    return element == Element::U8 ? value : value - 3;
  };
  for (auto &row : a)
    for (int &x : row)
      x = small(test.a);
  for (auto &row : b)
    for (int &x : row)
      x = small(test.b);
  for (auto &row : c)
    for (int &x : row)
      x = int(random() % 200) - 100;

  std::vector<uint64_t> in(10 * 32, 0);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < registersA * perRegister; ++i) {
      Position p = positionA(width, test.k, lane, i);
      in[i / perRegister * 32 + lane] |= uint64_t(encode(test.a, a[p.row][p.column])) << (i % perRegister * width);
    }
    for (int i = 0; i < registersB * perRegister; ++i) {
      Position p = positionB(width, lane, i);
      in[(4 + i / perRegister) * 32 + lane] |= uint64_t(encode(test.b, b[p.row][p.column]))
                                               << (i % perRegister * width);
    }
    for (int i = 0; i < 4; ++i) {
      Position p = positionC(lane, i);
      int value = c[p.row][p.column];
      if (test.halfResult)
        in[(6 + i / 2) * 32 + lane] |= uint64_t(encode(Element::F16, value)) << (16 * (i & 1));
      else
        in[(6 + i) * 32 + lane] = isInteger(test.a) ? uint32_t(value) : bits(float(value));
    }
  }
  Runner runner;
  runner.setInput(in);
  runner.run(program(test, registersA, registersB, registersC));
  std::vector<uint64_t> out = runner.output();
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      Position p = positionC(lane, i);
      int sum = c[p.row][p.column];
      for (int k = 0; k < test.k; ++k)
        sum += a[p.row][k] * b[k][p.column];
      uint32_t actual =
          test.halfResult ? uint32_t(out[i / 2 * 32 + lane]) >> (16 * (i & 1)) & 0xFFFF : uint32_t(out[i * 32 + lane]);
      uint32_t expected = test.halfResult     ? encode(Element::F16, sum)
                          : isInteger(test.a) ? uint32_t(sum)
                                              : bits(float(sum));
      ASSERT_EQ(actual, expected) << "row " << p.row << " column " << p.column;
    }
}

TEST(IsaMmaErrors, RefusesWhatTheIsaDoesNotHave) {
  auto load = [](const std::string &text) {
    Runner runner;
    runner.run(kernel("mma.sync.aligned." + text + ";"));
  };
  const std::string four = "{%r1,%r2,%r3,%r4}", two = "{%r5,%r6}";
  EXPECT_ANY_THROW(
      load("m16n8k16.row.col.f32.f16.f16.f32 " + four + ", " + two + ", " + two + ", " + four)); // A has four registers
  EXPECT_ANY_THROW(
      load("m16n8k32.row.col.f32.f16.f16.f32 " + four + ", " + four + ", " + two + ", " + four)); // no such K
  EXPECT_ANY_THROW(
      load("m16n8k16.col.col.f32.f16.f16.f32 " + four + ", " + four + ", " + two + ", " + four)); // A is row-major
}

TEST(IsaMmaErrors, NeedsTheWholeWarp) {
  std::string body = R"(
  mov.u32 %r1, 0; mov.u32 %r2, 0;
  setp.lt.u32 %p1, %r0, 16;
  @%p1 mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16 {%r3,%r4}, {%r1,%r2}, {%r1}, {%r1,%r2};
)";
  Runner runner;
  EXPECT_SIM_ERROR(runner.run(kernel(body)), ErrorKind::Divergence, "mma");
}
