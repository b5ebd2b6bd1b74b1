//===- InstantiateGemm.cpp - gemm/gemm.cuh --------------------------------===//

#include "Families.h"
#include "GemmShape.h"
#include "Stub.h"
#include "Targets.h"

#include <algorithm>

namespace qcc::codegen {
namespace {

constexpr int64_t kMaxOperands = 8;
// Index arithmetic inside a row is 32 bits wide on the device.
constexpr int64_t kMaxN = int64_t(1) << 24, kMaxK = int64_t(1) << 24;
// 2^17 products of at most 127 * 128 stay below 2^31.
constexpr int64_t kMaxIntegerK = int64_t(1) << 17;

/// Enumerator of gemm/shape.cuh.
const char *enumeratorOf(WeightFormat format) {
  static constexpr const char *names[] = {"BF16",   "E4M3", "S4",         "E4M3Block",  "S8",      "S4Zero",
                                          "S4E4M3", "S8A8", "BF16Sparse", "E4M3Sparse", "S8Sparse"};
  return names[int(format)];
}

std::string range(const char *field, int64_t value, int64_t limit) {
  if (value >= 1 && value <= limit)
    return "";
  return std::string("gemm: ") + field + " = " + std::to_string(value) + " must lie in [1, " + std::to_string(limit) +
         "]";
}

} // namespace

std::string checkFamily(const GemmDesc &desc, int target) {
  if (std::string wrong = range("n", desc.n, kMaxN); !wrong.empty())
    return wrong;
  if (std::string wrong = range("k", desc.k, kMaxK); !wrong.empty())
    return wrong;
  const WeightFormatInfo &format = infoOf(desc.weights);
  if (format.x == ElemType::E4M3 && target < 89)
    return "gemm: e4m3 products need sm_89 or later, the target is sm_" + std::to_string(target) +
           "; choose another target, or int8, w4a16 or bf16 weights";
  if (format.x == ElemType::S8 && desc.k > kMaxIntegerK)
    return "gemm: k = " + std::to_string(desc.k) + " must be at most " + std::to_string(kMaxIntegerK) +
           " for s8 products, or their s32 sums may overflow; exclude the layer or use fp8 or w8a16 weights";
  if (int64_t unit = unitColumns(desc.weights); format.mayHaveGroups && (desc.group < 0 || desc.group % unit != 0))
    return "gemm: group = " + std::to_string(desc.group) + " must be a positive multiple of " + std::to_string(unit) +
           ", or 0 for one scale per row";
  if (!format.mayHaveGroups && desc.group != 0)
    return "gemm: group = " + std::to_string(desc.group) + " must be 0 for " + format.name +
           " weights, which have no scales of groups";
  if (desc.xTensorScale && !format.mayHaveTensorScale())
    return std::string("gemm: ") + format.name + " weights do not take activations with one scale";
  if (desc.output != ElemType::BF16 && desc.output != ElemType::F32)
    return std::string("gemm: output type ") + nameOf(desc.output) + " must be bf16 or f32";
  if (int64_t(desc.operands.size()) > kMaxOperands)
    return "gemm: " + std::to_string(desc.operands.size()) + " operands; there may be at most " +
           std::to_string(kMaxOperands);
  for (size_t i = 0; i < desc.operands.size(); ++i)
    if (desc.operands[i].second != ElemType::BF16 && desc.operands[i].second != ElemType::F32)
      return "gemm: operand " + std::to_string(i) + " has type " + nameOf(desc.operands[i].second) +
             "; it must be bf16 or f32";
  if (desc.epilogue.numInputs != int32_t(desc.operands.size()) + 1)
    return "gemm: the epilogue has " + std::to_string(desc.epilogue.numInputs) +
           " inputs; there must be one more than the " + std::to_string(desc.operands.size()) + " operands";
  if (std::string wrong = check(desc.epilogue); !wrong.empty())
    return "gemm: " + wrong;
  return "";
}

KernelInstance instantiateFamily(const GemmDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"BLOCK_M", "BLOCK_N", "BLOCK_K", "WARPS_M", "WARPS_K", "STAGES"}, error);
  GemmShape shape = GemmShape::of(desc, config, error);
  if (!error.empty())
    return instance;

  Stub stub("gemm", "gemm/gemm.cuh");
  stub.before(printFunctor(desc.epilogue, "Epilogue"));
  const WeightFormatInfo &format = infoOf(desc.weights);
  stub.member(std::string("static constexpr qcc::WeightFormat FORMAT = qcc::WeightFormat::") +
              enumeratorOf(desc.weights) + ";");
  stub.integer("N", desc.n);
  stub.integer("K", desc.k);
  stub.integer("GROUP", scaledColumns(desc)); // 0 without scales of groups
  stub.flag("TENSOR_SCALE", desc.xTensorScale);
  stub.integer("BLOCK_M", shape.blockM);
  stub.integer("BLOCK_N", shape.blockN);
  stub.integer("BLOCK_K", shape.blockK);
  stub.integer("WARPS_M", shape.warpsM);
  stub.integer("WARPS_K", shape.warpsK);
  stub.integer("STAGES", shape.stages);
  stub.flag("OUTPUT_F32", desc.output == ElemType::F32);
  // Zero points take registers beside the largest sets of accumulators. With so many stages in shared memory there are
  // at most two blocks anyway; for a third ptxas would spill.
  if (format.hasZeros && desc.group != 0 && shape.warpAccumulators() == maxAccumulators(desc))
    stub.allowOneBlock();

  std::string weights = stub.pointer("const qcc::u8 *", "weights");
  std::string metadata = format.isSparse ? stub.pointer("const qcc::u8 *", "metadata") : "nullptr";
  std::string weightScale = format.hasWeightScale ? stub.pointer("const void *", "weight_scale") : "nullptr";
  std::string zeros = format.hasZeros ? stub.pointer("const qcc::u16 *", "zeros") : "nullptr";
  std::string x = stub.pointer("const qcc::u8 *", "x");
  std::string xScale = format.hasXScale() ? stub.pointer("const float *", "x_scale") : "nullptr";
  std::string operands, loads;
  for (size_t i = 0; i < desc.operands.size(); ++i) {
    auto [kind, type] = desc.operands[i];
    operands += (i ? ", " : "") + stub.pointer("const void *", "operand" + std::to_string(i));
    std::string index =
        kind == GemmDesc::Operand::PerColumn ? "n" : "t * " + std::to_string(rowPitch(desc.n, type)) + " + n";
    loads += std::string(", qcc::loadOperand<") + (type == ElemType::BF16 ? "true" : "false") + ">(operands[" +
             std::to_string(i) + "], " + index + ")";
  }
  std::string y = stub.pointer("void *", "y", /*written=*/true);
  std::string count = stub.size("rows", rows);
  stub.member("__device__ static float epilogue(float acc, const void *const *operands, qcc::i64 t, int n) {");
  stub.member("  return Epilogue::apply(acc" + loads + ");");
  stub.member("}");

  instance.grid = {GridDim{rows, 1, shape.blockN}, GridDim{std::nullopt, desc.n, shape.blockM}, GridDim{}};
  instance.block = {uint32_t(shape.threads()), 1, 1};
  instance.dynamicSharedBytes = uint32_t(shape.sharedBytes(desc));
  instance.minTarget = format.x == ElemType::E4M3 ? 89 : 80;
  stub.finish(instance, "qcc::gemm<Problem>(qcc::GemmArgs<" + std::to_string(desc.operands.size()) + ">{" + weights +
                            ", " + metadata + ", " + weightScale + ", " + zeros + ", " + x + ", " + xScale + ", {" +
                            (operands.empty() ? "nullptr" : operands) + "}, " + y + ", " + count + "});");
  return instance;
}

} // namespace qcc::codegen
