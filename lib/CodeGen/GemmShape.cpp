//===- GemmShape.cpp - A GEMM configuration's numbers ---------------------===//

#include "GemmShape.h"
#include "Stub.h"
#include "Targets.h"

#include <algorithm>
#include <bit>

namespace qcc::codegen {
namespace {

constexpr int64_t kMaxGridY = 65535;

} // namespace

int64_t unitColumns(WeightFormat format) {
  const WeightFormatInfo &info = infoOf(format);
  return (info.isSparse ? 64 : 32) / sizeOf(info.x);
}

int64_t maxAccumulators(const GemmDesc &desc) {
  // Scaled formats keep a group's sums and the total. ptxas widens e4m3 operands to f16 on sm_90, whose tensor cores
  // take e4m3 only through wgmma, and rearranges the metadata of sparse ones.
  const WeightFormatInfo &format = infoOf(desc.weights);
  if (format.x == ElemType::E4M3)
    return format.isSparse ? 512 : format.isBlockScaled || format.mayHaveGroups ? 1024 : 2048;
  return scaledColumns(desc) == 0 ? 4096 : 2048;
}

int64_t scaledColumns(const GemmDesc &desc) { return infoOf(desc.weights).isBlockScaled ? 128 : desc.group; }

GemmShape GemmShape::of(const GemmDesc &desc, const KernelConfig &config, std::string &error) {
  GemmShape shape;
  shape.blockM = configValue(config, "BLOCK_M", 16, 256, error);
  shape.blockN = configValue(config, "BLOCK_N", 8, 128, error);
  shape.blockK = configValue(config, "BLOCK_K", 64, 256, error);
  shape.warpsM = configValue(config, "WARPS_M", 1, 8, error);
  shape.warpsK = configValue(config, "WARPS_K", 1, 16, error);
  shape.stages = configValue(config, "STAGES", 2, 8, error);
  if (!error.empty())
    return shape;
  auto refuse = [&](bool wrong, const std::string &message) {
    if (wrong && error.empty())
      error = "gemm configuration: " + message;
  };
  refuse(shape.blockM % (16 * shape.warpsM) != 0,
         "BLOCK_M = " + std::to_string(shape.blockM) +
             " must be a multiple of 16 * WARPS_M = " + std::to_string(16 * shape.warpsM));
  int64_t tile = maxAccumulators(desc);
  refuse(shape.warpAccumulators() > tile, "a warp's " + std::to_string(shape.blockM / shape.warpsM) + " x " +
                                              std::to_string(shape.blockN) + " accumulators must be at most " +
                                              std::to_string(tile) +
                                              ", or they spill; use more warps or smaller blocks");
  refuse(shape.blockN != 8 && shape.blockN != 16 && shape.blockN != 32 && shape.blockN != 64 && shape.blockN != 128,
         "BLOCK_N = " + std::to_string(shape.blockN) + " must be 8, 16, 32, 64 or 128");
  refuse(shape.blockK != 64 && shape.blockK != 128 && shape.blockK != 256,
         "BLOCK_K = " + std::to_string(shape.blockK) + " must be 64, 128 or 256");
  refuse(!std::has_single_bit(uint64_t(shape.warpsM)),
         "WARPS_M = " + std::to_string(shape.warpsM) + " must be 1, 2, 4 or 8");
  refuse(shape.threads() > 512,
         "WARPS_M * WARPS_K = " + std::to_string(shape.warpsM * shape.warpsK) + " must be at most 16");
  refuse(ceilDiv(desc.n, shape.blockM) > kMaxGridY,
         "n = " + std::to_string(desc.n) + " needs more than " + std::to_string(kMaxGridY) +
             " blocks of BLOCK_M = " + std::to_string(shape.blockM) + "; use a larger BLOCK_M");
  refuse(shape.sharedBytes(desc) > kMaxSharedBytes,
         "needs " + std::to_string(shape.sharedBytes(desc)) + " bytes of shared memory, a block has " +
             std::to_string(kMaxSharedBytes) + "; use fewer STAGES or smaller blocks");
  return shape;
}

int64_t GemmShape::stageBytes(const GemmDesc &desc) const {
  const WeightFormatInfo &format = infoOf(desc.weights);
  int64_t perWarp = blockM * blockK * format.weightBits / 8; // of the WARPS_M warps together
  if (format.isSparse)
    perWarp += blockM * blockK / 8; // two bits for each of half the weights
  int64_t group = scaledColumns(desc), groups = 1, xScales = 0;
  if (group != 0) {
    int64_t units = blockK / unitColumns(desc.weights), groupUnits = group / unitColumns(desc.weights);
    bool aligned = units % groupUnits == 0 || groupUnits % units == 0;
    groups = aligned ? ceilDiv(units, groupUnits) : (units + groupUnits - 2) / groupUnits + 1;
  }
  if (format.isBlockScaled) {
    perWarp += warpsM * ceilDiv(groups * blockM / warpsM / 16, 4) * 16;
    xScales = groups * blockN * 4;
  } else if (group != 0) {
    perWarp += groups * blockM * 2;
  }
  if (format.hasZeros)
    perWarp += groups * blockM * 2;
  return warpsK * (blockN * blockK * sizeOf(format.x) + xScales + perWarp);
}

int64_t GemmShape::sharedBytes(const GemmDesc &desc) const {
  return std::max(stages * stageBytes(desc), warpsK * blockN * (blockM + 4) * 4);
}

} // namespace qcc::codegen
