//===- RopeProblem.cpp - Rotation and append, greedy choice ---------------===//

#include "FastRandom.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Text.h"

#include <cmath>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr int kSamples = 64;
constexpr int64_t kTableRows = 8192;

/// One fused qkv row per token; each token goes to a slot of its own in scattered order.
struct Step {
  RopeAppendDesc desc;
  int64_t rows = 0;
  std::vector<int32_t> positions, slots;
  std::vector<float> table, kScale, vScale;
  Bytes qkv;

  double input(int64_t row, int64_t column) const {
    return bf16ToFloat(element<uint16_t>(qkv, size_t(row * desc.qIn.pitch + column)));
  }
  /// Element i of the head that starts at `column`, rotated (half-split form).
  double rotated(int64_t row, int64_t column, int64_t i) const {
    int64_t half = desc.headDim / 2;
    size_t angle = size_t((positions[size_t(row)] * half + i % half) * 2);
    double cosine = table[angle], sine = table[angle + 1];
    double other = input(row, column + (i + half) % desc.headDim);
    return input(row, column + i) * cosine + (i < half ? -other : other) * sine;
  }
  /// Inputs lie below 2: one rounding to bf16, and what f32 adds where both products cancel.
  static double boundOf(double value) { return 0x1p-8 * std::fabs(value) + 0x1p-20; }

  std::string compareCached(const Bytes &cache, const char *name, int64_t row, int64_t head, int64_t i, double expected,
                            double scale) const {
    int64_t slot = slots[size_t(row)];
    size_t at = size_t(((slot / kPageSize * desc.kvHeads + head) * kPageSize + slot % kPageSize) * desc.headDim + i);
    bool e4m3 = desc.kv == ElemType::E4M3;
    double actual = e4m3 ? e4m3ToFloat(cache[at]) * scale : bf16ToFloat(element<uint16_t>(cache, at));
    // e4m3 rounds once more, to 2^-4 of the value or half of its smallest step, 2^-10 scales.
    double bound = boundOf(expected) + (e4m3 ? 0x1p-4 * 1.01 * std::fabs(expected) + 0x1p-9 * scale : 0);
    if (!(std::fabs(actual - expected) <= bound))
      return text(name, " of token ", row, ", head ", head, ", element ", i, " = ", actual, ", expected ", expected,
                  " within ", bound);
    return "";
  }

  std::string compare(const NamedBytes &outputs) const {
    FastRandom random(11);
    for (int sample = 0; sample < kSamples; ++sample) {
      int64_t row = sample == 0 ? 0 : sample == 1 ? rows - 1 : random.below(rows);
      int64_t head = random.below(desc.heads), kvHead = random.below(desc.kvHeads), i = random.below(desc.headDim);
      double q = rotated(row, head * desc.headDim, i);
      double actual =
          bf16ToFloat(element<uint16_t>(outputs.at("q"), size_t(row * desc.qPitch + head * desc.headDim + i)));
      if (!(std::fabs(actual - q) <= boundOf(q)))
        return text("q of token ", row, ", head ", head, ", element ", i, " = ", actual, ", expected ", q, " within ",
                    boundOf(q));
      double k = rotated(row, desc.kIn.offset + kvHead * desc.headDim, i);
      double v = input(row, desc.vIn.offset + kvHead * desc.headDim + i);
      std::string wrong = compareCached(outputs.at("k_cache"), "k", row, kvHead, i, k, kScale[size_t(kvHead)]);
      if (wrong.empty())
        wrong = compareCached(outputs.at("v_cache"), "v", row, kvHead, i, v, vScale[size_t(kvHead)]);
      if (!wrong.empty())
        return wrong;
    }
    return "";
  }
};

std::shared_ptr<Step> makeStep(const Spec &spec) {
  auto step = std::make_shared<Step>();
  RopeAppendDesc &desc = step->desc;
  desc.heads = spec.at("heads");
  desc.kvHeads = spec.at("kv_heads");
  desc.headDim = spec.at("dim");
  desc.kv = spec.words.at("kv") == "e4m3" ? ElemType::E4M3 : ElemType::BF16;
  int64_t q = desc.heads * desc.headDim, kv = desc.kvHeads * desc.headDim;
  int64_t pitch = rowPitch(q + 2 * kv, ElemType::BF16);
  desc.qIn = {pitch, 0};
  desc.kIn = {pitch, q};
  desc.vIn = {pitch, q + kv};
  desc.qPitch = q;
  desc.tableRows = kTableRows;
  step->rows = spec.at("rows");
  return step;
}

