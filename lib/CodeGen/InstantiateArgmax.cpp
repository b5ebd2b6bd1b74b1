//===- InstantiateArgmax.cpp - argmax/argmax.cuh --------------------------===//

#include "Families.h"
#include "Stub.h"

namespace qcc::codegen {

std::string checkFamily(const ArgmaxDesc &desc, int target) {
  if (desc.columns < 1 || desc.columns > (int64_t(1) << 24))
    return "argmax: columns = " + std::to_string(desc.columns) + " must lie in [1, 16777216]";
  return "";
}

KernelInstance instantiateFamily(const ArgmaxDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS"}, error);
  int64_t warps = configValue(config, "WARPS", 1, 32, error);
  if (!error.empty())
    return instance;

  Stub stub("argmax", "argmax/argmax.cuh");
  stub.integer("COLUMNS", desc.columns);
  stub.integer("WARPS", warps);
  std::string x = stub.pointer("const float *", "x");
  std::string y = stub.pointer("int *", "y", /*written=*/true);

  instance.grid = {GridDim{rows, 1, 1}, GridDim{}, GridDim{}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  stub.finish(instance, "qcc::argmax<Problem>(" + x + ", " + y + ");");
  return instance;
}

} // namespace qcc::codegen
