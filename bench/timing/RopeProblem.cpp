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
  std::vector<float> table, kScale, vScale; ///< scales of heads, for e4m3
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

  /// The element at `i` of what one token appends for one head, against `expected`, the head's elements in double
  /// precision.
  std::string compareCached(const Bytes &cache, const char *name, int64_t row, int64_t head, int64_t i,
                            const std::vector<double> &expected, float headScale) const {
    int64_t slot = slots[size_t(row)], pageRow = slot % kPageSize;
    const uint8_t *rows =
        &cache[size_t((slot / kPageSize * desc.kvHeads + head) * pageHeadBytes(desc.headDim, desc.kv))];
    const uint8_t *at = rows + (pageRow * desc.headDim + i) * sizeOf(desc.kv);
    double value = expected[size_t(i)], actual = 0, bound = boundOf(value);
    if (desc.kv == ElemType::BF16) {
      actual = bf16ToFloat(uint16_t(at[0] | at[1] << 8));
    } else if (desc.kv == ElemType::E4M3) {
      actual = e4m3ToFloat(*at) * double(headScale);
      // e4m3 rounds once more, to 2^-4 of the value or half of its smallest step, 2^-10 scales.
      bound += 0x1p-4 * 1.01 * std::fabs(value) + 0x1p-9 * headScale;
    } else {
      double largest = 0;
      for (double each : expected)
        largest = std::max(largest, std::fabs(each));
      float scale; // of this row, behind all rows
      std::memcpy(&scale, rows + kPageSize * desc.headDim + pageRow * int64_t(sizeof scale), sizeof scale);
      if (!(std::fabs(scale * 127.0 - largest) <= boundOf(largest)))
        return text("scale of ", name, " of token ", row, ", head ", head, " = ", scale, ", expected ", largest / 127,
                    " within ", boundOf(largest) / 127);
      actual = int8_t(*at) * double(scale);
      bound += 0.501 * scale; // half a step
    }
    if (!(std::fabs(actual - value) <= bound))
      return text(name, " of token ", row, ", head ", head, ", element ", i, " = ", actual, ", expected ", value,
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
      std::vector<double> k, v;
      for (int64_t j = 0; j < desc.headDim; ++j) {
        k.push_back(rotated(row, desc.kIn.offset + kvHead * desc.headDim, j));
        v.push_back(input(row, desc.vIn.offset + kvHead * desc.headDim + j));
      }
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
  desc.kv = spec.cacheType();
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

Plan planRopeAppend(const Spec &spec, int) { return {{makeStep(spec)->desc}, {{Size::T, spec.at("rows")}}}; }

void fillRopeAppend(Problem &problem, const Spec &spec, const Plan &) {
  std::shared_ptr<Step> step = makeStep(spec);
  const RopeAppendDesc &desc = step->desc;
  fill(*step);
  problem.input("q_in", step->qkv, /*rotated=*/true);
  problem.alias("k_in", "q_in");
  problem.alias("v_in", "q_in");
  problem.input("positions", toBytes(step->positions));
  problem.input("slots", toBytes(step->slots));
  problem.table("rope_table", toBytes(step->table), double(step->rows * desc.headDim * 4));
  if (desc.kv == ElemType::E4M3) {
    problem.input("k_scale", toBytes(step->kScale));
    problem.input("v_scale", toBytes(step->vScale));
  }
  problem.output("q", size_t(step->rows * desc.qPitch * 2));
  int64_t pages = (step->rows + kPageSize - 1) / kPageSize, headBytes = pageHeadBytes(desc.headDim, desc.kv);
  double written = double(step->rows * desc.kvHeads * headBytes) / kPageSize;
  problem.output("k_cache", size_t(pages * desc.kvHeads * headBytes), written);
  problem.output("v_cache", size_t(pages * desc.kvHeads * headBytes), written);
  problem.check = [step](const NamedBytes &outputs) { return step->compare(outputs); };
}

Plan planArgmax(const Spec &spec, int) {
  return {{ArgmaxDesc{spec.at("columns")}}, {{Size::R, spec.at("rows")}}, Size::R};
}

void fillArgmax(Problem &problem, const Spec &spec, const Plan &) {
  int64_t rows = spec.at("rows"), columns = spec.at("columns"), pitch = rowPitch(columns, ElemType::F32);
  FastRandom random(17);
  auto x = std::make_shared<Bytes>(random.floats(size_t(rows * pitch), -8, 8));
  problem.input("x", *x, /*rotated=*/true);
  problem.output("y", size_t(rows * 4));
  problem.check = [=](const NamedBytes &outputs) -> std::string {
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
}

} // namespace qcc::bench
