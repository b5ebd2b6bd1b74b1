//===- InstantiatePointwise.cpp - pointwise/pointwise.cuh -----------------===//

#include "ActQuantStub.h"
#include "Families.h"
#include "Stub.h"

namespace qcc::codegen {
namespace {

constexpr int64_t kMaxInputs = 8;

} // namespace

std::string checkFamily(const PointwiseDesc &desc, int target) {
  if (desc.columns < 1 || desc.columns > 65536)
    return "pointwise: columns = " + std::to_string(desc.columns) + " must lie in [1, 65536]";
  if (desc.inputs.empty() || int64_t(desc.inputs.size()) > kMaxInputs)
    return "pointwise: " + std::to_string(desc.inputs.size()) + " inputs; there must be 1 to " +
           std::to_string(kMaxInputs);
  if (desc.program.numInputs != int32_t(desc.inputs.size()))
    return "pointwise: the program has " + std::to_string(desc.program.numInputs) + " inputs, the description " +
           std::to_string(desc.inputs.size());
  for (size_t i = 0; i < desc.inputs.size(); ++i)
    if (desc.inputs[i].offset < 0 || desc.inputs[i].offset + desc.columns > desc.inputs[i].pitch)
      return "pointwise: input " + std::to_string(i) + ": columns " + std::to_string(desc.inputs[i].offset) + " to " +
             std::to_string(desc.inputs[i].offset + desc.columns) + " must lie inside its pitch of " +
             std::to_string(desc.inputs[i].pitch);
  if (std::string wrong = check(desc.program); !wrong.empty())
    return "pointwise: " + wrong;
  return "";
}

KernelInstance instantiateFamily(const PointwiseDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"WARPS"}, error);
  int64_t warps = configValue(config, "WARPS", 1, 32, error);
  if (!error.empty())
    return instance;

  Stub stub("pointwise", "pointwise/pointwise.cuh");
  std::vector<int64_t> pitches, offsets;
  for (const RowSlice &input : desc.inputs) {
    pitches.push_back(input.pitch);
    offsets.push_back(input.offset);
  }
  std::string inputs = std::to_string(desc.inputs.size());
  stub.before(printFunctor(desc.program, "Body"));
  stub.integer("COLUMNS", desc.columns);
  stub.integer("INPUTS", int64_t(desc.inputs.size()));
  stub.integer("WARPS", warps);
  writeQuantize(stub, desc.quantize);
  stub.table("pitch", pitches);
  stub.table("offset", offsets);
  std::string operands, pointers;
  for (size_t i = 0; i < desc.inputs.size(); ++i) {
    operands += (i ? ", v[" : "v[") + std::to_string(i) + "]";
    pointers += (i ? ", " : "") + stub.pointer("const qcc::u16 *", "input" + std::to_string(i));
  }
  stub.member("__device__ static float apply(const float (&v)[" + inputs + "]) { return Body::apply(" + operands +
              "); }");
  std::string y = stub.pointer("void *", "y", /*written=*/true);
  std::string scales = quantScales(stub, desc.quantize);

  instance.grid = {GridDim{rows, 1, 1},
                   isPerRow(desc.quantize) ? GridDim{} : GridDim{std::nullopt, desc.columns, 8 * 32 * warps},
                   GridDim{}};
  instance.block = {uint32_t(32 * warps), 1, 1};
  stub.finish(instance, "qcc::pointwise<Problem>({{" + pointers + "}, " + y + ", " + scales + "});");
  return instance;
}

} // namespace qcc::codegen
