//===- Normalize.cpp - Warps per row --------------------------------------===//

#include "../Families.h"

#include <algorithm>
#include <bit>

namespace qcc::codegen {

std::vector<KernelVariant> chooseFamily(const NormalizeDesc &desc, int target, Size rows) {
  // Up to 1024 columns one warp holds the row (four vectors of eight per lane) and no barrier is needed. Wider rows get
  // two vectors per lane: enough loads in flight, few registers.
  KernelVariant variant;
  if (desc.columns <= 1024) {
    variant.config.values = {{"WARPS_PER_ROW", 1}, {"ROWS_PER_BLOCK", 4}};
  } else {
    int64_t warps = std::clamp<int64_t>(int64_t(std::bit_ceil(uint64_t(desc.columns + 511) / 512)), 2, 32);
    variant.config.values = {{"WARPS_PER_ROW", warps}, {"ROWS_PER_BLOCK", 1}};
  }
  return {variant};
}

} // namespace qcc::codegen
