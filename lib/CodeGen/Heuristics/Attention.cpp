//===- Attention.cpp - Tiles, stages and splits ---------------------------===//

#include "qcc/CodeGen/Attention.h"
#include "../Families.h"
#include "../Targets.h"

#include <algorithm>

namespace qcc::codegen {

using Stage = AttentionDesc::Stage;

std::vector<KernelVariant> chooseFamily(const AttentionDesc &desc, int target, Size rows) {
  KernelVariant variant;
  // Both stages of decode serve steps in which every sequence has at most one new token.
  if (desc.stage != Stage::Prefill)
    variant.bounds = {{Size::Q, 1}};
  int64_t rowBytes = desc.headDim * sizeOf(desc.kv);
  switch (desc.stage) {
  case Stage::Prefill:
    // Four warps of 16 rows. A page at a time; half of one where two stages of K and V would not fit shared memory, or
    // where the output (headDim registers per row pair) leaves no room for 64 keys' scores.
    variant.config.values = {{"WARPS", 4}, {"BLOCK_KV", desc.headDim > 128 ? 32 : 64}};
    break;
  case Stage::DecodePartial:
    // About 70 KB per block: several blocks fit a multiprocessor of sm_80 and sm_90, one that of sm_89.
    if (rowBytes > 256)
      variant.config.values = {{"WARPS", 2}, {"STAGES", 2}};
    else
      variant.config.values = {{"WARPS", 4}, {"STAGES", rowBytes > 192 ? 2 : rowBytes > 128 ? 3 : 4}};
    break;
  case Stage::DecodeCombine:
    variant.config.values = {{"WARPS", std::min<int64_t>(desc.heads, 4)}};
    break;
  }
  return {variant};
}

int64_t chooseMaxSplits(const AttentionDesc &desc, int64_t maxContext, int target) {
  // Two blocks per multiprocessor, for one sequence; a split has at least two pages (attention/decode.cuh,
  // kMinPagesPerSplit).
  int64_t blocksPerSplit = desc.kvHeads * ((desc.heads / desc.kvHeads + 15) / 16);
  int64_t useful = (maxContext + 2 * kPageSize - 1) / (2 * kPageSize);
  return std::clamp<int64_t>((2 * multiprocessors(target) + blocksPerSplit - 1) / blocksPerSplit, 1,
                             std::clamp<int64_t>(useful, 1, 128));
}

int64_t decodeWorkspaceBytes(const AttentionDesc &desc) {
  return desc.heads * desc.maxSplits * (desc.headDim + 4) * int64_t(sizeof(float));
}

} // namespace qcc::codegen
