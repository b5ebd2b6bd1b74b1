//===- num_mma.cpp - tensor-core arithmetic and fragment layouts ----------===//
//
// Layouts are checked against the formulas printed in the PTX ISA for each type and shape (one-hot
// operands, so that a misplaced element shows); the arithmetic against f64 sums where these are
// exact, and against a direct integer transcription of the truncated fused sum elsewhere.
//
//===----------------------------------------------------------------------===//

#include "../src/num/Convert.h"
#include "../src/num/TensorCore.h"
#include "MmaLayout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

using namespace qccsim;
using namespace qccsim::test;

namespace {

struct Shape {
  MmaType type;
  int k;
  int bits;
  const char *name;
};

const Shape floatShapes[] = {
    {MmaType::F16, 8, 16, "f16 k8"},     {MmaType::F16, 16, 16, "f16 k16"},  {MmaType::BF16, 8, 16, "bf16 k8"},
    {MmaType::BF16, 16, 16, "bf16 k16"}, {MmaType::TF32, 4, 32, "tf32 k4"},  {MmaType::TF32, 8, 32, "tf32 k8"},
    {MmaType::E4M3, 16, 8, "e4m3 k16"},  {MmaType::E4M3, 32, 8, "e4m3 k32"}, {MmaType::E5M2, 16, 8, "e5m2 k16"},
    {MmaType::E5M2, 32, 8, "e5m2 k32"},
};

double decode(MmaType type, uint32_t bits) {
  switch (type) {
  case MmaType::F16:
    return f16ToF32(uint16_t(bits));
  case MmaType::BF16:
    return bf16ToF32(uint16_t(bits));
  case MmaType::TF32:
    return floatOf(bits & ~0x1FFFu);
  case MmaType::E4M3:
    return e4m3ToF32(uint8_t(bits));
  case MmaType::E5M2:
    return e5m2ToF32(uint8_t(bits));
  default:
    return 0;
  }
}

/// Matrices of encodings and their fragments.
struct Problem {
  MmaDesc desc;
  int bits;
  uint32_t a[16][64] = {}, b[64][8] = {};
  uint32_t c[16][8] = {}; ///< f32 or s32 bits, or f16 bits
  uint32_t d[16][8] = {};

  void run(MmaModel model) {
    ASSERT_EQ(mmaUnsupported(desc), nullptr);
    uint32_t fa[4][32] = {}, fb[2][32] = {}, fc[4][32] = {}, fd[4][32] = {};
    int perRegister = 32 / bits;
    MmaRegisters registers = mmaRegisters(desc);
    ASSERT_EQ(registers.a, 16 * desc.k * bits / 1024);
    ASSERT_EQ(registers.b, 8 * desc.k * bits / 1024);
    for (int lane = 0; lane < 32; ++lane) {
      for (int i = 0; i < registers.a * perRegister; ++i) {
        Position p = positionA(bits, desc.k, lane, i);
        fa[i / perRegister][lane] |= a[p.row][p.column] << (i % perRegister * bits % 32);
      }
      for (int i = 0; i < registers.b * perRegister; ++i) {
        Position p = positionB(bits, lane, i);
        fb[i / perRegister][lane] |= b[p.row][p.column] << (i % perRegister * bits % 32);
      }
      for (int i = 0; i < 4; ++i) {
        Position p = positionC(lane, i);
        if (desc.c == MmaAccumulator::F16)
          fc[i / 2][lane] |= c[p.row][p.column] << (16 * (i & 1));
        else
          fc[i][lane] = c[p.row][p.column];
      }
    }
    const uint32_t *pa[] = {fa[0], fa[1], fa[2], fa[3]}, *pb[] = {fb[0], fb[1]}, *pc[] = {fc[0], fc[1], fc[2], fc[3]};
    uint32_t *pd[] = {fd[0], fd[1], fd[2], fd[3]};
    mmaSync(desc, model, pa, pb, pc, pd);
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) {
        Position p = positionC(lane, i);
        d[p.row][p.column] = desc.c == MmaAccumulator::F16 ? fd[i / 2][lane] >> (16 * (i & 1)) & 0xFFFF : fd[i][lane];
      }
  }
};

Problem problemOf(const Shape &shape) {
  Problem problem;
  problem.desc.a = problem.desc.b = shape.type;
  problem.desc.k = shape.k;
  problem.bits = shape.bits;
  return problem;
}

struct Rule {
  int fraction, step;
  bool cutTo13;
};

