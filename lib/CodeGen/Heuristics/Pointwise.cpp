//===- Pointwise.cpp - Warps per block ------------------------------------===//

#include "../Families.h"

#include <algorithm>

namespace qcc::codegen {

std::vector<KernelVariant> chooseFamily(const PointwiseDesc &desc, int target, Size rows) {
  // Rows are cut into blocks of 1024 columns, which spreads a single row over several multiprocessors. A row with one
  // scale stays in one block, two vectors of eight per lane while that is possible.
  KernelVariant variant;
  int64_t warps = isPerRow(desc.quantize) ? std::clamp<int64_t>((desc.columns + 511) / 512, 1, 32) : 4;
  variant.config.values = {{"WARPS", warps}};
  return {variant};
}

} // namespace qcc::codegen
