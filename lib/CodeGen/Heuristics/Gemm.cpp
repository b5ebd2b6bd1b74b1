//===- Gemm.cpp - Blocks, warps and stages --------------------------------===//
//
// Up to 64 tokens the weights' bytes are the cost: every multiprocessor must have many of them on the way. Blocks are
// then narrow in out-features, so that there are enough of them, and their warps split K. With more tokens blocks grow,
// so that a weight is used more often.
//
//===----------------------------------------------------------------------===//

#include "../Families.h"
#include "../GemmShape.h"
#include "../Stub.h"
#include "../Targets.h"
#include "TuningTable.h"

#include <algorithm>
#include <bit>

namespace qcc::codegen {
namespace {

/// Bounds of the variants; the last one has none.
constexpr int64_t kBuckets[] = {8, 16, 32, 64, 256, 0};

/// Rows of a block whose warps all split K, so that one warp has them all, and still gives every multiprocessor four
/// blocks.
int64_t rowsPerWarp(const GemmDesc &desc, int target) {
  return ceilDiv(desc.n, 32) >= 4 * multiprocessors(target) ? 32 : 16;
}

GemmShape choose(const GemmDesc &desc, int target, int64_t bucket) {
  GemmShape shape;
  int64_t most = maxAccumulators(desc);
  // 128 bytes of a token per slice, whatever the type.
  shape.blockK = 128 / sizeOf(infoOf(desc.weights).x);
  if (bucket != 0 && bucket <= 32) {
    shape.blockN = bucket;
    shape.blockM = std::min(rowsPerWarp(desc, target), most / shape.blockN);
    shape.warpsK = bucket == 32 ? 4 : 8;
  } else if (bucket != 0) {
    // Two warps share a slice of X, which now weighs as much as the weights.
    shape.blockN = std::clamp<int64_t>(most / 32, 32, 64);
    shape.warpsM = 2;
    int64_t rows = ceilDiv(desc.n, 64) >= multiprocessors(target) ? 32 : 16;
    shape.blockM = shape.warpsM * std::min(rows, most / shape.blockN);
    shape.warpsK = 2;
  } else {
    // The largest blocks that stay in registers.
    shape.blockN = std::clamp<int64_t>(most / 32, 32, 128);
    shape.warpsM = 4;
    shape.blockM = shape.warpsM * std::min<int64_t>(32, most / shape.blockN);
  }
  // A short K: no warp without a slice.
  int64_t slices = ceilDiv(desc.k, shape.blockK);
  shape.warpsK = std::min<int64_t>(shape.warpsK, int64_t(std::bit_floor(uint64_t(slices))));
  // As many stages as fit, but no more than there are steps.
  int64_t steps = ceilDiv(slices, shape.warpsK);
  shape.stages = std::clamp<int64_t>(kMaxSharedBytes / shape.stageBytes(desc), 2, 6);
  shape.stages = std::clamp<int64_t>(steps, 2, shape.stages);
  return shape;
}

/// "bf16 n=4096 k=4096", "s4 n=4096 k=4096 group=128"
std::string problemName(const GemmDesc &desc) {
  std::string name = infoOf(desc.weights).name + (" n=" + std::to_string(desc.n)) + " k=" + std::to_string(desc.k);
  return desc.group != 0 ? name + " group=" + std::to_string(desc.group) : name;
}

} // namespace

std::vector<KernelVariant> chooseFamily(const GemmDesc &desc, int target, Size rows) {
  std::vector<KernelVariant> variants;
  for (int64_t bucket : kBuckets) {
    KernelVariant variant;
    if (bucket != 0)
      variant.bounds = {{rows, bucket}};
    const KernelConfig *tuned = findTuned("gemm", target, problemName(desc), bucket);
    variant.config = tuned ? *tuned : choose(desc, target, bucket).config();
    // One variant instead of two with the same kernel.
    if (!variants.empty() && variants.back().config.values == variant.config.values)
      variants.pop_back();
    variants.push_back(std::move(variant));
  }
  return variants;
}

} // namespace qcc::codegen
