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
  std::vector<float> kScale, vScale;

  int64_t pages() const { return (length + kPageSize - 1) / kPageSize; } ///< of one sequence
  int64_t tokens() const { return sequences * newTokens; }

  double cached(const Bytes &cache, int64_t sequence, int64_t position, int64_t head, int64_t i) const {
    int64_t page = blockTables[size_t(sequence * pages() + position / kPageSize)];
    size_t at = size_t(((page * desc.kvHeads + head) * kPageSize + position % kPageSize) * desc.headDim + i);
    return desc.kv == ElemType::E4M3 ? e4m3ToFloat(cache[at]) : bf16ToFloat(element<uint16_t>(cache, at));
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
               cached(k, sequence, key, kvHead, i);
      p[size_t(key)] = dot * kScale[size_t(kvHead)] * desc.scale;
    }
    double best = *std::max_element(p.begin(), p.end()), total = 0;
    for (double &value : p)
      total += value = std::exp(value - best);
    for (int64_t key = 0; key <= position; ++key)
      for (int64_t i = 0; i < d; ++i) {
        double term = p[size_t(key)] / total * vScale[size_t(kvHead)] * cached(v, sequence, key, kvHead, i);
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

std::shared_ptr<Batch> makeBatch(const Spec &spec) {
  auto batch = std::make_shared<Batch>();
  AttentionDesc &desc = batch->desc;
  desc.heads = spec.at("heads");
  desc.kvHeads = spec.at("kv_heads");
  desc.headDim = spec.at("dim");
  desc.kv = spec.words.at("kv") == "e4m3" ? ElemType::E4M3 : ElemType::BF16;
  desc.scale = 1 / std::sqrt(double(desc.headDim));
  desc.qPitch = desc.outPitch = desc.heads * desc.headDim;
  batch->sequences = spec.at("batch");
  batch->length = spec.at("len");
  batch->newTokens = spec.family == "prefill" ? batch->length : 1;
  return batch;
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
  size_t values = size_t(pages * desc.kvHeads * kPageSize * desc.headDim);
  bool e4m3 = desc.kv == ElemType::E4M3;
  batch.k = e4m3 ? random.e4m3(values) : random.bf16(values);
  batch.v = e4m3 ? random.e4m3(values) : random.bf16(values);
  batch.q = random.bf16(size_t(batch.tokens() * desc.qPitch));
  for (int64_t head = 0; head < desc.kvHeads; ++head) {
    batch.kScale.push_back(e4m3 ? 0.5f + 0.01f * float(head) : 1.0f);
    batch.vScale.push_back(e4m3 ? 0.7f - 0.01f * float(head % 32) : 1.0f);
  }
}

} // namespace

Expected<std::unique_ptr<Problem>> makeAttention(Device &device, int target, const Spec &spec, size_t rotateBytes) {
  std::shared_ptr<Batch> batch = makeBatch(spec);
  AttentionDesc &desc = batch->desc;
  if (std::string wrong = checkDesc(desc, target); !wrong.empty())
    return Error{wrong, ExitCode::Usage};
  fill(*batch);
  auto problem = std::make_unique<Problem>(device, target);
  problem->input("q", batch->q);
  problem->input("k_cache", batch->k, /*rotated=*/true);
  problem->input("v_cache", batch->v, /*rotated=*/true);
  problem->input("k_scale", toBytes(batch->kScale));
  problem->input("v_scale", toBytes(batch->vScale));
  problem->input("seq_starts", toBytes(batch->seqStarts));
  problem->input("context_lens", toBytes(batch->contextLens));
  problem->input("block_tables", toBytes(batch->blockTables));
  problem->output("y", size_t(batch->tokens() * desc.outPitch * 2));
  problem->size(Size::T, batch->tokens());
  problem->size(Size::B, batch->sequences);
  problem->size(Size::Q, batch->newTokens);
  problem->size(Size::C, batch->length);
  problem->size(Size::P, batch->pages());

  bool prefill = spec.family == "prefill";
  double length = double(batch->length), pairs = prefill ? length * (length + 1) / 2 : length;
  problem->flops = 4.0 * double(batch->sequences * desc.heads * desc.headDim) * pairs;
  if (!prefill)
    desc.maxSplits = chooseMaxSplits(desc, batch->length, target);
  using Stage = AttentionDesc::Stage;
  for (Stage stage : prefill ? std::vector{Stage::Prefill} : std::vector{Stage::DecodePartial, Stage::DecodeCombine}) {
    desc.stage = stage;
    if (Status s = problem->kernel(desc); !s)
      return s.takeError();
  }
  if (!prefill)
    problem->scratch("workspace", size_t(batch->sequences * decodeWorkspaceBytes(desc)));
  auto check = [batch](const NamedBytes &outputs) { return batch->compare(outputs.at("y")); };
  if (Status s = problem->finish(rotateBytes, check); !s)
    return s.takeError();
  return problem;
}

} // namespace qcc::bench
