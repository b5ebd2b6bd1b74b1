//===- AttentionProblem.cpp -----------------------------------------------===//

#include "FastRandom.h"
#include "qcc/CodeGen/Attention.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr int kSamples = 24;

/// A batch of equal sequences over scattered pages; the cache holds random values everywhere.
struct Batch {
  AttentionDesc desc;
  int64_t sequences = 0, length = 0, newTokens = 0; ///< of each sequence
  std::vector<int32_t> seqStarts, contextLens, blockTables;
  Bytes q, k, v;
  std::vector<float> kScale, vScale; ///< of heads, for e4m3

  int64_t pages() const { return (length + kPageSize - 1) / kPageSize; } ///< of one sequence
  int64_t tokens() const { return sequences * newTokens; }

  /// Key or value `position` of a sequence, element i, as the number it stands for.
  double cached(const Bytes &cache, const std::vector<float> &headScale, int64_t sequence, int64_t position,
                int64_t head, int64_t i) const {
    int64_t page = blockTables[size_t(sequence * pages() + position / kPageSize)], row = position % kPageSize;
    const uint8_t *rows = &cache[size_t((page * desc.kvHeads + head) * pageHeadBytes(desc.headDim, desc.kv))];
    const uint8_t *at = rows + (row * desc.headDim + i) * sizeOf(desc.kv);
    float rowScale;
    switch (desc.kv) {
    case ElemType::E4M3:
      return e4m3ToFloat(*at) * double(headScale[size_t(head)]);
    case ElemType::S8:
      std::memcpy(&rowScale, rows + kPageSize * desc.headDim + row * int64_t(sizeof rowScale), sizeof rowScale);
      return int8_t(*at) * double(rowScale);
    default:
      return bf16ToFloat(uint16_t(at[0] | at[1] << 8));
    }
  }

  /// One head of one new token in double precision; the bound is that of the kernel's contract: both roundings to bf16,
  /// of probabilities and of the output, are each at most 2^-8 of sum p |v|.
  std::string compareHead(const Bytes &y, int64_t sequence, int64_t token, int64_t head) const {
    int64_t position = length - newTokens + token, row = sequence * newTokens + token;
    int64_t kvHead = head / (desc.heads / desc.kvHeads), d = desc.headDim;
    std::vector<double> p(size_t(position + 1)), sum(static_cast<size_t>(d)), magnitude(static_cast<size_t>(d));
    for (int64_t key = 0; key <= position; ++key) {
      double dot = 0;
      for (int64_t i = 0; i < d; ++i)
        dot += bf16ToFloat(element<uint16_t>(q, size_t(row * desc.qPitch + head * d + i))) *
               cached(k, kScale, sequence, key, kvHead, i);
      p[size_t(key)] = dot * desc.scale;
    }
    double best = *std::max_element(p.begin(), p.end()), total = 0;
    for (double &value : p)
      total += value = std::exp(value - best);
    for (int64_t key = 0; key <= position; ++key)
      for (int64_t i = 0; i < d; ++i) {
        double term = p[size_t(key)] / total * cached(v, vScale, sequence, key, kvHead, i);
        sum[size_t(i)] += term;
        magnitude[size_t(i)] += std::fabs(term);
      }
    for (int64_t i = 0; i < d; ++i) {
      double actual = bf16ToFloat(element<uint16_t>(y, size_t(row * desc.outPitch + head * d + i)));
      double bound = 0x1p-7 * magnitude[size_t(i)];
      if (!(std::fabs(actual - sum[size_t(i)]) <= bound)) // NaN, also of what was not written, fails
        return text("y[", row, ", head ", head, ", ", i, "] = ", actual, ", expected ", sum[size_t(i)], " within ",
                    bound);
    }
    return "";
  }

  std::string compare(const Bytes &y) const {
    for (size_t i = 0; i < y.size() / 2; ++i)
      if (std::isnan(bf16ToFloat(element<uint16_t>(y, i))))
        return text("y, element ", i, ", is NaN or was not written");
    FastRandom random{uint64_t(length)};
    for (int sample = 0; sample < kSamples; ++sample) {
      int64_t token = sample == 0 ? 0 : sample == 1 ? newTokens - 1 : random.below(newTokens);
      std::string wrong = compareHead(y, random.below(sequences), token, random.below(desc.heads));
      if (!wrong.empty())
        return wrong;
    }
    return "";
  }
};

AttentionDesc describe(const Spec &spec) {
  AttentionDesc desc;
  desc.heads = spec.at("heads");
  desc.kvHeads = spec.at("kv_heads");
  desc.headDim = spec.at("dim");
  desc.kv = spec.cacheType();
  desc.scale = 1 / std::sqrt(double(desc.headDim));
  desc.qPitch = desc.outPitch = desc.heads * desc.headDim;
  return desc;
}