Rule ruleOf(MmaType type, int bits, MmaModel model) {
  bool fp8 = type == MmaType::E4M3 || type == MmaType::E5M2;
  switch (model) {
  case MmaModel::Sm80:
    return {24, 128 / bits, false};
  case MmaModel::Sm89:
    return {fp8 ? 13 : 24, 128 / bits, fp8};
  default:
    return {25, 256 / bits, false};
  }
}

/// significand * 2^(exponent - 23) with |significand| < 2^24, not normalised below `minExponent`.
struct Scaled {
  int64_t significand;
  int exponent;
};

Scaled scaled(double x, int minExponent) {
  if (x == 0)
    return {0, -126};
  int exponent = std::max(std::ilogb(x), minExponent);
  return {int64_t(std::ldexp(x, 23 - exponent)), exponent};
}

/// One step of the model: align to the largest exponent, truncate, add, round toward zero.
float truncatedSum(const std::vector<double> &a, const std::vector<double> &b, double c, int minExponent, Rule rule) {
  struct Term {
    __int128 significand; ///< of weight 2^(exponent - 46)
    int exponent;
  };
  std::vector<Term> terms;
  Scaled addend = scaled(c, -126);
  terms.push_back({__int128(addend.significand) * (1 << 23), addend.exponent});
  for (size_t i = 0; i < a.size(); ++i) {
    Scaled x = scaled(a[i], minExponent), y = scaled(b[i], minExponent);
    __int128 product = __int128(x.significand) * y.significand;
    terms.push_back({product, product == 0 ? -126 : x.exponent + y.exponent});
  }
  int largest = -126;
  for (const Term &term : terms)
    largest = std::max(largest, term.exponent);
  __int128 sum = 0; // of weight 2^(largest - fraction)
  for (const Term &term : terms) {
    int shift = 46 - rule.fraction + largest - term.exponent;
    __int128 magnitude = term.significand < 0 ? -term.significand : term.significand;
    magnitude = shift > 120 ? 0 : magnitude >> shift;
    sum += term.significand < 0 ? -magnitude : magnitude;
  }
  bool negative = sum < 0;
  unsigned __int128 magnitude = negative ? -sum : sum;
  if (magnitude == 0)
    return 0;
  int exponent = largest - rule.fraction;
  int length = 0;
  for (auto rest = magnitude; rest; rest >>= 1)
    ++length;
  int kept = rule.cutTo13 ? 14 : 24;
  // Subnormal results keep fewer bits: the last place is never below 2^-149 (2^-139 when cut).
  int lowest = rule.cutTo13 ? -139 : -149;
  int drop = std::max(length - kept, lowest - exponent);
  if (drop > 0)
    magnitude = magnitude >> drop << drop;
  double result = std::ldexp(double(uint64_t(magnitude)), exponent);
  return float(negative ? -result : result);
}

int minExponentOf(MmaType type) {
  return type == MmaType::F16 || type == MmaType::E5M2 ? -14 : type == MmaType::E4M3 ? -6 : -126;
}

uint32_t randomEncoding(std::mt19937 &random, MmaType type, bool moderate) {
  for (;;) {
    uint32_t bits = random();
    switch (type) {
    case MmaType::F16:
    case MmaType::BF16:
      bits &= 0xFFFF;
      break;
    case MmaType::TF32:
      break;
    default:
      bits &= 0xFF;
    }
    double value = decode(type, bits);
    if (!std::isfinite(value))
      continue;
    if (moderate && value != 0 && (std::fabs(value) > 64 || std::fabs(value) < 0x1p-8))
      continue;
    return bits;
  }
}

} // namespace

TEST(NumMma, LayoutOfEveryShapeByOneHotOperands) {
  // A has a single 1 at (row, k), B holds small distinct integers: row `row` of D must be row k
  // of B and the rest 0.
  for (const Shape &shape : floatShapes) {
    auto encode = [&](int value) -> uint32_t {
      switch (shape.type) {
      case MmaType::F16:
        return f32ToF16(float(value), Rounding::NearestEven);
      case MmaType::BF16:
        return f32ToBf16(float(value), Rounding::NearestEven);
      case MmaType::TF32:
        return bitsOf(float(value));
      case MmaType::E4M3:
        return f32ToE4m3(float(value));
      default:
        return f32ToE5m2(float(value));
      }
    };
    for (int hot = 0; hot < 16 * shape.k; ++hot) {
      int row = hot / shape.k, k = hot % shape.k;
      Problem problem = problemOf(shape);
      problem.a[row][k] = encode(1);
      // Values every format holds, different in neighbouring rows and columns.
      for (int i = 0; i < shape.k; ++i)
        for (int column = 0; column < 8; ++column)
          problem.b[i][column] = encode((i * 3 + column * 5 + i / 8) % 7 - 3);
      problem.run(MmaModel::Sm90);
      for (int m = 0; m < 16; ++m)
        for (int n = 0; n < 8; ++n) {
          float expected = m == row ? float((k * 3 + n * 5 + k / 8) % 7 - 3) : 0;
          ASSERT_EQ(floatOf(problem.d[m][n]), expected)
              << shape.name << " hot " << row << "," << k << " at " << m << "," << n;
        }
    }
  }
}

