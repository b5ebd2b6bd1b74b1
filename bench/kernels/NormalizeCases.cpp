//===- NormalizeCases.cpp - RMSNorm against double precision --------------===//

#include "KernelCase.h"
#include "QuantizedRows.h"

namespace qcc::bench {
namespace {

using namespace codegen;

constexpr double kEps = 1e-5;

struct Problem {
  int64_t rows, columns, groups = 1;
  bool residual = false;
  std::vector<uint16_t> x, added, weight; // dense

  int64_t width() const { return columns * groups; }
  int64_t pitch() const { return rowPitch(width(), ElemType::BF16); }
};

Problem makeProblem(int64_t rows, int64_t columns, int64_t groups, bool residual) {
  Random random{uint64_t(columns)};
  Problem problem{rows, columns, groups, residual, {}, {}, {}};
  problem.x = random.bf16(size_t(rows * problem.width()), 3.0f);
  problem.added = random.bf16(size_t(rows * problem.width()));
  problem.weight = random.bf16(size_t(columns));
  return problem;
}

void bindInputs(Launcher &launcher, const Problem &p) {
  launcher.size(Size::T, p.rows);
  launcher.input("x", withPitch(p.x, p.rows, p.width(), p.pitch()));
  launcher.input("weight", p.weight);
  if (p.residual) {
    launcher.input("residual", withPitch(p.added, p.rows, p.width(), p.pitch()));
    launcher.output("sum", size_t(p.rows * p.pitch() * 2));
  }
}

struct Output {
  std::vector<uint16_t> y, sum;
};

Output launchPlain(Device &device, const Problem &p, int target, Comparison &compare) {
  Launcher launcher(device, NormalizeDesc{p.columns, p.groups, kEps, p.residual}, target);
  bindInputs(launcher, p);
  launcher.output("y", size_t(p.rows * p.pitch() * 2));
  if (std::string error = launcher.run(); !error.empty()) {
    compare.error(error);
    return {};
  }
  return {launcher.read<uint16_t>("y"), p.residual ? launcher.read<uint16_t>("sum") : std::vector<uint16_t>()};
}

/// One group of one row; y is rounded once, so half a step and what f32 sums may add.
void compareGroup(const Problem &p, const Output &output, int64_t row, int64_t group, Comparison &compare) {
  std::vector<double> s;
  double squares = 0;
  for (int64_t i = 0; i < p.columns; ++i) {
    size_t dense = size_t(row * p.width() + group * p.columns + i),
           at = size_t(row * p.pitch() + group * p.columns + i);
    float value = quant::bf16ToFloat(p.x[dense]);
    if (p.residual) {
      value = quant::roundToBF16(value + quant::bf16ToFloat(p.added[dense]));
      compare.equal(quant::bf16ToFloat(output.sum[at]), value, "sum", row, i);
    }
    s.push_back(value);
    squares += double(value) * value;
  }
  double factor = 1 / std::sqrt(squares / double(p.columns) + kEps);
  for (int64_t i = 0; i < p.columns; ++i) {
    double expected = s[size_t(i)] * factor * quant::bf16ToFloat(p.weight[size_t(i)]);
    size_t at = size_t(row * p.pitch() + group * p.columns + i);
    compare.near(quant::bf16ToFloat(output.y[at]), expected, 0.51 * bf16Step(expected), "y", row,
                 group * p.columns + i);
  }
}

CaseResult checkPlain(Device &device, const Problem &p, int target) {
  Comparison compare;
  Output output = launchPlain(device, p, target, compare);
  for (int64_t row = 0; row < p.rows && !compare.failed(); ++row) {
    for (int64_t group = 0; group < p.groups; ++group)
      compareGroup(p, output, row, group, compare);
    for (int64_t i = p.width(); i < p.pitch(); ++i)
      compare.equal(output.y[size_t(row * p.pitch() + i)], 0xeeee, "padding of y", row, i);
  }
  return compare.result();
}

/// Quantization sees the rounded y: codes and scales must be those of the plain kernel's output. The first row is zero
/// (scale 1), the last holds a NaN, the one before an infinity.
CaseResult checkQuantized(Device &device, Problem p, ActQuant kind, int target) {
  for (int64_t i = 0; i < p.columns; ++i)
    p.x[size_t(i)] = p.added[size_t(i)] = 0;
  if (p.rows > 2) {
    p.x[size_t((p.rows - 1) * p.columns + p.columns / 2)] = 0x7fc0;
    p.x[size_t((p.rows - 2) * p.columns + p.columns / 3)] = 0xff80;
  }
  Comparison compare;
  Output plain = launchPlain(device, p, target, compare);
  Launcher launcher(device, NormalizeDesc{p.columns, 1, kEps, p.residual, kind}, target);
  bindInputs(launcher, p);
  QuantizedOutput output{kind, p.rows, p.columns};
  output.bind(launcher);
  if (std::string error = launcher.run(); !error.empty())
    compare.error(error);
  else
    output.check(launcher, plain.y, compare);
  return compare.result();
}

struct Shape {
  int64_t rows, columns;
  const char *reason;
};

constexpr Shape kShapes[] = {
    {1, 256, "one row, one warp"},
    {300, 200, "many rows; the second group of 128 is short"},
    {5, 131, "odd width: masked tail in a narrow row"},
    {3, 8, "one vector: most lanes idle"},
    {2, 1024, "the widest row of one warp"},
    {2, 1032, "one vector more: two warps and a barrier"},
    {7, 2880, "a real width that is no power of two"},
    {2, 4097, "several warps and a masked tail"},
    {1, 20000, "32 warps, three vectors per lane"},
};

} // namespace

std::vector<KernelCase> normalizeCases() {
  std::vector<KernelCase> cases;
  for (const Shape &shape : kShapes) {
    std::string name = "normalize_" + std::to_string(shape.rows) + "x" + std::to_string(shape.columns);
    for (bool residual : {false, true})
      cases.push_back({name + (residual ? "_residual" : ""), shape.reason, [=](Device &device, int target) {
                         return checkPlain(device, makeProblem(shape.rows, shape.columns, 1, residual), target);
                       }});
    for (ActQuant kind : kQuantKinds)
      cases.push_back({name + "_" + nameOf(kind), shape.reason, [=](Device &device, int target) {
                         return checkQuantized(device, makeProblem(shape.rows, shape.columns, 1, true), kind, target);
                       }});
  }
  cases.push_back(
      {"normalize_3x5x64", "per-head norm: each group of a row has its own mean",
       [](Device &device, int target) { return checkPlain(device, makeProblem(3, 64, 5, false), target); }});
  return cases;
}

} // namespace qcc::bench