std::shared_ptr<Batch> makeBatch(const Spec &spec) {
  auto batch = std::make_shared<Batch>();
  batch->desc = describe(spec);
  batch->sequences = spec.at("batch");
  batch->length = spec.at("len");
  batch->newTokens = spec.family == "prefill" ? batch->length : 1;
  return batch;
}

/// Values of magnitude below 4 on all pages; s8 codes have their rows' scales behind them.
Bytes drawCache(const AttentionDesc &desc, int64_t pages, FastRandom &random) {
  size_t heads = size_t(pages * desc.kvHeads), values = size_t(kPageSize * desc.headDim);
  if (desc.kv == ElemType::E4M3)
    return random.e4m3(heads * values);
  if (desc.kv == ElemType::BF16)
    return random.bf16(heads * values);
  size_t headBytes = size_t(pageHeadBytes(desc.headDim, desc.kv));
  Bytes cache = random.symmetricS8(heads * headBytes);
  for (size_t head = 0; head < heads; ++head) {
    Bytes scales = random.floats(kPageSize, 0.01, 0.02);
    std::memcpy(&cache[head * headBytes + values], scales.data(), scales.size());
  }
  return cache;
}

void fill(Batch &batch) {
  FastRandom random(5);
  const AttentionDesc &desc = batch.desc;
  for (int64_t b = 0; b < batch.sequences; ++b) {
    batch.seqStarts.push_back(int32_t(b * batch.newTokens));
    batch.contextLens.push_back(int32_t(batch.length));
  }
  batch.seqStarts.push_back(int32_t(batch.tokens()));
  int64_t pages = batch.sequences * batch.pages();
  for (int64_t page = 0; page < pages; ++page)
    batch.blockTables.push_back(int32_t(page));
  for (int64_t i = pages; i > 1; --i)
    std::swap(batch.blockTables[size_t(i - 1)], batch.blockTables[size_t(random.below(i))]);
  batch.k = drawCache(desc, pages, random);
  batch.v = drawCache(desc, pages, random);
  batch.q = random.bf16(size_t(batch.tokens() * desc.qPitch));
  for (int64_t head = 0; desc.kv == ElemType::E4M3 && head < desc.kvHeads; ++head) {
    batch.kScale.push_back(0.5f + 0.01f * float(head));
    batch.vScale.push_back(0.7f - 0.01f * float(head % 32));
  }
}

} // namespace

Plan planAttention(const Spec &spec, int target) {
  std::shared_ptr<Batch> batch = makeBatch(spec);
  AttentionDesc &desc = batch->desc;
  Plan plan;
  plan.sizes = {{Size::T, batch->tokens()},
                {Size::B, batch->sequences},
                {Size::Q, batch->newTokens},
                {Size::C, batch->length},
                {Size::P, batch->pages()}};
  using Stage = AttentionDesc::Stage;
  bool prefill = spec.family == "prefill";
  if (!prefill && checkDesc(desc, target).empty()) // kernelsOf says what is wrong
    desc.maxSplits = chooseMaxSplits(desc, batch->length, target);
  for (Stage stage : prefill ? std::vector{Stage::Prefill} : std::vector{Stage::DecodePartial, Stage::DecodeCombine}) {
    desc.stage = stage;
    plan.kernels.push_back(desc);
  }
  return plan;
}

void fillAttention(Problem &problem, const Spec &spec, const Plan &plan) {
  std::shared_ptr<Batch> batch = makeBatch(spec);
  const AttentionDesc &desc = batch->desc = std::get<AttentionDesc>(plan.kernels.front());
  fill(*batch);
  problem.input("q", batch->q);
  problem.input("k_cache", batch->k, /*rotated=*/true);
  problem.input("v_cache", batch->v, /*rotated=*/true);
  if (desc.kv == ElemType::E4M3) {
    problem.input("k_scale", toBytes(batch->kScale));
    problem.input("v_scale", toBytes(batch->vScale));
  }
  problem.input("seq_starts", toBytes(batch->seqStarts));
  problem.input("context_lens", toBytes(batch->contextLens));
  problem.input("block_tables", toBytes(batch->blockTables));
  problem.output("y", size_t(batch->tokens() * desc.outPitch * 2));
  bool prefill = spec.family == "prefill";
  double length = double(batch->length), pairs = prefill ? length * (length + 1) / 2 : length;
  problem.flops = 4.0 * double(batch->sequences * desc.heads * desc.headDim) * pairs;
  if (!prefill)
    problem.scratch("workspace", size_t(batch->sequences * decodeWorkspaceBytes(desc)));
  problem.check = [batch](const NamedBytes &outputs) { return batch->compare(outputs.at("y")); };
}

} // namespace qcc::bench
