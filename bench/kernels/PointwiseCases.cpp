//===- PointwiseCases.cpp - Scalar programs over rows ---------------------===//

#include "KernelCase.h"
#include "Launcher.h"
#include "RandomData.h"

namespace qcc::bench {
namespace {

using namespace codegen;

/// gate * sigmoid(gate) * up, with the product of SiLU rounded as the graph's bf16-typed value is.
ScalarProgram swiglu() {
  ScalarProgram program;
  program.numInputs = 2;
  program.body = {{ScalarOp::Neg, 0},    {ScalarOp::Exp, 2},    {ScalarOp::Constant, -1, -1, 1.0f},
                  {ScalarOp::Add, 3, 4}, {ScalarOp::Div, 0, 5}, {ScalarOp::RoundBF16, 6},
                  {ScalarOp::Mul, 7, 1}};
  program.result = 8;
  return program;
}

/// Both inputs are halves of one fused row, as gate and up are.
struct Problem {
  int64_t rows, columns, pitch;
  std::vector<uint16_t> fused; // dense

  Problem(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), pitch(rowPitch(2 * columns, ElemType::BF16)),
        fused(Random{uint64_t(columns)}.bf16(size_t(rows * 2 * columns), 2.0f)) {}
};

struct Output {
  std::vector<uint16_t> y;
  std::vector<uint8_t> codes;
  std::vector<float> scales;
};

Output launch(Device &device, const Problem &p, bool quantize, int target, Comparison &compare) {
  PointwiseDesc desc;
  desc.columns = p.columns;
  desc.inputs = {{p.pitch, 0}, {p.pitch, p.columns}};
  desc.program = swiglu();
  desc.quantize = quantize;
  Launcher launcher(device, desc, target);
  launcher.size(Size::T, p.rows);
  std::vector<uint16_t> padded = withPitch(p.fused, p.rows, 2 * p.columns, p.pitch);
  launcher.input("input0", padded);
  launcher.input("input1", padded);
  launcher.output(
      "y", size_t(p.rows * (quantize ? rowPitch(p.columns, ElemType::E4M3) : rowPitch(p.columns, ElemType::BF16) * 2)));
  if (quantize)
    launcher.output("y_scale", size_t(p.rows * 4));
  if (std::string error = launcher.run(); !error.empty()) {
    compare.error(error);
    return {};
  }
  Output output;
  if (quantize) {
    output.codes = launcher.read<uint8_t>("y");
    output.scales = launcher.read<float>("y_scale");
  } else {
    output.y = launcher.read<uint16_t>("y");
  }
  return output;
}

CaseResult checkPlain(Device &device, const Problem &p, int target) {
  Comparison compare;
  Output output = launch(device, p, false, target, compare);
  for (int64_t row = 0; row < p.rows && !compare.failed(); ++row)
    for (int64_t i = 0; i < p.columns; ++i) {
      double gate = quant::bf16ToFloat(p.fused[size_t(row * 2 * p.columns + i)]);
      double up = quant::bf16ToFloat(p.fused[size_t(row * 2 * p.columns + p.columns + i)]);
      double silu = gate / (1 + std::exp(-gate)), expected = quant::roundToBF16(float(silu)) * up;
      // f32 and double may fall on two sides of a rounding boundary of SiLU: one more of its steps.
      double bound = 0.51 * bf16Step(expected) + (nearBoundary(silu) ? bf16Step(silu) * std::fabs(up) : 0);
      compare.near(quant::bf16ToFloat(output.y[size_t(row * rowPitch(p.columns, ElemType::BF16) + i)]), expected, bound,
                   "y", row, i);
    }
  return compare.result();
}

CaseResult checkQuantized(Device &device, const Problem &p, int target) {
  Comparison compare;
  Output plain = launch(device, p, false, target, compare), quantized = launch(device, p, true, target, compare);
  for (int64_t row = 0; row < p.rows && !compare.failed(); ++row)
    compareQuantized(&plain.y[size_t(row * rowPitch(p.columns, ElemType::BF16))],
                     &quantized.codes[size_t(row * rowPitch(p.columns, ElemType::E4M3))], quantized.scales[size_t(row)],
                     row, p.columns, compare);
  return compare.result();
}

/// The identity: y is the input, so every e4m3 code can be asked for by its value. A row maximum of 448 makes the scale
/// 1; between neighbouring codes lie their midpoint and its bf16 neighbours.
CaseResult checkRounding(Device &device, int target) {
  std::vector<uint16_t> x = {quant::floatToBF16(448.0f)};
  for (int code = 0; code < 0x7e; ++code) {
    float middle = (quant::e4m3ToFloat(uint8_t(code)) + quant::e4m3ToFloat(uint8_t(code + 1))) / 2;
    for (int step : {-1, 0, 1})
      for (uint16_t sign : {uint16_t(0), uint16_t(0x8000)})
        x.push_back(uint16_t(quant::floatToBF16(middle) + step) | sign);
  }
  int64_t columns = int64_t(x.size()), pitch = rowPitch(columns, ElemType::BF16);
  PointwiseDesc desc;
  desc.columns = columns;
  desc.inputs = {{pitch, 0}};
  desc.program.numInputs = 1;
  desc.quantize = true;
  Launcher launcher(device, desc, target);
  launcher.size(Size::T, 1);
  launcher.input("input0", withPitch(x, 1, columns, pitch));
  launcher.output("y", size_t(rowPitch(columns, ElemType::E4M3)));
  launcher.output("y_scale", 4);
  Comparison compare;
  if (std::string error = launcher.run(); !error.empty()) {
    compare.error(error);
    return compare.result();
  }
  compare.equal(launcher.read<float>("y_scale")[0], 1, "y_scale", 0, 0);
  std::vector<uint8_t> codes = launcher.read<uint8_t>("y");
  for (size_t i = 0; i < x.size(); ++i)
    compare.equal(codes[i], quant::floatToE4M3(quant::bf16ToFloat(x[i])), "code", 0, int64_t(i));
  return compare.result();
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

} // namespace

std::vector<KernelCase> pointwiseCases() {
  std::vector<KernelCase> cases;
  for (const Shape &shape : kShapes) {
    std::string name = "swiglu_" + std::to_string(shape.rows) + "x" + std::to_string(shape.columns);
    cases.push_back({name, shape.reason, [=](Device &device, int target) {
                       return checkPlain(device, Problem(shape.rows, shape.columns), target);
                     }});
    cases.push_back({name + "_e4m3", shape.reason, [=](Device &device, int target) {
                       return checkQuantized(device, Problem(shape.rows, shape.columns), target);
                     }});
  }
  cases.push_back({"quantize_every_code", "ties between all neighbouring codes go to the even one", checkRounding});
  return cases;
}

} // namespace qcc::bench
