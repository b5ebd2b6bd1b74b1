//===- PointwiseCases.cpp - Scalar programs over rows ---------------------===//

#include "KernelCase.h"
#include "QuantizedRows.h"

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

PointwiseDesc describe(const Problem &p, ActQuant kind) {
  PointwiseDesc desc;
  desc.columns = p.columns;
  desc.inputs = {{p.pitch, 0}, {p.pitch, p.columns}};
  desc.program = swiglu();
  desc.quantize = kind;
  return desc;
}

void bindInputs(Launcher &launcher, const Problem &p) {
  launcher.size(Size::T, p.rows);
  std::vector<uint16_t> padded = withPitch(p.fused, p.rows, 2 * p.columns, p.pitch);
  launcher.input("input0", padded);
  launcher.input("input1", padded);
}

/// Rows of bf16, with their pitch.
std::vector<uint16_t> launchPlain(Device &device, const Problem &p, int target, Comparison &compare) {
  Launcher launcher(device, describe(p, ActQuant::None), target);
  bindInputs(launcher, p);
  launcher.output("y", size_t(p.rows * rowPitch(p.columns, ElemType::BF16) * 2));
  if (std::string error = launcher.run(); !error.empty()) {
    compare.error(error);
    return {};
  }
  return launcher.read<uint16_t>("y");
}

CaseResult checkPlain(Device &device, const Problem &p, int target) {
  Comparison compare;
  std::vector<uint16_t> y = launchPlain(device, p, target, compare);
  for (int64_t row = 0; row < p.rows && !compare.failed(); ++row)
    for (int64_t i = 0; i < p.columns; ++i) {
      double gate = quant::bf16ToFloat(p.fused[size_t(row * 2 * p.columns + i)]);
      double up = quant::bf16ToFloat(p.fused[size_t(row * 2 * p.columns + p.columns + i)]);
      double silu = gate / (1 + std::exp(-gate)), expected = quant::roundToBF16(float(silu)) * up;
      // f32 and double may fall on two sides of a rounding boundary of SiLU: one more of its steps.
      double bound = 0.51 * bf16Step(expected) + (nearBoundary(silu) ? bf16Step(silu) * std::fabs(up) : 0);
      compare.near(quant::bf16ToFloat(y[size_t(row * rowPitch(p.columns, ElemType::BF16) + i)]), expected, bound, "y",
                   row, i);
    }
  return compare.result();
}

CaseResult checkQuantized(Device &device, const Problem &p, ActQuant kind, int target) {
  Comparison compare;
  std::vector<uint16_t> plain = launchPlain(device, p, target, compare);
  Launcher launcher(device, describe(p, kind), target);
  bindInputs(launcher, p);
  QuantizedOutput output{kind, p.rows, p.columns};
  output.bind(launcher);
  if (std::string error = launcher.run(); !error.empty())
    compare.error(error);
  else
    output.check(launcher, plain, compare);
  return compare.result();
}

/// The identity: y is the input, so every code can be asked for by its value. With the scale 1 these are all codes,
/// all midpoints between neighbours, and the bf16 neighbours of those; then what lies beyond the range.
std::vector<uint16_t> everyCode(ElemType type) {
  std::vector<uint16_t> x;
  bool isS8 = type == ElemType::S8;
  auto valueOf = [&](int code) { return isS8 ? float(code) : quant::e4m3ToFloat(uint8_t(code)); };
  for (int code = 0; code < (isS8 ? 0x7f : 0x7e); ++code)
    for (float value : {valueOf(code), (valueOf(code) + valueOf(code + 1)) / 2})
      for (int step : {-1, 0, 1})
        for (uint16_t sign : {uint16_t(0), uint16_t(0x8000)})
          if (value != 0 || step >= 0)
            x.push_back(uint16_t(quant::floatToBF16(value) + step) | sign);
  return x;
}

CaseResult checkRounding(Device &device, ActQuant kind, int target) {
  std::vector<uint16_t> x = everyCode(codeType(kind));
  x.resize((x.size() + 127) / 128 * 128);
  uint16_t largest = quant::floatToBF16(codeType(kind) == ElemType::S8 ? 127.0f : 448.0f);
  for (size_t i = 0; i < x.size(); i += 127) // each group of 128 then has the scale 1
    x[i] = largest;
  if (isStatic(kind)) // no other kind can go beyond its range, or keep a NaN beside numbers
    for (uint16_t each : {0x7f80, 0xff80, 0x7fc0, 0xffc0, 0x7f00, 0x4420, 0xc420, 0x4300, 0xc300, 0x0001})
      x.push_back(each);
  int64_t columns = int64_t(x.size()), pitch = rowPitch(columns, ElemType::BF16);
  PointwiseDesc desc;
  desc.columns = columns;
  desc.inputs = {{pitch, 0}};
  desc.program.numInputs = 1;
  desc.quantize = kind;
  Launcher launcher(device, desc, target);
  launcher.size(Size::T, 1);
  std::vector<uint16_t> padded = withPitch(x, 1, columns, pitch);
  launcher.input("input0", padded);
  QuantizedOutput output{kind, 1, columns, 1.0f};
  output.bind(launcher);
  Comparison compare;
  if (std::string error = launcher.run(); !error.empty())
    compare.error(error);
  else
    output.check(launcher, padded, compare);
  return compare.result();
}

struct Shape {
  int64_t rows, columns;
  const char *reason;
};

constexpr Shape kShapes[] = {
    {1, 128, "one row, part of a block"},
    {3, 1032, "a second block along the columns"},
    {300, 200, "many rows; the second group of 128 is short"},
    {7, 2880, "a real width that is no power of two"},
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
    for (ActQuant kind : kQuantKinds)
      cases.push_back({name + "_" + nameOf(kind), shape.reason, [=](Device &device, int target) {
                         return checkQuantized(device, Problem(shape.rows, shape.columns), kind, target);
                       }});
  }
  for (ActQuant kind : kQuantKinds)
    cases.push_back({std::string("quantize_every_code_") + nameOf(kind),
                     "ties between all neighbouring codes go to the even one",
                     [=](Device &device, int target) { return checkRounding(device, kind, target); }});
  return cases;
}

} // namespace qcc::bench
