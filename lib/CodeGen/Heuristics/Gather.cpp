//===- Gather.cpp - Warps per block ---------------------------------------===//

#include "../Families.h"

#include <algorithm>

namespace qcc::codegen {

std::vector<KernelVariant> chooseFamily(const GatherDesc &desc, int target, Size rows) {
  // One vector of eight columns per lane; a warp covers 256 columns.
  KernelVariant variant;
  variant.config.values = {{"WARPS", std::clamp<int64_t>((desc.columns + 255) / 256, 1, 4)}};
  return {variant};
}

} // namespace qcc::codegen
