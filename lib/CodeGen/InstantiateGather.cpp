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
  if (desc.table != ElemType::BF16 && desc.table != ElemType::E4M3 && desc.table != ElemType::S8)
    return std::string("gather: table type ") + nameOf(desc.table) + " must be bf16, e4m3 or s8";
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
  const char *table = desc.table == ElemType::E4M3 ? "E4M3" : desc.table == ElemType::S8 ? "S8" : "BF16";
  stub.constant("TABLE", std::string("qcc::GatherTable::") + table);
  std::string arguments = stub.pointer("const void *", "table");
  arguments += ", " + (desc.table == ElemType::BF16 ? "nullptr" : stub.pointer("const float *", "table_scale"));
  arguments += ", " + stub.pointer("const int *", "index");
  arguments += ", " + stub.pointer("qcc::u16 *", "y", /*written=*/true);

  instance.grid = {GridDim{rows, 1, 1}, GridDim{std::nullopt, desc.columns, 8 * 32 * warps}, GridDim{}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  stub.finish(instance, "qcc::gather<Problem>({" + arguments + "});");
  return instance;
}

} // namespace qcc::codegen
