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

/// Static scales reach to this value; results beyond it, of which there are few, saturate.
constexpr double kStaticReach = 8;

struct Rows {
  bool swiglu = false, residual = false;
  ActQuant quantize = ActQuant::None;
  int64_t rows = 0, columns = 0;
  Bytes x, added, weight;

  double largestCode() const { return codeType(quantize) == ElemType::E4M3 ? 448 : 127; }
  float staticScale() const { return float(kStaticReach / largestCode()); }
  int64_t scaledColumns() const { return quantize == ActQuant::E4M3Group128 ? 128 : columns; }
  int64_t scalesPerRow() const { return (columns + scaledColumns() - 1) / scaledColumns(); }
  int64_t scalePitch() const {
    return quantize == ActQuant::E4M3Group128 ? rowPitch(scalesPerRow(), ElemType::F32) : 1;
  }

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

  /// At most two roundings to bf16 (2^-8 of the value each), and what f32 adds.
  static double boundOf(double value) { return 0x1p-7 * std::fabs(value) + 0x1p-20; }

  /// Columns of a row that share a scale.
  std::string compareGroup(const NamedBytes &outputs, int64_t row, int64_t group,
                           std::span<const double> reference) const {
    const Bytes &y = outputs.at("y");
    int64_t begin = group * scaledColumns(), yPitch = rowPitch(columns, codeType(quantize));
    double largest = 0, scale = quantize == ActQuant::None ? 1 : staticScale();
    for (double value : reference)
      largest = std::max(largest, std::fabs(value));
    if (quantize != ActQuant::None && !isStatic(quantize)) {
      scale = element<float>(outputs.at("y_scale"), size_t(row * scalePitch() + group));
      if (!(std::fabs(scale * largestCode() - largest) <= boundOf(largest)))
        return text("scale ", group, " of row ", row, " = ", scale, ", expected ", largest / largestCode(), " within ",
                    boundOf(largest) / largestCode());
    }
    for (size_t i = 0; i < reference.size(); ++i) {
      size_t at = size_t(row * yPitch + begin) + i;
      double value = reference[i], bound = boundOf(value), actual = 0;
      if (isStatic(quantize))
        value = std::clamp(value, -kStaticReach, kStaticReach);
      switch (codeType(quantize)) {
      case ElemType::E4M3: // rounds to 2^-4 of the value, or to half of its smallest step, 2^-10 scales
        actual = e4m3ToFloat(y[at]) * scale;
        bound += 0x1p-4 * std::fabs(value) + 0x1p-9 * scale;
        break;
      case ElemType::S8: // rounds to half a step
        actual = int8_t(y[at]) * scale;
        bound += 0.501 * scale;
        break;
      default:
        actual = bf16ToFloat(element<uint16_t>(y, at));
      }
      if (!(std::fabs(actual - value) <= bound))
        return text("y[", row, ", ", begin + int64_t(i), "] = ", actual, ", expected ", value, " within ", bound);
    }
    return "";
  }

  std::string compare(const NamedBytes &outputs) const {
    FastRandom random{uint64_t(rows)};
    for (int sample = 0; sample < kSampledRows; ++sample) {
      int64_t row = sample == 0 ? 0 : sample == 1 ? rows - 1 : random.below(rows);
      std::vector<double> reference = expected(row);
      for (int64_t group = 0; group < scalesPerRow(); ++group) {
        int64_t begin = group * scaledColumns(), count = std::min(scaledColumns(), columns - begin);
        std::string wrong =
            compareGroup(outputs, row, group, std::span(reference).subspan(size_t(begin), size_t(count)));
        if (!wrong.empty())
          return wrong;
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
  desc.quantize = r.quantize;
  return desc;
}

Rows describe(const Spec &spec) {
  Rows r;
  r.swiglu = spec.family == "swiglu";
  r.quantize = spec.quantize();
  r.residual = !r.swiglu && spec.at("residual") != 0;
  r.rows = spec.at("rows");
  r.columns = spec.at("columns");
  return r;
}

} // namespace

Plan planRows(const Spec &spec, int) {
  Rows r = describe(spec);
  KernelDesc desc = swigluDesc(r);
  if (!r.swiglu)
    desc = NormalizeDesc{r.columns, 1, kEps, r.residual, r.quantize};
  return {{desc}, {{Size::T, r.rows}}};
}

void fillRows(Problem &problem, const Spec &spec, const Plan &) {
  auto r = std::make_shared<Rows>(describe(spec));
  FastRandom random(7);
  r->x = random.bf16(size_t(r->rows * r->pitch()));
  if (r->swiglu) {
    problem.input("input0", r->x, /*rotated=*/true);
    problem.alias("input1", "input0"); // both are halves of one row
  } else {
    problem.input("x", r->x, /*rotated=*/true);
    r->weight = random.bf16(size_t(r->columns));
    problem.input("weight", r->weight);
  }
  if (r->residual) {
    r->added = random.bf16(size_t(r->rows * r->pitch()));
    problem.input("residual", r->added, /*rotated=*/true);
    problem.output("sum", size_t(r->rows * r->pitch() * 2));
  }
  ElemType type = codeType(r->quantize);
  problem.output("y", size_t(r->rows * rowPitch(r->columns, type) * sizeOf(type)));
  if (isStatic(r->quantize))
    problem.input("static_scale", toBytes(std::vector<float>{r->staticScale()}));
  else if (r->quantize != ActQuant::None)
    problem.output("y_scale", size_t(r->rows * r->scalePitch() * 4));
  problem.check = [r](const NamedBytes &outputs) { return r->compare(outputs); };
}

} // namespace qcc::bench