TEST(NumMma, IntegersAreExactInEveryShape) {
  struct Integer {
    MmaType a, b;
    int bits, k;
  };
  const Integer cases[] = {
      {MmaType::S8, MmaType::S8, 8, 16},
      {MmaType::S8, MmaType::U8, 8, 32},
      {MmaType::U8, MmaType::S8, 8, 32},
      {MmaType::U8, MmaType::U8, 8, 16},
  };
  std::mt19937 random(3);
  for (const Integer &test : cases)
    for (bool satFinite : {false, true})
      for (int round = 0; round < 20; ++round) {
        Problem problem;
        problem.desc = {16, 8, test.k, test.a, test.b, MmaAccumulator::S32, satFinite};
        problem.bits = test.bits;
        uint32_t mask = (1u << test.bits) - 1;
        auto value = [&](MmaType type, uint32_t bits) -> int64_t {
          return type == MmaType::S8 && bits >> (test.bits - 1) ? int64_t(bits) - (1 << test.bits) : int64_t(bits);
        };
        for (int i = 0; i < 16; ++i)
          for (int k = 0; k < test.k; ++k)
            problem.a[i][k] = random() & mask;
        for (int k = 0; k < test.k; ++k)
          for (int j = 0; j < 8; ++j)
            problem.b[k][j] = random() & mask;
        for (auto &row : problem.c)
          for (uint32_t &c : row)
            c = round % 2 ? random() : (random() & 1 ? 0x7FFFFFF0 : 0x80000010);
        problem.run(MmaModel::Sm80);
        for (int i = 0; i < 16; ++i)
          for (int j = 0; j < 8; ++j) {
            int64_t sum = int32_t(problem.c[i][j]);
            for (int k = 0; k < test.k; ++k)
              sum += value(test.a, problem.a[i][k]) * value(test.b, problem.b[k][j]);
            if (satFinite)
              sum = std::min<int64_t>(std::max<int64_t>(sum, INT32_MIN), INT32_MAX);
            ASSERT_EQ(problem.d[i][j], uint32_t(sum));
          }
      }
}

TEST(NumMma, SmallIntegersAreExactInEveryModel) {
  // Integers up to 4 and a C up to 1000: every partial sum has few bits, so no model may differ
  // from the f64 sum.
  std::mt19937 random(4);
  for (const Shape &shape : floatShapes)
    for (MmaModel model : {MmaModel::Sm80, MmaModel::Sm89, MmaModel::Sm90, MmaModel::Fast}) {
      Problem problem = problemOf(shape);
      double a[16][32], b[32][8], c[16][8];
      auto small = [&](uint32_t &bits) {
        int value = int(random() % 9) - 4;
        for (bits = 0;; ++bits)
          if (shape.type == MmaType::TF32) {
            bits = bitsOf(float(value));
            return double(value);
          } else if (decode(shape.type, bits) == value) {
            return double(value);
          }
      };
      for (int i = 0; i < 16; ++i)
        for (int k = 0; k < shape.k; ++k)
          a[i][k] = small(problem.a[i][k]);
      for (int k = 0; k < shape.k; ++k)
        for (int j = 0; j < 8; ++j)
          b[k][j] = small(problem.b[k][j]);
      for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 8; ++j) {
          c[i][j] = int(random() % 2001) - 1000;
          problem.c[i][j] = bitsOf(float(c[i][j]));
        }
      problem.run(model);
      for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 8; ++j) {
          double sum = c[i][j];
          for (int k = 0; k < shape.k; ++k)
            sum += a[i][k] * b[k][j];
          ASSERT_EQ(floatOf(problem.d[i][j]), sum) << shape.name << " model " << int(model);
        }
    }
}

