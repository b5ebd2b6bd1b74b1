//===- AttentionCases.cpp - Prefill and decode against double precision ---===//
//
// Tolerance: probabilities and output are rounded to bf16 once each (unit roundoff 2^-8), so an element may be off by
// 2^-7 of sum p |v| (attention/prefill.cuh). Roundings average out, so the root mean square of all errors must lie
// below 2^-8 of that of the values: a scale or a key that is wrong by a little shows there.
//
//===----------------------------------------------------------------------===//

#include "AttentionRun.h"
#include "KernelCase.h"

namespace qcc::bench {
namespace {

using namespace codegen;

struct Shape {
  const char *name, *reason;
  int64_t heads, kvHeads, headDim;
  ElemType kv;
  int64_t window;
  std::vector<Run> runs;
};

PagedCache makeCache(const Shape &shape) {
  AttentionDesc desc;
  desc.heads = shape.heads;
  desc.kvHeads = shape.kvHeads;
  desc.headDim = shape.headDim;
  desc.kv = shape.kv;
  desc.window = shape.window;
  desc.scale = 1 / std::sqrt(double(shape.headDim));
  desc.qPitch = shape.heads * shape.headDim + 8; // a slice of a wider row
  desc.outPitch = shape.heads * shape.headDim;
  return PagedCache(desc, shape.runs, 7);
}

void compareAttention(const PagedCache &cache, const std::vector<uint16_t> &q, const std::vector<uint16_t> &y,
                      Comparison &compare) {
  const AttentionDesc &desc = cache.desc;
  double squaredErrors = 0, squares = 0;
  for (size_t b = 0; b < cache.runs.size(); ++b)
    for (int64_t i = 0; i < cache.runs[b].count; ++i)
      for (int64_t head = 0; head < desc.heads; ++head) {
        PagedCache::Reference reference = cache.attend(q, b, i, head);
        int64_t row = cache.seqStarts[b] + i;
        for (int64_t e = 0; e < desc.headDim; ++e) {
          float actual = quant::bf16ToFloat(y[size_t(row * desc.outPitch + head * desc.headDim + e)]);
          double expected = reference.value[size_t(e)];
          compare.near(actual, expected, reference.magnitude[size_t(e)] * 0x1p-7, "y", row, head * desc.headDim + e);
          squaredErrors += std::pow(actual - expected, 2);
          squares += std::pow(expected, 2);
        }
      }
  if (!(std::sqrt(squaredErrors) <= 0x1p-8 * std::sqrt(squares)))
    compare.error("root mean square error is " + std::to_string(std::sqrt(squaredErrors / squares)) +
                  " of the values, limit 0.0039");
}

CaseResult checkPrefill(Device &device, const Shape &shape, int target) {
  PagedCache cache = makeCache(shape);
  std::vector<uint16_t> q = Random{8}.bf16(size_t(cache.tokens() * cache.desc.qPitch));
  Comparison compare;
  std::string error;
  std::vector<uint16_t> y = runPrefill(device, cache, q, target, error);
  if (error.empty())
    compareAttention(cache, q, y, compare);
  else
    compare.error(error);
  return compare.result();
}

CaseResult checkDecode(Device &device, const Shape &shape, int64_t maxSplits, int target) {
  PagedCache cache = makeCache(shape);
  std::vector<uint16_t> q = Random{10}.bf16(size_t(cache.tokens() * cache.desc.qPitch));
  Comparison compare;
  std::string error;
  std::vector<uint16_t> y = runDecode(device, cache, q, maxSplits, target, error);
  if (error.empty())
    compareAttention(cache, q, y, compare);
  else
    compare.error(error);
  return compare.result();
}

std::vector<Shape> prefillShapes() {
  constexpr ElemType bf16 = ElemType::BF16, fp8 = ElemType::E4M3, int8 = ElemType::S8;
  return {
      {"one_token", "the smallest prompt", 2, 2, 64, bf16, 0, {{1, 1}}},
      {"seven_tokens", "part of a tile", 4, 2, 64, bf16, 0, {{7, 7}}},
      {"one_page", "exactly one page", 2, 1, 64, bf16, 0, {{64, 64}}},
      {"several_pages", "the loop over tiles, odd end", 2, 1, 64, bf16, 0, {{300, 300}}},
      {"ragged",
       "six runs, one of them empty, new and continued",
       4,
       2,
       64,
       bf16,
       0,
       {{1, 1}, {0, 5}, {17, 80}, {1, 130}, {65, 65}, {30, 94}}},
      {"chunk", "a chunk that starts and ends inside pages", 2, 2, 64, bf16, 0, {{70, 190}}},
      {"diagonal",
       "the first token's position is the last but one of a tile: one key of it must be masked",
       1,
       1,
       64,
       bf16,
       0,
       {{8, 70}}},
      {"window", "window shorter than the prompt", 2, 1, 64, bf16, 40, {{150, 150}, {3, 200}}},
      {"window_one", "each token sees itself only", 1, 1, 64, bf16, 1, {{20, 20}}},
      {"window_page", "window of exactly one page", 1, 1, 64, bf16, 64, {{130, 130}}},
      {"group8", "eight query heads per K/V head", 8, 1, 64, bf16, 0, {{33, 40}}},
      {"group3", "a group that does not divide the tile", 6, 2, 64, bf16, 0, {{33, 33}}},
      {"dim16", "one block of elements", 2, 1, 16, bf16, 0, {{70, 70}}},
      {"dim32", "two blocks", 2, 1, 32, bf16, 0, {{70, 70}}},
      {"dim80", "odd number of blocks", 2, 1, 80, bf16, 0, {{70, 70}}},
      {"dim96", "Phi-3's head", 2, 1, 96, bf16, 0, {{70, 70}}},
      {"dim128", "Llama's head", 4, 1, 128, bf16, 0, {{70, 135}}},
      {"dim256", "the widest head: tiles of half a page", 2, 1, 256, bf16, 0, {{70, 70}}},
      {"fp8", "quantized cache", 4, 2, 64, fp8, 0, {{150, 150}, {5, 70}}},
      {"fp8_dim16", "rows of one 16-byte chunk", 2, 1, 16, fp8, 0, {{70, 70}}},
      {"fp8_dim80", "odd number of chunks: no row padding", 2, 1, 80, fp8, 0, {{70, 70}}},
      {"fp8_dim128", "Llama's head, quantized", 4, 1, 128, fp8, 0, {{70, 135}}},
      {"fp8_dim256_window", "everything at once", 2, 1, 256, fp8, 30, {{70, 70}}},
      {"int8", "a scale per row", 4, 2, 64, int8, 0, {{150, 150}, {5, 70}}},
      {"int8_one_token", "scales of three rows past the context share the key's 16 bytes", 2, 2, 64, int8, 0, {{1, 1}}},
      {"int8_dim16", "rows of one 16-byte chunk", 2, 1, 16, int8, 0, {{70, 70}}},
      {"int8_dim80", "odd number of chunks: no row padding", 2, 1, 80, int8, 0, {{70, 70}}},
      {"int8_dim128", "Llama's head, a scale per row", 4, 1, 128, int8, 0, {{70, 135}}},
      {"int8_dim256_window", "everything at once", 2, 1, 256, int8, 30, {{70, 70}}},
  };
}

std::vector<Shape> decodeShapes() {
  constexpr ElemType bf16 = ElemType::BF16, fp8 = ElemType::E4M3, int8 = ElemType::S8;
  return {
      {"first_token", "context of one", 2, 2, 64, bf16, 0, {{1, 1}}},
      {"part_of_slice", "three of four warps without keys", 4, 2, 64, bf16, 0, {{1, 7}}},
      {"end_of_page", "context of one page", 4, 1, 64, bf16, 0, {{1, 64}}},
      {"start_of_page", "one key on the second page", 4, 1, 64, bf16, 0, {{1, 65}}},
      {"mixed",
       "contexts with different split counts, one sequence idle",
       8,
       2,
       64,
       bf16,
       0,
       {{1, 300}, {1, 1}, {0, 90}, {1, 129}, {1, 700}}},
      {"window", "splits begin at the window's first page", 2, 1, 64, bf16, 100, {{1, 500}, {1, 50}, {1, 228}}},
      {"group16", "a full tile of query heads", 16, 1, 64, bf16, 0, {{1, 200}}},
      {"group20", "two tiles of query heads, the second partial", 20, 1, 64, bf16, 0, {{1, 200}}},
      {"dim16", "one block of elements", 2, 1, 16, bf16, 0, {{1, 200}}},
      {"dim80", "odd number of blocks", 2, 1, 80, bf16, 0, {{1, 200}}},
      {"dim128", "Llama's head", 4, 1, 128, bf16, 0, {{1, 200}}},
      {"dim256", "two warps", 2, 1, 256, bf16, 0, {{1, 200}}},
      {"fp8", "quantized cache", 4, 2, 64, fp8, 0, {{1, 300}, {1, 65}}},
      {"fp8_dim80", "odd number of chunks", 2, 1, 80, fp8, 0, {{1, 200}}},
      {"fp8_dim128", "Llama's head, quantized", 4, 1, 128, fp8, 0, {{1, 200}}},
      {"fp8_dim256_window", "everything at once", 2, 1, 256, fp8, 90, {{1, 200}}},
      {"int8", "a scale per row", 4, 2, 64, int8, 0, {{1, 300}, {1, 65}}},
      {"int8_first_token",
       "scales of three rows past the context share the key's 16 bytes",
       2,
       2,
       64,
       int8,
       0,
       {{1, 1}}},
      {"int8_dim80", "odd number of chunks", 2, 1, 80, int8, 0, {{1, 200}}},
      {"int8_dim128", "Llama's head, a scale per row", 4, 1, 128, int8, 0, {{1, 200}}},
      {"int8_dim256_window", "everything at once", 2, 1, 256, int8, 90, {{1, 200}}},
  };
}

} // namespace

std::vector<KernelCase> attentionCases() {
  std::vector<KernelCase> cases;
  for (const Shape &shape : prefillShapes())
    cases.push_back({std::string("prefill_") + shape.name, shape.reason,
                     [shape](Device &device, int target) { return checkPrefill(device, shape, target); }});
  for (const Shape &shape : decodeShapes())
    for (int64_t maxSplits : {1, 4})
      cases.push_back({std::string("decode_") + shape.name + "_splits" + std::to_string(maxSplits), shape.reason,
                       [=](Device &device, int target) { return checkDecode(device, shape, maxSplits, target); }});
  return cases;
}

} // namespace qcc::bench
