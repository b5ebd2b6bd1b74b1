//===- GemmProblem.cpp ----------------------------------------------------===//

#include "FastRandom.h"
#include "GemmWeights.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Text.h"

#include <cmath>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr int kSamples = 64;

struct Operands {
  GemmDesc desc;
  int64_t rows = 0, xPitch = 0;
  bool shortSums = false; ///< the device cuts the terms of an e4m3 product (GemmCase.h)
  std::shared_ptr<const GemmWeights> w;
  Bytes x;                    ///< bf16, or a code per byte
  std::vector<float> xScales; ///< [rows, scalesPerRow]; empty for bf16

  int64_t scalesPerRow() const {
    int64_t blocks = (desc.k + kScaleBlock - 1) / kScaleBlock;
    return infoOf(desc.weights).isBlockScaled ? rowPitch(blocks, ElemType::F32) : 1;
  }
  double activation(int64_t row, int64_t column) const {
    size_t at = size_t(row * xPitch + column);
    int64_t block = infoOf(desc.weights).isBlockScaled ? column / kScaleBlock : 0;
    switch (infoOf(desc.weights).x) {
    case ElemType::E4M3:
      return e4m3ToFloat(x[at]) * double(xScales[size_t(row * scalesPerRow() + block)]);
    case ElemType::S8:
      return int8_t(x[at]) * double(xScales[size_t(row)]);
    default:
      return bf16ToFloat(element<uint16_t>(x, at));
    }
  }
  double result(const Bytes &y, int64_t row, int64_t column) const {
    size_t at = size_t(row * rowPitch(desc.n, desc.output) + column);
    return desc.output == ElemType::F32 ? element<float>(y, at) : bf16ToFloat(element<uint16_t>(y, at));
  }

  /// The bounds of GemmCase.h: f32 accumulation, or exact sums of integers, one rounding of the result, and the cut
  /// terms of e4m3 products.
  std::string compare(const Bytes &y) const {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < desc.n; ++column)
        if (std::isnan(result(y, row, column)))
          return text("y[", row, ", ", column, "] is NaN or was not written");
    FastRandom random(uint64_t(desc.n + desc.k + rows));
    for (int sample = 0; sample < kSamples; ++sample) {
      // The two corners first: partial tiles lie at the end, and the weights' last bytes are farthest from their first.
      int64_t row = sample == 0 ? 0 : sample == 1 ? rows - 1 : random.below(rows);
      int64_t column = sample == 0 ? 0 : sample == 1 ? desc.n - 1 : random.below(desc.n);
      double sum = 0, magnitude = 0, squares = 0;
      for (int64_t i = 0; i < desc.k; ++i) {
        double product = w->at(column, i) * activation(row, i);
        sum += product;
        magnitude += std::fabs(product);
        squares += product * product;
      }
      bool exact = infoOf(desc.weights).x == ElemType::S8;
      double bound = (exact ? 0x1p-22 * std::fabs(sum) + 0x1p-48 * magnitude : 0x1p-16 * magnitude) +
                     (desc.output == ElemType::F32 ? 0x1p-21 : 0x1p-8) * std::fabs(sum);
      if (shortSums)
        bound += 0x1p-11 * std::sqrt(squares);
      double actual = result(y, row, column);
      if (!(std::fabs(actual - sum) <= bound))
        return text("y[", row, ", ", column, "] = ", actual, ", expected ", sum, " within ", bound);
    }
    return "";
  }

  void drawActivations(FastRandom &random) {
    const WeightFormatInfo &format = infoOf(desc.weights);
    xPitch = rowPitch(desc.k, format.x);
    size_t count = size_t(rows * xPitch);
    x = format.x == ElemType::BF16 ? random.bf16(count)
        : format.x == ElemType::S8 ? random.symmetricS8(count)
                                   : random.e4m3(count);
    if (!format.hasXScale())
      return;
    xScales.resize(size_t(rows * scalesPerRow()));
    for (float &scale : xScales)
      scale = float(0.005 + 0.01 * random.uniform());
  }
};

GemmDesc describe(const Spec &spec) {
  GemmDesc desc;
  desc.n = spec.at("n");
  desc.k = spec.at("k");
  desc.weights = spec.weightFormat();
  desc.group = infoOf(desc.weights).mayHaveGroups ? spec.at("group") : 0;
  desc.output = spec.family == "lm_head" ? ElemType::F32 : ElemType::BF16;
  desc.epilogue = {1, {}, 0};
  return desc;
}

} // namespace

Plan planGemm(const Spec &spec, int) {
  // An engine computes logits only of the rows that ask for them.
  Size rows = spec.family == "lm_head" ? Size::R : Size::T;
  return {{describe(spec)}, {{rows, spec.at("rows")}}, rows};
}

void fillGemm(Problem &problem, const Spec &spec, const Plan &plan) {
  auto operands = std::make_shared<Operands>();
  const GemmDesc &desc = operands->desc = std::get<GemmDesc>(plan.kernels.front());
  operands->rows = spec.at("rows");
  operands->shortSums = infoOf(desc.weights).x == ElemType::E4M3 && problem.capability() == 89;
  operands->w = GemmWeights::random(desc);
  FastRandom random(3);
  operands->drawActivations(random);
  for (const auto &[name, bytes] : operands->w->arguments)
    problem.input(name, bytes, /*rotated=*/true);
  problem.input("x", operands->x);
  if (!operands->xScales.empty())
    problem.input("x_scale", toBytes(operands->xScales));
  problem.output("y", size_t(operands->rows * rowPitch(desc.n, desc.output) * sizeOf(desc.output)));
  problem.flops = 2.0 * double(desc.n) * double(desc.k) * double(operands->rows);
  problem.check = [operands](const NamedBytes &outputs) { return operands->compare(outputs.at("y")); };
}

} // namespace qcc::bench