TEST(NumMma, RandomOperandsFollowTheTruncatedSum) {
  std::mt19937 random(5);
  for (const Shape &shape : floatShapes)
    for (MmaModel model : {MmaModel::Sm80, MmaModel::Sm89, MmaModel::Sm90})
      for (int round = 0; round < 30; ++round) {
        Rule rule = ruleOf(shape.type, shape.bits, model);
        Problem problem = problemOf(shape);
        bool moderate = round % 3 != 0;
        for (int i = 0; i < 16; ++i)
          for (int k = 0; k < shape.k; ++k)
            problem.a[i][k] = randomEncoding(random, shape.type, moderate);
        for (int k = 0; k < shape.k; ++k)
          for (int j = 0; j < 8; ++j)
            problem.b[k][j] = randomEncoding(random, shape.type, moderate);
        for (auto &row : problem.c)
          for (uint32_t &c : row)
            c = round % 5 == 0 ? 0 : bitsOf(std::ldexp(float(int32_t(random())), int(random() % 40) - 60));
        problem.run(model);
        int minExponent = minExponentOf(shape.type);
        for (int i = 0; i < 16; ++i)
          for (int j = 0; j < 8; ++j) {
            double expected = floatOf(problem.c[i][j]);
            for (int begin = 0; begin < shape.k; begin += rule.step) {
              std::vector<double> a, b;
              for (int k = begin; k < std::min(begin + rule.step, shape.k); ++k) {
                a.push_back(decode(shape.type, problem.a[i][k]));
                b.push_back(decode(shape.type, problem.b[k][j]));
              }
              if (std::isfinite(expected))
                expected = truncatedSum(a, b, expected, minExponent, rule);
            }
            ASSERT_EQ(floatOf(problem.d[i][j]), float(expected))
                << shape.name << " model " << int(model) << " round " << round;
          }
      }
}

TEST(NumMma, TruncationShowsWhereTheHardwareLosesBits) {
  // 2^24 + 16 products of 1/2: an exact sum is 2^24 + 8. One step aligns to 2^24, keeps 25
  // fractional bits on sm_90 (weight 1/2, nothing lost) but 24 on sm_80 (weight 1: each is lost).
  for (MmaModel model : {MmaModel::Sm80, MmaModel::Sm90}) {
    Problem problem = problemOf(floatShapes[1]);
    for (int k = 0; k < 16; ++k) {
      problem.a[0][k] = 0x3C00; // 1
      problem.b[k][0] = 0x3800; // 1/2
    }
    problem.c[0][0] = bitsOf(0x1p24f);
    problem.run(model);
    EXPECT_EQ(floatOf(problem.d[0][0]), model == MmaModel::Sm90 ? 0x1p24f + 8 : 0x1p24f);
  }
}

TEST(NumMma, HalfAccumulatorsRoundToNearestEven) {
  Problem problem = problemOf(floatShapes[1]);
  problem.desc.c = MmaAccumulator::F16;
  problem.a[0][0] = 0x3C00; // 1 * 2^-11 + 1: a tie, to even
  problem.b[0][0] = 0x1000; // 2^-11
  problem.a[0][1] = 0x0000;
  problem.c[0][0] = 0x3C00;                                                     // 1
  problem.a[9][3] = 0x3C00, problem.b[3][5] = 0x1000, problem.c[9][5] = 0x3C01; // tie, upwards
  problem.run(MmaModel::Sm90);
  EXPECT_EQ(problem.d[0][0], 0x3C00u);
  EXPECT_EQ(problem.d[9][5], 0x3C02u);
}

TEST(NumMma, InfinitiesAndNaNPropagate) {
  for (MmaModel model : {MmaModel::Sm80, MmaModel::Sm90, MmaModel::Fast}) {
    Problem problem = problemOf(floatShapes[1]);
    for (int k = 0; k < 16; ++k)
      for (int j = 0; j < 8; ++j)
        problem.b[k][j] = 0x3C00;
    problem.a[0][0] = 0x7C00;                           // inf
    problem.a[1][0] = 0x7C00, problem.a[1][1] = 0xFC00; // inf - inf
    problem.a[2][0] = 0x7E00;                           // NaN
    problem.a[3][0] = 0x4000;                           // 2, untouched by the others
    problem.c[4][4] = 0xFF800000;                       // -inf
    problem.run(model);
    EXPECT_EQ(problem.d[0][0], 0x7F800000u);
    EXPECT_TRUE(std::isnan(floatOf(problem.d[1][0])));
    EXPECT_TRUE(std::isnan(floatOf(problem.d[2][0])));
    EXPECT_EQ(floatOf(problem.d[3][0]), 2.0f);
    EXPECT_EQ(problem.d[4][4], 0xFF800000u);
    EXPECT_EQ(problem.d[4][5], 0u);
  }
}

