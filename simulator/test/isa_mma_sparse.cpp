//===- isa_mma_sparse.cpp - mma.sp, every shape, type and selector --------===//
//
// A dense matrix with two stored columns of each four is drawn at random and written as fragments, formula by formula
// as the PTX ISA 9.0 prints them (9.7.14.6.2); small integers, so that the oracle is exact. Lanes that the selector
// does not name hold other metadata, and rows of B that a row of A does not meet may hold NaN: neither may be read.
//
//===----------------------------------------------------------------------===//

#include "../src/num/Convert.h"
#include "MmaLayout.h"
#include "SimTest.h"

#include <random>

using namespace qccsim;
using namespace qccsim::test;

namespace {

enum class Element { F16, BF16, E4M3, S8 };

struct Instruction {
  const char *text;
  Element element;
  int k;
  int selectors;
};

const Instruction instructions[] = {
    {"m16n8k16.row.col.f32.f16.f16.f32", Element::F16, 16, 4},
    {"m16n8k32.row.col.f32.f16.f16.f32", Element::F16, 32, 2},
    {"m16n8k16.row.col.f32.bf16.bf16.f32", Element::BF16, 16, 4},
    {"m16n8k32.row.col.f32.bf16.bf16.f32", Element::BF16, 32, 2},
    {"m16n8k32.row.col.s32.s8.s8.s32", Element::S8, 32, 2},
    {"m16n8k64.row.col.s32.s8.s8.s32", Element::S8, 64, 1},
    {"m16n8k64.row.col.f32.e4m3.e4m3.f32", Element::E4M3, 64, 1},
};

int bitsOfElement(Element element) { return element == Element::F16 || element == Element::BF16 ? 16 : 8; }

uint32_t encode(Element element, int value) {
  switch (element) {
  case Element::F16:
    return f32ToF16(float(value), Rounding::NearestEven);
  case Element::BF16:
    return f32ToBf16(float(value), Rounding::NearestEven);
  case Element::E4M3:
    return f32ToE4m3(float(value));
  default:
    return uint8_t(value);
  }
}

/// Where the index of a stored value lies: "Tk: [m..n] in cell[x][y..z]" of the ISA's metadata figures. `first` is the
/// lowest bit of the indices of the 16 or 32 columns that a cell covers.
struct Cell {
  int lane, firstBit, columns;
};

Cell cellOf(const Instruction &test, int selector, int row, int column) {
  int group = row % 8;
  bool lower = row >= 8;
  if (bitsOfElement(test.element) == 16 && test.k == 16) // lane `selector` of the quad: bits 0..15 and 16..31
    return {4 * group + selector, lower ? 16 : 0, 16};
  if (bitsOfElement(test.element) == 16) // a pair of lanes, 16 columns each
    return {4 * group + 2 * selector + column / 16, lower ? 16 : 0, 16};
  if (test.k == 32) // a pair of lanes, a row each
    return {4 * group + 2 * selector + (lower ? 1 : 0), 0, 32};
  return {4 * group + 2 * (column / 32) + (lower ? 1 : 0), 0, 32}; // all four lanes
}

std::string registerList(int first, int count) {
  std::string text = "{";
  for (int i = 0; i < count; ++i)
    text += (i ? ", %r" : "%r") + std::to_string(first + i);
  return text + "}";
}

/// Input rows of 32 lanes: A at 0, B at 4, C at 8, metadata at 12. D is stored at 0.
std::string program(const std::string &opcode, const Instruction &test, int registersA, int registersB, int selector) {
  std::string body;
  auto load = [&](int first, int count, int row) {
    for (int i = 0; i < count; ++i)
      body += "  ld.global.u32 %r" + std::to_string(first + i) + ", [%rd2+" + std::to_string((row + i) * 256) + "];\n";
  };
  load(10, registersA, 0);
  load(20, registersB, 4);
  load(30, 4, 8);
  load(50, 1, 12);
  body += "  " + opcode + ".sync.aligned." + test.text + " " + registerList(40, 4) + ", " +
          registerList(10, registersA) + ", " + registerList(20, registersB) + ", " + registerList(30, 4) + ", %r50, " +
          std::to_string(selector) + ";\n";
  for (int i = 0; i < 4; ++i)
    body += "  st.global.u32 [%rd1+" + std::to_string(i * 256) + "], %r" + std::to_string(40 + i) + ";\n";
  return kernel(body);
}

class IsaMmaSparse : public testing::TestWithParam<Instruction> {};

/// One random problem. `nanRow` < 0, or a row of B that holds NaN: only rows of A that store its column may see it.
void check(const Instruction &test, const std::string &opcode, int selector, unsigned seed, int nanRow) {
  int width = bitsOfElement(test.element), perRegister = 32 / width, stored = test.k / 2;
  int registersA = 16 * stored * width / 1024, registersB = 8 * test.k * width / 1024;
  bool integer = test.element == Element::S8;
  std::mt19937 random(seed);
  int a[16][64] = {}, columnOf[16][32], b[64][8], c[16][8];
  for (int row = 0; row < 16; ++row)
    for (int four = 0; four < test.k / 4; ++four) {
      static constexpr int pairs[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
      const int *pair = pairs[random() % 6];
      for (int i = 0; i < 2; ++i) {
        columnOf[row][2 * four + i] = 4 * four + pair[i];
        a[row][4 * four + pair[i]] = int(random() % 7) - 3;
      }
    }
  for (auto &row : b)
    for (int &x : row)
      x = int(random() % 7) - 3;
  for (auto &row : c)
    for (int &x : row)
      x = int(random() % 200) - 100;

  std::vector<uint64_t> in(13 * 32, 0);
  for (int lane = 0; lane < 32; ++lane)
    in[12 * 32 + lane] = random(); // what the selector does not name
  for (int row = 0; row < 16; ++row)
    for (int i = 0; i < stored; ++i) {
      Cell cell = cellOf(test, selector, row, columnOf[row][i]);
      int bit = cell.firstBit + i % (cell.columns / 2) * 2;
      uint64_t &word = in[12 * 32 + cell.lane];
      word = (word & ~(uint64_t(3) << bit)) | uint64_t(columnOf[row][i] % 4) << bit;
    }
  for (int lane = 0; lane < 32; ++lane) {
    int group = lane >> 2, thread = lane % 4;
    for (int i = 0; i < registersA * perRegister; ++i) {
      // Registers take turns between rows; a register's values are the non-zero ones of [firstColumn, firstColumn + n).
      int reg = i / perRegister, row = group + (reg % 2) * 8;
      int firstColumn = (thread + reg / 2 * 4) * 2 * perRegister;
      int value = a[row][columnOf[row][firstColumn / 2 + i % perRegister]];
      in[reg * 32 + lane] |= uint64_t(encode(test.element, value)) << (i % perRegister * width);
    }
    for (int i = 0; i < registersB * perRegister; ++i) {
      // As for dense operands, 16 bytes of K in each register.
      int k = thread * perRegister + i % perRegister + i / perRegister * 4 * perRegister;
      uint32_t nan = test.element == Element::E4M3 ? 0x7F : 0x7FFF;
      uint64_t bits = k == nanRow ? nan : encode(test.element, b[k][group]);
      in[(4 + i / perRegister) * 32 + lane] |= bits << (i % perRegister * width);
    }
    for (int i = 0; i < 4; ++i) {
      Position p = positionC(lane, i);
      in[(8 + i) * 32 + lane] = integer ? uint32_t(c[p.row][p.column]) : bits(float(c[p.row][p.column]));
    }
  }
  Runner runner;
  runner.setInput(in);
  runner.run(program(opcode, test, registersA, registersB, selector));
  std::vector<uint64_t> out = runner.output();
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      Position p = positionC(lane, i);
      int sum = c[p.row][p.column];
      bool seesNan = false;
      for (int j = 0; j < stored; ++j) {
        int k = columnOf[p.row][j];
        sum += a[p.row][k] * b[k][p.column];
        seesNan |= k == nanRow;
      }
      uint32_t actual = uint32_t(out[i * 32 + lane]);
      if (seesNan)
        ASSERT_EQ(actual, 0x7FFFFFFFu) << "row " << p.row << " column " << p.column;
      else
        ASSERT_EQ(actual, integer ? uint32_t(sum) : bits(float(sum))) << "row " << p.row << " column " << p.column;
    }
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Every, IsaMmaSparse, testing::ValuesIn(instructions),
                         [](const testing::TestParamInfo<Instruction> &info) {
                           std::string name = info.param.text;
                           for (char &c : name)
                             c = c == '.' ? '_' : c;
                           return name;
                         });

TEST_P(IsaMmaSparse, MultipliesWhatMetadataNames) {
  for (const char *opcode : {"mma.sp", "mma.sp::ordered_metadata"})
    for (int selector = 0; selector < GetParam().selectors; ++selector)
      for (unsigned seed = 0; seed < 5; ++seed)
        check(GetParam(), opcode, selector, seed, -1);
}

TEST_P(IsaMmaSparse, DoesNotReadOtherRowsOfB) {
  if (GetParam().element == Element::S8)
    return; // integers have no NaN
  for (int nanRow : {0, 7, GetParam().k - 2})
    check(GetParam(), "mma.sp::ordered_metadata", 0, 99, nanRow);
}

namespace {

const std::string four = "{%r1,%r2,%r3,%r4}", two = "{%r5,%r6}";

void run(const std::string &metadata, const std::string &instruction) {
  Runner runner;
  runner.run(kernel("mov.u32 %r9, " + metadata + ";\n" + instruction));
}

std::string bf16(const std::string &opcode, int selector) {
  return opcode + ".sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32 " + four + ", " + four + ", " + four + ", " + four +
         ", %r9, " + std::to_string(selector) + ";\n";
}

} // namespace

TEST(IsaMmaSparseErrors, RefusesBrokenMetadata) {
  EXPECT_NO_THROW(run("0x44444444", bf16("mma.sp::ordered_metadata", 1)));
  EXPECT_SIM_ERROR(run("0x44444454", bf16("mma.sp::ordered_metadata", 1)), ErrorKind::InvalidPtx, "twice");
  EXPECT_SIM_ERROR(run("0x44444454", bf16("mma.sp", 0)), ErrorKind::InvalidPtx, "twice");
  // Column 1 before column 0.
  EXPECT_SIM_ERROR(run("0x41444444", bf16("mma.sp::ordered_metadata", 0)), ErrorKind::InvalidPtx, "rise");
  EXPECT_NO_THROW(run("0x41444444", bf16("mma.sp", 0)));
}

TEST(IsaMmaSparseErrors, RefusesWhatTheIsaDoesNotHave) {
  EXPECT_ANY_THROW(run("0x44444444", bf16("mma.sp", 2))); // m16n8k32 has two selectors
  EXPECT_ANY_THROW(run("0x44444444", "mma.sp.sync.aligned.m16n8k64.row.col.s32.s8.s8.s32 " + four + ", " + four + ", " +
                                         four + ", " + four + ", %r9, 1;\n")); // m16n8k64 has one
  EXPECT_ANY_THROW(run("0x44444444", "mma.sp.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 " + four + ", " + two +
                                         ", " + two + ", " + four + ", %r9, 0;\n")); // fp8 has m16n8k64 only
  EXPECT_ANY_THROW(run("0x44444444", "mma.sp.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32 " + four + ", " + four +
                                         ", " + four + ", " + four + ", %r9, %r9;\n")); // the selector is a constant
}
