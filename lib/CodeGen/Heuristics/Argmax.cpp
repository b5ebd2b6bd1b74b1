//===- Argmax.cpp - Warps per block ---------------------------------------===//

#include "../Families.h"

#include <algorithm>

namespace qcc::codegen {

std::vector<KernelVariant> chooseFamily(const ArgmaxDesc &desc, int target, Size rows) {
  // Four loads of four columns in flight per lane; a vocabulary takes the largest block.
  KernelVariant variant;
  variant.config.values = {{"WARPS", std::clamp<int64_t>((desc.columns + 511) / 512, 1, 32)}};
  return {variant};
}

} // namespace qcc::codegen