TEST(NumMma, OverflowInTheFirstStepReachesTheSecond) {
  // bf16 on sm_80 sums 8 products at a time; the first eight overflow f32.
  Problem problem = problemOf(floatShapes[3]);
  for (int k = 0; k < 8; ++k)
    problem.a[0][k] = problem.b[k][0] = 0x7F00; // 2^127
  problem.a[0][12] = 0xBF80, problem.b[12][0] = 0x3F80;
  problem.run(MmaModel::Sm80);
  EXPECT_EQ(problem.d[0][0], 0x7F800000u);
}

TEST(NumMma, ResultMayOverwriteOperands) {
  std::mt19937 random(6);
  uint32_t registers[10][32];
  for (auto &reg : registers)
    for (uint32_t &word : reg)
      word = random() & 0x33FF33FF;
  for (MmaType type : {MmaType::F16, MmaType::S8}) {
    MmaDesc desc;
    desc.a = desc.b = type;
    desc.k = type == MmaType::S8 ? 32 : 16;
    desc.c = type == MmaType::S8 ? MmaAccumulator::S32 : MmaAccumulator::F32;
    uint32_t apart[4][32], shared[10][32];
    std::memcpy(shared, registers, sizeof(shared));
    const uint32_t *a[] = {shared[0], shared[1], shared[2], shared[3]}, *b[] = {shared[4], shared[5]},
                   *c[] = {shared[6], shared[7], shared[8], shared[9]};
    uint32_t *separate[] = {apart[0], apart[1], apart[2], apart[3]};
    mmaSync(desc, MmaModel::Sm90, a, b, c, separate);
    // D takes C's registers in another order, and one of A's.
    uint32_t *over[] = {shared[7], shared[6], shared[0], shared[8]};
    mmaSync(desc, MmaModel::Sm90, a, b, c, over);
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(std::memcmp(over[i], apart[i], sizeof(apart[i])), 0) << i;
  }
}

TEST(NumMma, RefusesWhatDoesNotExist) {
  MmaDesc desc;
  desc.k = 32;
  EXPECT_NE(mmaUnsupported(desc), nullptr);
  desc = {};
  desc.b = MmaType::BF16;
  EXPECT_NE(mmaUnsupported(desc), nullptr);
  desc = {16, 8, 16, MmaType::BF16, MmaType::BF16, MmaAccumulator::F16, false};
  EXPECT_NE(mmaUnsupported(desc), nullptr);
  desc = {8, 8, 4, MmaType::F16, MmaType::F16, MmaAccumulator::F32, false};
  EXPECT_NE(mmaUnsupported(desc), nullptr);
  desc = {16, 8, 32, MmaType::E4M3, MmaType::E5M2, MmaAccumulator::F32, false};
  EXPECT_EQ(mmaUnsupported(desc), nullptr);
}

TEST(NumMma, LdmatrixFigure) {
  uint16_t rows[8][8], back[8][8];
  for (int r = 0; r < 8; ++r)
    for (int c = 0; c < 8; ++c)
      rows[r][c] = uint16_t(100 * r + c);
  uint32_t reg[32];
  ldmatrixDistribute(rows, false, reg);
  EXPECT_EQ(reg[0], 1u << 16 | 0u);      // thread 0: row 0, elements 0 and 1
  EXPECT_EQ(reg[5], 103u << 16 | 102u);  // thread 5: row 1, elements 2 and 3
  EXPECT_EQ(reg[31], 707u << 16 | 706u); // thread 31: row 7, elements 6 and 7
  stmatrixCollect(reg, false, back);
  EXPECT_EQ(std::memcmp(rows, back, sizeof(rows)), 0);
  ldmatrixDistribute(rows, true, reg);
  EXPECT_EQ(reg[5], 301u << 16 | 201u); // transposed: element (1, 2) is (2, 1) in memory
  EXPECT_EQ(reg[31], 707u << 16 | 607u);
  stmatrixCollect(reg, true, back);
  EXPECT_EQ(std::memcmp(rows, back, sizeof(rows)), 0);
}
