//===- GemmProblem.cpp ----------------------------------------------------===//

#include "FastRandom.h"
#include "qcc/Quant/CodeFormat.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"
#include "qcc/Support/Text.h"

#include <cmath>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr int kSamples = 64;

/// A weight as the oracle reads it, row-major, and as the kernel does. Making one takes seconds at a model's sizes.
struct Weights {
  GemmDesc desc;
  Bytes codes; ///< [n, k]
  Bytes scale; ///< s4: bf16 [n, groups]; e4m3: f32 [n]
  Bytes packed, packedScale;

  double at(int64_t row, int64_t column) const {
    size_t index = size_t(row * desc.k + column);
    switch (desc.weights) {
    case WeightFormat::BF16:
      return bf16ToFloat(element<uint16_t>(codes, index));
    case WeightFormat::E4M3:
      return e4m3ToFloat(codes[index]) * double(element<float>(scale, size_t(row)));
    case WeightFormat::S4: {
      size_t group = size_t(row * CodeFormat::intGroup(4, desc.group).scaleCols(desc.k) + column / desc.group);
      return int8_t(codes[index]) * double(bf16ToFloat(element<uint16_t>(scale, group)));
    }
    default:
      return 0; // makeGemm knows no other format
    }
  }
};

struct Operands {
  GemmDesc desc;
  int64_t rows = 0, xPitch = 0;
  std::shared_ptr<const Weights> w;
  Bytes x, xScale;

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
        double product = w->at(column, i) * activation(row, i);
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

Bytes pack(const GemmDesc &desc, const Bytes &codes) {
  Bytes packed(size_t(packedBytes(fragmentOf(desc.weights), paddedRows(desc.n), desc.k)));
  size_t count = size_t(desc.n * desc.k);
  switch (desc.weights) {
  case WeightFormat::BF16:
    packFragmentsBF16({reinterpret_cast<const uint16_t *>(codes.data()), count}, desc.n, desc.k, packed);
    break;
  case WeightFormat::E4M3:
    packFragmentsE4M3({codes.data(), count}, desc.n, desc.k, packed);
    break;
  case WeightFormat::S4:
    packFragmentsS4({reinterpret_cast<const int8_t *>(codes.data()), count}, desc.n, desc.k, packed);
    break;
  default:
    break; // makeGemm knows no other format
  }
  return packed;
}

std::shared_ptr<const Weights> makeWeights(const GemmDesc &desc) {
  // Problems that differ only in their rows follow one another.
  static std::shared_ptr<const Weights> last;
  if (last && last->desc.weights == desc.weights && last->desc.n == desc.n && last->desc.k == desc.k &&
      last->desc.group == desc.group)
    return last;
  last.reset();
  auto w = std::make_shared<Weights>();
  w->desc = desc;
  FastRandom random(uint64_t(desc.n * 31 + desc.k));
  size_t count = size_t(desc.n * desc.k);
  if (desc.weights == WeightFormat::BF16) {
    w->codes = random.bf16(count);
  } else if (desc.weights == WeightFormat::E4M3) {
    w->codes = random.e4m3(count);
    w->scale = random.floats(size_t(desc.n), 0.005, 0.015);
    std::vector<float> scales(static_cast<size_t>(desc.n)), packed(size_t(paddedRows(desc.n)));
    std::memcpy(scales.data(), w->scale.data(), w->scale.size());
    packChannelScales(scales, packed);
    w->packedScale = toBytes(packed);
  } else {
    w->codes.resize(count);
    for (uint8_t &code : w->codes)
      code = uint8_t(int8_t(random.below(16) - 8));
    int64_t groups = CodeFormat::intGroup(4, desc.group).scaleCols(desc.k);
    std::vector<uint16_t> scales(size_t(desc.n * groups)), packed(size_t(paddedRows(desc.n) * groups));
    for (uint16_t &scale : scales)
      scale = floatToBF16(float(0.05 + 0.1 * random.uniform()));
    packGroupScales(scales, desc.n, groups, packed);
    w->scale = toBytes(scales);
    w->packedScale = toBytes(packed);
  }
  w->packed = pack(desc, w->codes);
  return last = w;
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
  operands->w = makeWeights(desc);
  problem->input("weights", operands->w->packed, /*rotated=*/true);
  if (!operands->w->packedScale.empty())
    problem->input("weight_scale", operands->w->packedScale, /*rotated=*/true);
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
