//===- GemmProblem.cpp ----------------------------------------------------===//

#include "FastRandom.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"
#include "qcc/Support/Text.h"

#include <cmath>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr int kSamples = 64;

/// Operands as the oracle reads them: row-major and before packing.
struct Operands {
  GemmDesc desc;
  int64_t rows = 0, xPitch = 0;
  Bytes w, weightScale; ///< codes [n, k]; s4 scales [n, groups] bf16, e4m3 scales [n] f32
  Bytes x, xScale;

  double weight(int64_t row, int64_t column) const {
    size_t at = size_t(row * desc.k + column);
    switch (desc.weights) {
    case WeightFormat::BF16:
      return bf16ToFloat(element<uint16_t>(w, at));
    case WeightFormat::E4M3:
      return e4m3ToFloat(w[at]) * double(element<float>(weightScale, size_t(row)));
    case WeightFormat::S4: {
      int64_t groups = (desc.k + desc.group - 1) / desc.group;
      return int8_t(w[at]) *
             double(bf16ToFloat(element<uint16_t>(weightScale, size_t(row * groups + column / desc.group))));
    }
    }
    return 0;
  }
  double activation(int64_t row, int64_t column) const {
    size_t at = size_t(row * xPitch + column);
    if (desc.weights == WeightFormat::E4M3)
      return e4m3ToFloat(x[at]) * double(element<float>(xScale, size_t(row)));
    return bf16ToFloat(element<uint16_t>(x, at));
  }

  /// The bounds of GemmCase.h: f32 accumulation and one rounding to bf16.
  std::string compare(const Bytes &y) const {
    int64_t pitch = rowPitch(desc.n, ElemType::BF16);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < desc.n; ++column)
        if (std::isnan(bf16ToFloat(element<uint16_t>(y, size_t(row * pitch + column)))))
          return text("y[", row, ", ", column, "] is NaN or was not written");
    FastRandom random(uint64_t(desc.n + desc.k + rows));
    for (int sample = 0; sample < kSamples; ++sample) {
      // The two corners first: partial tiles lie at the end.
      int64_t row = sample == 0 ? 0 : sample == 1 ? rows - 1 : random.below(rows);
      int64_t column = sample == 0 ? 0 : sample == 1 ? desc.n - 1 : random.below(desc.n);
      double sum = 0, magnitude = 0;
      for (int64_t i = 0; i < desc.k; ++i) {
        double product = weight(column, i) * activation(row, i);
        sum += product;
        magnitude += std::fabs(product);
      }
      double actual = bf16ToFloat(element<uint16_t>(y, size_t(row * pitch + column)));
      double bound = 0x1p-16 * magnitude + 0x1p-8 * std::fabs(sum);
      if (!(std::fabs(actual - sum) <= bound))
        return text("y[", row, ", ", column, "] = ", actual, ", expected ", sum, " within ", bound);
    }
    return "";
  }
};

FragmentFormat fragmentOf(WeightFormat format) {
  return format == WeightFormat::BF16   ? FragmentFormat::BF16
         : format == WeightFormat::E4M3 ? FragmentFormat::E4M3
                                        : FragmentFormat::S4;
}

Bytes packWeights(const Operands &o) {
  int64_t n = o.desc.n, k = o.desc.k;
  Bytes packed(size_t(packedBytes(fragmentOf(o.desc.weights), paddedRows(n), k)));
  size_t count = size_t(n * k);
  switch (o.desc.weights) {
  case WeightFormat::BF16:
    packFragmentsBF16({reinterpret_cast<const uint16_t *>(o.w.data()), count}, n, k, packed);
    break;
  case WeightFormat::E4M3:
    packFragmentsE4M3({o.w.data(), count}, n, k, packed);
    break;
  case WeightFormat::S4:
    packFragmentsS4({reinterpret_cast<const int8_t *>(o.w.data()), count}, n, k, packed);
    break;
  }
  return packed;
}

void fillWeights(Operands &o, Problem &problem) {
  FastRandom random(uint64_t(o.desc.n * 31 + o.desc.k));
  int64_t n = o.desc.n, k = o.desc.k;
  if (o.desc.weights == WeightFormat::BF16) {
    o.w = random.bf16(size_t(n * k));
  } else if (o.desc.weights == WeightFormat::E4M3) {
    o.w = random.e4m3(size_t(n * k));
    o.weightScale = random.floats(size_t(n), 0.005, 0.015);
    std::vector<float> scales(static_cast<size_t>(n)), packed(size_t(paddedRows(n)));
    std::memcpy(scales.data(), o.weightScale.data(), o.weightScale.size());
    packChannelScales(scales, packed);
    problem.input("weight_scale", toBytes(packed), /*rotated=*/true);
  } else {
    int64_t groups = (k + o.desc.group - 1) / o.desc.group;
    o.w.resize(size_t(n * k));
    for (uint8_t &code : o.w)
      code = uint8_t(int8_t(random.below(16) - 8));
    std::vector<uint16_t> scales(size_t(n * groups)), packed(size_t(paddedRows(n) * groups));
    for (uint16_t &scale : scales)
      scale = floatToBF16(float(0.05 + 0.1 * random.uniform()));
    packGroupScales(scales, n, groups, packed);
    o.weightScale = toBytes(scales);
    problem.input("weight_scale", toBytes(packed), /*rotated=*/true);
  }
  problem.input("weights", packWeights(o), /*rotated=*/true);
}

} // namespace

Expected<std::unique_ptr<Problem>> makeGemm(Device &device, int target, const Spec &spec, size_t rotateBytes) {
  auto operands = std::make_shared<Operands>();
  GemmDesc &desc = operands->desc;
  desc.n = spec.at("n");
  desc.k = spec.at("k");
  const std::string &format = spec.words.at("format");
  desc.weights = format == "bf16" ? WeightFormat::BF16 : format == "e4m3" ? WeightFormat::E4M3 : WeightFormat::S4;
  desc.group = format == "s4" ? spec.at("group") : 0;
  desc.epilogue = {1, {}, 0};
  if (std::string wrong = checkDesc(desc, target); !wrong.empty())
    return Error{wrong, ExitCode::Usage};

  auto problem = std::make_unique<Problem>(device, target);
  operands->rows = spec.at("rows");
  fillWeights(*operands, *problem);
  FastRandom random(3);
  bool e4m3 = desc.weights == WeightFormat::E4M3;
  operands->xPitch = rowPitch(desc.k, e4m3 ? ElemType::E4M3 : ElemType::BF16);
  size_t count = size_t(operands->rows * operands->xPitch);
  operands->x = e4m3 ? random.e4m3(count) : random.bf16(count);
  problem->input("x", operands->x);
  if (e4m3) {
    operands->xScale = random.floats(size_t(operands->rows), 0.005, 0.015);
    problem->input("x_scale", operands->xScale);
  }
  problem->output("y", size_t(operands->rows * rowPitch(desc.n, ElemType::BF16) * 2));
  problem->size(Size::T, operands->rows);
  problem->flops = 2.0 * double(desc.n) * double(desc.k) * double(operands->rows);
  if (Status s = problem->kernel(desc); !s)
    return s.takeError();
  auto check = [operands](const NamedBytes &outputs) { return operands->compare(outputs.at("y")); };
  if (Status s = problem->finish(rotateBytes, check); !s)
    return s.takeError();
  return problem;
}

} // namespace qcc::bench
