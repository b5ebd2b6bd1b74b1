//===- InstantiateNormalize.cpp - normalize/normalize.cuh -----------------===//

#include "ActQuantStub.h"
#include "Families.h"
#include "Stub.h"

namespace qcc::codegen {

std::string checkFamily(const NormalizeDesc &desc, int target) {
  if (desc.columns < 1 || desc.columns > 32768)
    return "normalize: columns = " + std::to_string(desc.columns) +
           " must lie in [1, 32768]: a row is held in registers";
  if (desc.groupsPerRow < 1)
    return "normalize: groupsPerRow = " + std::to_string(desc.groupsPerRow) + " must be at least 1";
  if (desc.groupsPerRow > 1 && desc.columns % 8 != 0)
    return "normalize: columns = " + std::to_string(desc.columns) + " of each group must be a multiple of 8";
  if (desc.groupsPerRow > 1 && desc.quantize != ActQuant::None)
    return "normalize: groups of a row cannot be quantized; quantize in a kernel after it";
  if (!(desc.eps >= 0))
    return "normalize: eps = " + std::to_string(desc.eps) + " must not be negative";
  return "";
}

KernelInstance instantiateFamily(const NormalizeDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS_PER_ROW", "ROWS_PER_BLOCK"}, error);
  int64_t warps = configValue(config, "WARPS_PER_ROW", 1, 32, error);
  int64_t perBlock = configValue(config, "ROWS_PER_BLOCK", 1, warps == 1 ? 32 : 1, error);
  if (error.empty() && desc.columns > 1024 * warps)
    error = "configuration: WARPS_PER_ROW = " + std::to_string(warps) + " holds at most " +
            std::to_string(1024 * warps) + " columns; the row has " + std::to_string(desc.columns);
  if (!error.empty())
    return instance;

  Stub stub("normalize", "normalize/normalize.cuh");
  stub.integer("COLUMNS", desc.columns);
  stub.integer("GROUPS", desc.groupsPerRow);
  stub.integer("WARPS_PER_ROW", warps);
  stub.integer("ROWS_PER_BLOCK", perBlock);
  stub.flag("ADD_RESIDUAL", desc.addResidual);
  writeQuantize(stub, desc.quantize);
  stub.real("EPS", float(desc.eps));

  std::string x = stub.pointer("const qcc::u16 *", "x"), residual = "nullptr", sum = "nullptr";
  if (desc.addResidual) {
    residual = stub.pointer("const qcc::u16 *", "residual");
    sum = stub.pointer("qcc::u16 *", "sum", /*written=*/true);
  }
  std::string weight = stub.pointer("const qcc::u16 *", "weight");
  std::string y = stub.pointer("void *", "y", /*written=*/true);
  std::string scales = quantScales(stub, desc.quantize);
  std::string count = stub.size("rows", rows);

  instance.grid = {GridDim{rows, desc.groupsPerRow, perBlock}, GridDim{}, GridDim{}};
  instance.block = {uint32_t(32 * warps * perBlock), 1, 1};
  stub.finish(instance, "qcc::normalize<Problem>({" + x + ", " + residual + ", " + sum + ", " + weight + ", " + y +
                            ", " + scales + ", " + count + "});");
  return instance;
}

} // namespace qcc::codegen
