//===- PointwiseTest.cpp - Scalar programs over rows ----------------------===//

#include "HostData.h"
#include "Launcher.h"
#include "qcc/Quant/RoundToNearest.h"

#include <gtest/gtest.h>

using namespace qcc;
using namespace qcc::codegen;
using namespace qcc::test;

namespace {

/// gate * sigmoid(gate) * up, with the product of SiLU rounded as the graph's bf16-typed value is.
ScalarProgram swiglu() {
  ScalarProgram program;
  program.numInputs = 2;
  program.body = {{ScalarOp::Neg, 0},         {ScalarOp::Exp, 2},     {ScalarOp::Constant, -1, -1, 1.0f},
                  {ScalarOp::Add, 3, 4},      {ScalarOp::Div, 0, 5},  {ScalarOp::RoundBF16, 6},
                  {ScalarOp::Mul, 7, 1}};
  program.result = 8;
  return program;
}

struct Shape {
  int64_t rows, columns;
  const char *reason;
};

constexpr Shape kShapes[] = {
    {1, 128, "one row, part of a block"},
    {3, 1032, "a second block along the columns"},
    {2, 131, "odd width: the second input is misaligned and read element by element"},
    {4, 3072, "several vectors per lane"},
    {1, 40000, "too wide for the registers: a quantized row is computed twice"},
};

class Pointwise : public testing::TestWithParam<Shape> {
protected:
  /// Both inputs are halves of one fused row, as gate and up are.
  void launch(bool quantize, int target, std::vector<uint16_t> &y, std::vector<uint8_t> &codes, std::vector<float> &scales) {
    auto [rows, columns, reason] = GetParam();
    Random random{uint64_t(columns)};
    pitch = rowPitch(2 * columns, ElemType::BF16);
    fused = random.bf16(size_t(rows * 2 * columns), 2.0f);
    std::vector<uint16_t> padded = withPitch(fused, rows, 2 * columns, pitch);

    PointwiseDesc desc;
    desc.columns = columns;
    desc.inputs = {{pitch, 0}, {pitch, columns}};
    desc.program = swiglu();
    desc.quantize = quantize;
    Launcher launcher(desc, target);
    launcher.size(Size::T, rows);
    launcher.input("input0", padded);
    launcher.input("input1", padded);
    launcher.output("y", size_t(quantize ? rows * rowPitch(columns, ElemType::E4M3) : rows * rowPitch(columns, ElemType::BF16) * 2));
    if (quantize)
      launcher.output("y_scale", size_t(rows * 4));
    ASSERT_EQ(launcher.run(), "");
    if (quantize) {
      codes = launcher.read<uint8_t>("y");
      scales = launcher.read<float>("y_scale");
    } else {
      y = launcher.read<uint16_t>("y");
    }
  }

  int64_t pitch = 0;
  std::vector<uint16_t> fused;
};

TEST_P(Pointwise, SwigluMatchesDoublePrecision) {
  auto [rows, columns, reason] = GetParam();
  std::vector<uint16_t> y;
  std::vector<uint8_t> codes;
  std::vector<float> scales;
  launch(false, 90, y, codes, scales);
  int64_t yPitch = rowPitch(columns, ElemType::BF16);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < columns; ++i) {
      double gate = quant::bf16ToFloat(fused[size_t(row * 2 * columns + i)]);
      double up = quant::bf16ToFloat(fused[size_t(row * 2 * columns + columns + i)]);
      double silu = gate / (1 + std::exp(-gate));
      // Where f32 and double fall on two sides of a rounding boundary of SiLU the result is off by one of its steps.
      double rounded = quant::roundToBF16(float(silu));
      ASSERT_LE(bf16Steps(y[size_t(row * yPitch + i)], rounded * up), 1.51) << "row " << row << " column " << i;
    }
}

TEST_P(Pointwise, QuantizesAsLibQuant) {
  auto [rows, columns, reason] = GetParam();
  for (int target : {80, 90}) {
    std::vector<uint16_t> y;
    std::vector<uint8_t> codes;
    std::vector<float> scales;
    launch(false, target, y, codes, scales);
    launch(true, target, y, codes, scales);
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<float> values, scale(1);
      for (int64_t i = 0; i < columns; ++i)
        values.push_back(quant::bf16ToFloat(y[size_t(row * rowPitch(columns, ElemType::BF16) + i)]));
      std::vector<uint8_t> expected(values.size());
      quant::quantizeE4M3PerRow(values, 1, columns, expected, scale);
      ASSERT_EQ(scales[size_t(row)], scale[0]) << "row " << row;
      for (int64_t i = 0; i < columns; ++i)
        ASSERT_EQ(codes[size_t(row * rowPitch(columns, ElemType::E4M3) + i)], expected[size_t(i)]) << target << ": " << row << ", " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Pointwise, testing::ValuesIn(kShapes), [](const auto &info) {
  return std::to_string(info.param.rows) + "x" + std::to_string(info.param.columns);
});

/// The identity: y is the rounded input, so every e4m3 code can be asked for by its value.
TEST(PointwiseQuantize, RoundsTiesToEvenThroughTheWholeGrid) {
  // Row amax 448 makes the scale 1. Between neighbouring codes lie their midpoint and its bf16 neighbours.
  std::vector<uint16_t> x = {quant::floatToBF16(448.0f)};
  for (int code = 0; code < 0x7e; ++code) {
    float middle = (quant::e4m3ToFloat(uint8_t(code)) + quant::e4m3ToFloat(uint8_t(code + 1))) / 2;
    uint16_t bits = quant::floatToBF16(middle);
    for (int step : {-1, 0, 1})
      for (uint16_t sign : {uint16_t(0), uint16_t(0x8000)})
        x.push_back(uint16_t(bits + step) | sign);
  }
  int64_t columns = int64_t(x.size()), pitch = rowPitch(columns, ElemType::BF16);
  PointwiseDesc desc;
  desc.columns = columns;
  desc.inputs = {{pitch, 0}};
  desc.program.numInputs = 1;
  desc.quantize = true;
  for (int target : {80, 90}) {
    Launcher launcher(desc, target);
    launcher.size(Size::T, 1);
    launcher.input("input0", withPitch(x, 1, columns, pitch));
    launcher.output("y", size_t(rowPitch(columns, ElemType::E4M3)));
    launcher.output("y_scale", 4);
    ASSERT_EQ(launcher.run(), "");
    ASSERT_EQ(launcher.read<float>("y_scale")[0], 1.0f);
    std::vector<uint8_t> codes = launcher.read<uint8_t>("y");
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(codes[i], quant::floatToE4M3(quant::bf16ToFloat(x[i]))) << target << ": " << quant::bf16ToFloat(x[i]);
  }
}

} // namespace
