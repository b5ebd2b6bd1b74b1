//===- NormalizeTest.cpp - RMSNorm against double precision ---------------===//

#include "HostData.h"
#include "Launcher.h"
#include "qcc/Quant/RoundToNearest.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::codegen;
using namespace qcc::test;

namespace {

struct Shape {
  int64_t rows, columns;
  const char *reason;
};

constexpr Shape kShapes[] = {
    {1, 256, "one row, one warp"},
    {5, 131, "odd width: masked tail in a narrow row"},
    {3, 8, "one vector: most lanes idle"},
    {2, 1024, "the widest row of one warp"},
    {2, 1032, "one vector more: two warps and a barrier"},
    {7, 2880, "a real width that is no power of two"},
    {2, 4097, "several warps and a masked tail"},
    {1, 20000, "32 warps, three vectors per lane"},
};

struct Result {
  std::vector<uint16_t> y, sum;
  std::vector<uint8_t> codes;
  std::vector<float> scales;
};

struct Case {
  int64_t rows, columns, groups = 1;
  bool residual = false;
  std::vector<uint16_t> x, added, weight; // dense
};

Case makeCase(int64_t rows, int64_t columns, int64_t groups, bool residual, uint64_t seed) {
  Random random(seed);
  Case made{rows, columns, groups, residual, {}, {}, {}};
  made.x = random.bf16(size_t(rows * groups * columns), 3.0f);
  made.added = random.bf16(size_t(rows * groups * columns));
  made.weight = random.bf16(size_t(columns));
  return made;
}

Result launch(const Case &c, bool quantize, int target) {
  int64_t width = c.columns * c.groups, pitch = rowPitch(width, ElemType::BF16);
  NormalizeDesc desc;
  desc.columns = c.columns;
  desc.groupsPerRow = c.groups;
  desc.eps = 1e-5;
  desc.addResidual = c.residual;
  desc.quantize = quantize;
  int64_t codePitch = rowPitch(width, ElemType::E4M3);

  Launcher launcher(desc, target);
  launcher.size(Size::T, c.rows);
  launcher.input("x", withPitch(c.x, c.rows, width, pitch));
  launcher.input("weight", c.weight);
  if (c.residual) {
    launcher.input("residual", withPitch(c.added, c.rows, width, pitch));
    launcher.output("sum", size_t(c.rows * pitch * 2));
  }
  launcher.output("y", size_t(quantize ? c.rows * codePitch : c.rows * pitch * 2));
  if (quantize)
    launcher.output("y_scale", size_t(c.rows * 4));
  EXPECT_EQ(launcher.run(), "");

  Result result;
  if (quantize) {
    result.codes = launcher.read<uint8_t>("y");
    result.scales = launcher.read<float>("y_scale");
  } else {
    result.y = launcher.read<uint16_t>("y");
  }
  if (c.residual)
    result.sum = launcher.read<uint16_t>("sum");
  return result;
}

void expectNormalized(const Case &c, const Result &result) {
  int64_t width = c.columns * c.groups, pitch = rowPitch(width, ElemType::BF16);
  for (int64_t row = 0; row < c.rows; ++row)
    for (int64_t group = 0; group < c.groups; ++group) {
      std::vector<double> s(size_t(c.columns), 0.0);
      double squares = 0;
      for (int64_t i = 0; i < c.columns; ++i) {
        size_t at = size_t(row * width + group * c.columns + i);
        float value = quant::bf16ToFloat(c.x[at]);
        if (c.residual) {
          value = quant::roundToBF16(value + quant::bf16ToFloat(c.added[at]));
          ASSERT_EQ(result.sum[size_t(row * pitch + group * c.columns + i)], quant::floatToBF16(value)) << row << ", " << i;
        }
        s[size_t(i)] = value;
        squares += double(value) * value;
      }
      double factor = 1 / std::sqrt(squares / double(c.columns) + 1e-5);
      for (int64_t i = 0; i < c.columns; ++i) {
        double expected = s[size_t(i)] * factor * quant::bf16ToFloat(c.weight[size_t(i)]);
        uint16_t actual = result.y[size_t(row * pitch + group * c.columns + i)];
        ASSERT_LE(bf16Steps(actual, expected), 0.51) << "row " << row << " column " << i << ": " << expected;
      }
    }
  for (int64_t row = 0; row < c.rows; ++row)
    for (int64_t i = width; i < pitch; ++i)
      ASSERT_EQ(result.y[size_t(row * pitch + i)], 0xeeee) << "the row's padding was written";
}

class Normalize : public testing::TestWithParam<Shape> {};

TEST_P(Normalize, MatchesDoublePrecision) {
  Case c = makeCase(GetParam().rows, GetParam().columns, 1, false, 1);
  expectNormalized(c, launch(c, false, 90));
}

TEST_P(Normalize, AddsResidualAndWritesTheSum) {
  Case c = makeCase(GetParam().rows, GetParam().columns, 1, true, 2);
  expectNormalized(c, launch(c, false, 90));
}

// Quantization sees the rounded y: the codes must be those that lib/Quant computes from the plain kernel's output. sm_80 has
// no conversion instruction, so both code paths are covered.
TEST_P(Normalize, QuantizesAsLibQuant) {
  Case c = makeCase(GetParam().rows, GetParam().columns, 1, true, 3);
  for (int64_t i = 0; i < c.columns; ++i) // an all-zero row gets scale 1
    c.x[size_t(i)] = c.added[size_t(i)] = 0;
  int64_t pitch = rowPitch(c.columns, ElemType::BF16), codePitch = rowPitch(c.columns, ElemType::E4M3);
  for (int target : {80, 90}) {
    Result plain = launch(c, false, target), quantized = launch(c, true, target);
    for (int64_t row = 0; row < c.rows; ++row) {
      std::vector<float> values, scale(1);
      for (int64_t i = 0; i < c.columns; ++i)
        values.push_back(quant::bf16ToFloat(plain.y[size_t(row * pitch + i)]));
      std::vector<uint8_t> codes(values.size());
      quant::quantizeE4M3PerRow(values, 1, c.columns, codes, scale);
      ASSERT_EQ(quantized.scales[size_t(row)], scale[0]) << "row " << row;
      for (int64_t i = 0; i < c.columns; ++i)
        ASSERT_EQ(quantized.codes[size_t(row * codePitch + i)], codes[size_t(i)]) << target << ": " << row << ", " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Normalize, testing::ValuesIn(kShapes), [](const auto &info) {
  return std::to_string(info.param.rows) + "x" + std::to_string(info.param.columns);
});

// Per-head norm: a row of heads is normalized head by head with one weight.
TEST(NormalizeGroups, EachGroupHasItsOwnMean) {
  Case c = makeCase(3, 64, 5, false, 4);
  expectNormalized(c, launch(c, false, 90));
}

} // namespace
