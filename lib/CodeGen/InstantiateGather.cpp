//===- InstantiateGather.cpp - gather/gather.cuh --------------------------===//

#include "Families.h"
#include "Stub.h"

namespace qcc::codegen {

std::string checkFamily(const GatherDesc &desc, int target) {
  if (desc.columns < 1 || desc.columns > (int64_t(1) << 24))
    return "gather: columns = " + std::to_string(desc.columns) + " must lie in [1, 16777216]";
  if (desc.tablePitch < desc.columns)
    return "gather: tablePitch = " + std::to_string(desc.tablePitch) + " must be at least the " +
           std::to_string(desc.columns) + " columns";
  return "";
}

KernelInstance instantiateFamily(const GatherDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS"}, error);
  int64_t warps = configValue(config, "WARPS", 1, 32, error);
  if (!error.empty())
    return instance;

  Stub stub("gather", "gather/gather.cuh");
  stub.integer("COLUMNS", desc.columns);
  stub.integer("TABLE_PITCH", desc.tablePitch);
  stub.integer("WARPS", warps);
  std::string table = stub.pointer("const qcc::u16 *", "table");
  std::string index = stub.pointer("const int *", "index");
  std::string y = stub.pointer("qcc::u16 *", "y", /*written=*/true);

  instance.grid = {GridDim{rows, 1, 1}, GridDim{std::nullopt, desc.columns, 8 * 32 * warps}, GridDim{}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  stub.finish(instance, "qcc::gather<Problem>(" + table + ", " + index + ", " + y + ");");
  return instance;
}

} // namespace qcc::codegen
