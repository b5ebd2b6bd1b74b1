//===- RopeAppend.cpp - Warps per token -----------------------------------===//

#include "../Families.h"

#include <algorithm>
#include <bit>

namespace qcc::codegen {

std::vector<KernelVariant> chooseFamily(const RopeAppendDesc &desc, int target, Size rows) {
  // A lane takes sixteen elements; up to sixteen warps do a token in one round.
  int64_t lanes = (desc.heads + 2 * desc.kvHeads) * int64_t(std::bit_ceil(uint64_t(desc.headDim / 16)));
  KernelVariant variant;
  variant.config.values = {{"WARPS", std::clamp<int64_t>((lanes + 31) / 32, 1, 16)}};
  return {variant};
}

} // namespace qcc::codegen
