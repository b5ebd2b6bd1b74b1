//===- GemmFormat.cpp - What weight formats imply -------------------------===//

#include "qcc/CodeGen/KernelDesc.h"

namespace qcc::codegen {

const WeightFormatInfo &infoOf(WeightFormat format) {
  using T = ElemType;
  // In the order of WeightFormat.
  static constexpr WeightFormatInfo infos[] = {
      {.name = "bf16", .x = T::BF16, .weightBits = 16, .hasWeightScale = false},
      {.name = "e4m3", .x = T::E4M3, .weightBits = 8},
      {.name = "s4", .x = T::BF16, .weightBits = 4, .mayHaveGroups = true},
      {.name = "e4m3_block", .x = T::E4M3, .weightBits = 8, .isBlockScaled = true},
      {.name = "s8", .x = T::BF16, .weightBits = 8, .mayHaveGroups = true},
      {.name = "s4_zero", .x = T::BF16, .weightBits = 4, .mayHaveGroups = true, .hasZeros = true},
      {.name = "s4_e4m3", .x = T::E4M3, .weightBits = 4, .mayHaveGroups = true},
      {.name = "s8a8", .x = T::S8, .weightBits = 8},
      {.name = "bf16_24", .x = T::BF16, .weightBits = 8, .hasWeightScale = false, .isSparse = true},
      {.name = "e4m3_24", .x = T::E4M3, .weightBits = 4, .isSparse = true},
      {.name = "s8_24", .x = T::S8, .weightBits = 4, .isSparse = true},
  };
  return infos[int(format)];
}

} // namespace qcc::codegen
