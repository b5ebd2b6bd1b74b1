//===- PagedCache.h - A ragged batch over a paged K/V cache -------*- C++ -*-===//
//
// Host side of the attention tests: a batch, its block tables over scattered pages, and attention computed in double
// precision on the values the cache holds.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_BENCH_KERNELS_PAGEDCACHE_H
#define QCC_BENCH_KERNELS_PAGEDCACHE_H

#include "RandomData.h"
#include "qcc/CodeGen/KernelDesc.h"

#include <algorithm>

namespace qcc::bench {

/// New tokens of one sequence and all its tokens, those included.
struct Run {
  int64_t count, context;
};

struct PagedCache {
  codegen::AttentionDesc desc;
  std::vector<Run> runs;
  int64_t pagesPerSequence = 1, pages = 0;
  std::vector<int32_t> seqStarts, contextLens, blockTables;
  /// One element per cached value; those of rows that no token owns are NaN and must not be read.
  std::vector<float> k, v;
  std::vector<float> kScale, vScale;       ///< per head
  std::vector<float> kRowScale, vRowScale; ///< s8: per row of a page and head, NaN where no token owns the row

  PagedCache(const codegen::AttentionDesc &desc, std::vector<Run> runs, uint64_t seed) : desc(desc), runs(runs) {
    Random random(seed);
    seqStarts = {0};
    for (Run run : runs) {
      seqStarts.push_back(seqStarts.back() + int32_t(run.count));
      contextLens.push_back(int32_t(run.context));
      pagesPerSequence = std::max(pagesPerSequence, (run.context + codegen::kPageSize - 1) / codegen::kPageSize + 1);
    }
    // Pages are dealt in a scattered order; unused entries point far outside, so following one is an illegal address.
    std::vector<int32_t> order;
    for (size_t b = 0; b < runs.size(); ++b)
      pages += (runs[b].context + codegen::kPageSize - 1) / codegen::kPageSize;
    for (int64_t page = 0; page < pages; ++page)
      order.push_back(int32_t(page));
    for (size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[size_t(random.below(int64_t(i)))]);
    blockTables.assign(runs.size() * size_t(pagesPerSequence), 1 << 28);
    size_t next = 0;
    for (size_t b = 0; b < runs.size(); ++b)
      for (int64_t page = 0; page * codegen::kPageSize < runs[b].context; ++page)
        blockTables[b * size_t(pagesPerSequence) + size_t(page)] = order[next++];

    size_t values = size_t(pages * desc.kvHeads * codegen::kPageSize * desc.headDim);
    k.assign(values, std::nanf(""));
    v.assign(values, std::nanf(""));
    if (desc.kv == codegen::ElemType::S8) {
      kRowScale.assign(values / size_t(desc.headDim), std::nanf(""));
      vRowScale = kRowScale;
    }
    for (int64_t head = 0; head < desc.kvHeads; ++head) {
      kScale.push_back(desc.kv == codegen::ElemType::E4M3 ? 0.01f + 0.003f * float(head) : 1.0f);
      vScale.push_back(desc.kv == codegen::ElemType::E4M3 ? 0.02f - 0.001f * float(head) : 1.0f);
    }
    for (size_t b = 0; b < runs.size(); ++b)
      for (int64_t position = 0; position < runs[b].context; ++position)
        for (int64_t head = 0; head < desc.kvHeads; ++head) {
          if (desc.kv == codegen::ElemType::S8) {
            kRowScale[rowIndex(b, position, head)] = 0.01f + 0.01f * std::fabs(random.normal());
            vRowScale[rowIndex(b, position, head)] = 0.01f + 0.01f * std::fabs(random.normal());
          }
          for (int64_t i = 0; i < desc.headDim; ++i) {
            size_t at = index(b, position, head, i);
            k[at] = stored(random.normal() / keyScale(b, position, head));
            v[at] = stored(random.normal() / valueScale(b, position, head));
          }
        }
  }

  float keyScale(size_t sequence, int64_t position, int64_t head) const {
    return kRowScale.empty() ? kScale[size_t(head)] : kRowScale[rowIndex(sequence, position, head)];
  }
  float valueScale(size_t sequence, int64_t position, int64_t head) const {
    return vRowScale.empty() ? vScale[size_t(head)] : vRowScale[rowIndex(sequence, position, head)];
  }
  size_t rowIndex(size_t sequence, int64_t position, int64_t head) const {
    return index(sequence, position, head, 0) / size_t(desc.headDim);
  }
  /// Position of an element in a cache of [pages, kv_heads, 64, head_dim].
  size_t index(size_t sequence, int64_t position, int64_t head, int64_t element) const {
    int64_t page = blockTables[sequence * size_t(pagesPerSequence) + size_t(position / codegen::kPageSize)];
    return size_t(((page * desc.kvHeads + head) * codegen::kPageSize + position % codegen::kPageSize) * desc.headDim +
                  element);
  }

