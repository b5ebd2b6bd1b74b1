//===- RowProblem.cpp - Element-wise kernels over rows --------------------===//
//
// Samples of whole rows against double precision. kernel-check compares codes and scales bit for bit; here a quantized
// result is held against the value it stands for.
//
//===----------------------------------------------------------------------===//

#include "FastRandom.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Text.h"

#include <cmath>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr int kSampledRows = 16;
constexpr double kEps = 1e-5;

struct Rows {
  bool swiglu = false, quantize = false, residual = false;
  int64_t rows = 0, columns = 0;
  Bytes x, added, weight;

  int64_t width() const { return swiglu ? 2 * columns : columns; }
  int64_t pitch() const { return rowPitch(width(), ElemType::BF16); }
  double x64(int64_t row, int64_t column) const {
    return bf16ToFloat(element<uint16_t>(x, size_t(row * pitch() + column)));
  }

  std::vector<double> expected(int64_t row) const {
    std::vector<double> y;
    if (swiglu) {
      for (int64_t i = 0; i < columns; ++i) {
        double gate = x64(row, i);
        y.push_back(gate / (1 + std::exp(-gate)) * x64(row, columns + i));
      }
      return y;
    }
    double squares = 0;
    for (int64_t i = 0; i < columns; ++i) {
      double value = x64(row, i);
      if (residual)
        value = roundToBF16(float(value + bf16ToFloat(element<uint16_t>(added, size_t(row * pitch() + i)))));
      y.push_back(value);
      squares += value * value;
    }
    double factor = 1 / std::sqrt(squares / double(columns) + kEps);
    for (int64_t i = 0; i < columns; ++i)
      y[size_t(i)] *= factor * bf16ToFloat(element<uint16_t>(weight, size_t(i)));
    return y;
  }

  std::string compare(const NamedBytes &outputs) const {
    const Bytes &y = outputs.at("y");
    int64_t yPitch = rowPitch(columns, quantize ? ElemType::E4M3 : ElemType::BF16);
    FastRandom random{uint64_t(rows)};
    for (int sample = 0; sample < kSampledRows; ++sample) {
      int64_t row = sample == 0 ? 0 : sample == 1 ? rows - 1 : random.below(rows);
      std::vector<double> reference = expected(row);
      double scale = quantize ? element<float>(outputs.at("y_scale"), size_t(row)) : 1;
      for (int64_t i = 0; i < columns; ++i) {
        size_t at = size_t(row * yPitch + i);
        double actual = quantize ? e4m3ToFloat(y[at]) * scale : bf16ToFloat(element<uint16_t>(y, at));
        // At most two roundings to bf16 (2^-8 of the value each, and what f32 adds); e4m3 then rounds to 2^-4 of the
        // value, or to half of its smallest step, 2^-10 scales.
        double bound = 0x1p-7 * std::fabs(reference[size_t(i)]) + 0x1p-20;
        if (quantize)
          bound += 0x1p-4 * std::fabs(reference[size_t(i)]) + 0x1p-9 * scale;
        if (!(std::fabs(actual - reference[size_t(i)]) <= bound))
          return text("y[", row, ", ", i, "] = ", actual, ", expected ", reference[size_t(i)], " within ", bound);
      }
    }
    return "";
  }
};

PointwiseDesc swigluDesc(const Rows &r) {
  PointwiseDesc desc;
  desc.columns = r.columns;
  desc.inputs = {{r.pitch(), 0}, {r.pitch(), r.columns}};
  desc.program = {2,
                  {{ScalarOp::Neg, 0},
                   {ScalarOp::Exp, 2},
                   {ScalarOp::Constant, -1, -1, 1.0f},
                   {ScalarOp::Add, 3, 4},
                   {ScalarOp::Div, 0, 5},
                   {ScalarOp::RoundBF16, 6},
                   {ScalarOp::Mul, 7, 1}},
                  8};
  desc.quantize = r.quantize ? ActQuant::E4M3Token : ActQuant::None;
  return desc;
}

} // namespace

Expected<std::unique_ptr<Problem>> makeRowProblem(Device &device, int target, const Spec &spec, size_t rotateBytes) {
  auto r = std::make_shared<Rows>();
  r->swiglu = spec.family == "swiglu";
  r->quantize = spec.at("quantize") != 0;
  r->residual = !r->swiglu && spec.at("residual") != 0;
  r->rows = spec.at("rows");
  r->columns = spec.at("columns");
  FastRandom random(7);
  r->x = random.bf16(size_t(r->rows * r->pitch()));
  auto problem = std::make_unique<Problem>(device, target);
  KernelDesc desc;
  if (r->swiglu) {
    problem->input("input0", r->x, /*rotated=*/true);
    problem->alias("input1", "input0"); // both are halves of one row
    desc = swigluDesc(*r);
  } else {
    problem->input("x", r->x, /*rotated=*/true);
    r->weight = random.bf16(size_t(r->columns));
    problem->input("weight", r->weight);
    if (r->residual) {
      r->added = random.bf16(size_t(r->rows * r->pitch()));
      problem->input("residual", r->added, /*rotated=*/true);
      problem->output("sum", size_t(r->rows * r->pitch() * 2));
    }
    desc = NormalizeDesc{r->columns, 1, kEps, r->residual, r->quantize ? ActQuant::E4M3Token : ActQuant::None};
  }
  problem->output("y", size_t(r->rows * (r->quantize ? rowPitch(r->columns, ElemType::E4M3)
                                                     : rowPitch(r->columns, ElemType::BF16) * 2)));
  if (r->quantize)
    problem->output("y_scale", size_t(r->rows * 4));
  problem->size(Size::T, r->rows);
  if (Status s = problem->kernel(desc); !s)
    return s.takeError();
  if (Status s = problem->finish(rotateBytes, [r](const NamedBytes &outputs) { return r->compare(outputs); }); !s)
    return s.takeError();
  return problem;
}

} // namespace qcc::bench