void fill(Step &step) {
  FastRandom random(13);
  const RopeAppendDesc &desc = step.desc;
  for (int64_t row = 0; row < step.rows; ++row) {
    step.positions.push_back(int32_t(random.below(kTableRows)));
    step.slots.push_back(int32_t(row));
  }
  for (int64_t i = step.rows; i > 1; --i)
    std::swap(step.slots[size_t(i - 1)], step.slots[size_t(random.below(i))]);
  for (int64_t row = 0; row < kTableRows; ++row)
    for (int64_t i = 0; i < desc.headDim / 2; ++i) {
      double angle = double(row) * std::pow(10000.0, -2.0 * double(i) / double(desc.headDim));
      step.table.push_back(float(std::cos(angle)));
      step.table.push_back(float(std::sin(angle)));
    }
  for (int64_t head = 0; head < desc.kvHeads; ++head) {
    step.kScale.push_back(0.011f + 0.001f * float(head % 8));
    step.vScale.push_back(0.017f - 0.001f * float(head % 8));
  }
  step.qkv = random.bf16(size_t(step.rows * desc.qIn.pitch));
}

} // namespace

Expected<std::unique_ptr<Problem>> makeRopeAppend(Device &device, int target, const Spec &spec, size_t rotateBytes) {
  std::shared_ptr<Step> step = makeStep(spec);
  const RopeAppendDesc &desc = step->desc;
  if (std::string wrong = checkDesc(desc, target); !wrong.empty())
    return Error{wrong, ExitCode::Usage};
  fill(*step);
  auto problem = std::make_unique<Problem>(device, target);
  problem->input("q_in", step->qkv, /*rotated=*/true);
  problem->alias("k_in", "q_in");
  problem->alias("v_in", "q_in");
  problem->input("positions", toBytes(step->positions));
  problem->input("slots", toBytes(step->slots));
  problem->table("rope_table", toBytes(step->table), double(step->rows * desc.headDim * 4));
  problem->input("k_scale", toBytes(step->kScale));
  problem->input("v_scale", toBytes(step->vScale));
  problem->output("q", size_t(step->rows * desc.qPitch * 2));
  size_t cached = size_t((step->rows + kPageSize - 1) / kPageSize * kPageSize * desc.kvHeads * desc.headDim);
  problem->output("k_cache", cached * sizeOf(desc.kv));
  problem->output("v_cache", cached * sizeOf(desc.kv));
  problem->size(Size::T, step->rows);
  if (Status s = problem->kernel(desc); !s)
    return s.takeError();
  if (Status s = problem->finish(rotateBytes, [step](const NamedBytes &outputs) { return step->compare(outputs); }); !s)
    return s.takeError();
  return problem;
}

Expected<std::unique_ptr<Problem>> makeArgmax(Device &device, int target, const Spec &spec, size_t rotateBytes) {
  int64_t rows = spec.at("rows"), columns = spec.at("columns"), pitch = rowPitch(columns, ElemType::F32);
  FastRandom random(17);
  auto x = std::make_shared<Bytes>(random.floats(size_t(rows * pitch), -8, 8));
  auto problem = std::make_unique<Problem>(device, target);
  problem->input("x", *x, /*rotated=*/true);
  problem->output("y", size_t(rows * 4));
  problem->size(Size::R, rows);
  if (Status s = problem->kernel(ArgmaxDesc{columns}, Size::R); !s)
    return s.takeError();
  auto check = [=](const NamedBytes &outputs) -> std::string {
    for (int64_t row = 0; row < rows; ++row) {
      int32_t best = 0;
      for (int64_t i = 1; i < columns; ++i)
        if (element<float>(*x, size_t(row * pitch + i)) > element<float>(*x, size_t(row * pitch + best)))
          best = int32_t(i);
      if (int32_t found = element<int32_t>(outputs.at("y"), size_t(row)); found != best)
        return text("y[", row, "] = ", found, ", expected ", best);
    }
    return "";
  };
  if (Status s = problem->finish(rotateBytes, check); !s)
    return s.takeError();
  return problem;
}

} // namespace qcc::bench