  /// The stored number nearest to `value`.
  float stored(float value) const {
    switch (desc.kv) {
    case codegen::ElemType::E4M3:
      return quant::e4m3ToFloat(quant::floatToE4M3(value));
    case codegen::ElemType::S8:
      return std::nearbyint(std::clamp(value, -127.0f, 127.0f));
    default:
      return quant::roundToBF16(value);
    }
  }

  /// The cache's bytes. Codes of s8 rows that no token owns are 0x80, their scales NaN.
  std::vector<uint8_t> encode(const std::vector<float> &values, const std::vector<float> &rowScales) const {
    std::vector<uint8_t> bytes;
    size_t headValues = size_t(codegen::kPageSize * desc.headDim);
    for (size_t i = 0; i < values.size(); ++i) {
      if (desc.kv == codegen::ElemType::E4M3) {
        bytes.push_back(quant::floatToE4M3(values[i]));
      } else if (desc.kv == codegen::ElemType::S8) {
        bytes.push_back(std::isnan(values[i]) ? 0x80 : uint8_t(int8_t(values[i])));
        if ((i + 1) % headValues == 0) {
          const float *scales = &rowScales[i / headValues * codegen::kPageSize];
          const auto *raw = reinterpret_cast<const uint8_t *>(scales);
          bytes.insert(bytes.end(), raw, raw + codegen::kPageSize * sizeof(float));
        }
      } else {
        uint16_t bits = quant::floatToBF16(values[i]);
        bytes.push_back(uint8_t(bits));
        bytes.push_back(uint8_t(bits >> 8));
      }
    }
    return bytes;
  }
  std::vector<uint8_t> encodedK() const { return encode(k, kRowScale); }
  std::vector<uint8_t> encodedV() const { return encode(v, vRowScale); }

  int64_t tokens() const { return seqStarts.back(); }
  int64_t longestRun() const {
    int64_t longest = 0;
    for (Run run : runs)
      longest = std::max(longest, run.count);
    return longest;
  }
  int64_t longestContext() const {
    int64_t longest = 0;
    for (Run run : runs)
      longest = std::max(longest, run.context);
    return longest;
  }

  /// One output element in double precision, and the scale of its error: sum of p |v|.
  struct Reference {
    std::vector<double> value, magnitude;
  };

  /// Attention of new token i of a sequence, one query head, from q's bf16 bits [T, qPitch].
  Reference attend(const std::vector<uint16_t> &q, size_t sequence, int64_t i, int64_t head) const {
    int64_t kvHead = head / (desc.heads / desc.kvHeads), row = seqStarts[sequence] + i;
    int64_t position = runs[sequence].context - runs[sequence].count + i;
    int64_t first = desc.window > 0 ? std::max<int64_t>(0, position - desc.window + 1) : 0;
    std::vector<double> scores;
    for (int64_t key = first; key <= position; ++key) {
      double dot = 0;
      for (int64_t e = 0; e < desc.headDim; ++e)
        dot += double(quant::bf16ToFloat(q[size_t(row * desc.qPitch + head * desc.headDim + e)])) *
               k[index(sequence, key, kvHead, e)];
      scores.push_back(dot * keyScale(sequence, key, kvHead) * desc.scale);
    }
    double best = *std::max_element(scores.begin(), scores.end()), sum = 0;
    for (double &score : scores)
      sum += score = std::exp(score - best);
    Reference reference{std::vector<double>(size_t(desc.headDim)), std::vector<double>(size_t(desc.headDim))};
    for (int64_t key = first; key <= position; ++key)
      for (int64_t e = 0; e < desc.headDim; ++e) {
        double term =
            scores[size_t(key - first)] / sum * valueScale(sequence, key, kvHead) * v[index(sequence, key, kvHead, e)];
        reference.value[size_t(e)] += term;
        reference.magnitude[size_t(e)] += std::fabs(term);
      }
    return reference;
  }
};

} // namespace qcc::bench

#endif // QCC_BENCH_KERNELS_PAGEDCACHE_H
