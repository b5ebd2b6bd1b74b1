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
constexpr int64_t kMaxGridY = 65535;

const char *formatName(WeightFormat format) {
  switch (format) {
  case WeightFormat::BF16:
    return "BF16";
  case WeightFormat::E4M3:
    return "E4M3";
  case WeightFormat::S4:
    return "S4";
  }
  return "";
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
  if (desc.weights == WeightFormat::E4M3 && target < 89)
    return "gemm: e4m3 products need sm_89 or later, the target is sm_" + std::to_string(target) +
           "; choose another target, or w4a16 or bf16 weights";
  if (desc.weights == WeightFormat::S4 && (desc.group < 16 || desc.group % 16 != 0))
    return "gemm: group = " + std::to_string(desc.group) + " must be a positive multiple of 16";
  if (desc.weights != WeightFormat::S4 && desc.group != 0)
    return "gemm: group = " + std::to_string(desc.group) + " must be 0 for weights without group scales";
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
  int64_t tile = desc.weights == WeightFormat::BF16 ? 4096 : 2048;
  int64_t perWarp = shape.blockM / shape.warpsM * shape.blockN;
  refuse(perWarp > tile, "a warp's " + std::to_string(shape.blockM / shape.warpsM) + " x " +
                             std::to_string(shape.blockN) + " accumulators must be at most " + std::to_string(tile) +
                             ", or they spill; use more warps or smaller blocks");
  refuse(shape.blockN != 8 && shape.blockN != 16 && shape.blockN != 32 && shape.blockN != 64 && shape.blockN != 128,
         "BLOCK_N = " + std::to_string(shape.blockN) + " must be 8, 16, 32, 64 or 128");
  refuse(shape.blockK % 64 != 0, "BLOCK_K = " + std::to_string(shape.blockK) + " must be a multiple of 64");
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
  int64_t elementBytes = desc.weights == WeightFormat::E4M3 ? 1 : 2;
  int64_t bitsPerWeight = desc.weights == WeightFormat::S4 ? 4 : 8 * elementBytes;
  int64_t scales = 0;
  if (desc.weights == WeightFormat::S4) {
    int64_t units = blockK / 16, groupUnits = desc.group / 16;
    bool aligned = units % groupUnits == 0 || groupUnits % units == 0;
    int64_t groups = aligned ? ceilDiv(units, groupUnits) : (units + groupUnits - 2) / groupUnits + 1;
    scales = groups * blockM * 2;
  }
  return warpsK * (blockN * blockK * elementBytes + blockM * blockK * bitsPerWeight / 8 + scales);
}

int64_t GemmShape::sharedBytes(const GemmDesc &desc) const {
  return std::max(stages * stageBytes(desc), warpsK * blockN * (blockM + 4) * 4);
}

KernelInstance instantiateFamily(const GemmDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  KernelInstance instance;
  refuseUnknown(config, {"BLOCK_M", "BLOCK_N", "BLOCK_K", "WARPS_M", "WARPS_K", "STAGES"}, error);
  GemmShape shape = GemmShape::of(desc, config, error);
  if (!error.empty())
    return instance;

  Stub stub("gemm", "gemm/gemm.cuh");
  stub.before(printFunctor(desc.epilogue, "Epilogue"));
  stub.member(std::string("static constexpr qcc::WeightFormat FORMAT = qcc::WeightFormat::") +
              formatName(desc.weights) + ";");
  stub.integer("N", desc.n);
  stub.integer("K", desc.k);
  stub.integer("GROUP", desc.group); // 0 without group scales
  stub.integer("BLOCK_M", shape.blockM);
  stub.integer("BLOCK_N", shape.blockN);
  stub.integer("BLOCK_K", shape.blockK);
  stub.integer("WARPS_M", shape.warpsM);
  stub.integer("WARPS_K", shape.warpsK);
  stub.integer("STAGES", shape.stages);
  stub.flag("OUTPUT_F32", desc.output == ElemType::F32);

  std::string weights = stub.pointer("const qcc::u8 *", "weights");
  std::string weightScale =
      desc.weights == WeightFormat::BF16 ? "nullptr" : stub.pointer("const void *", "weight_scale");
  std::string x = stub.pointer("const qcc::u8 *", "x");
  std::string xScale = desc.weights == WeightFormat::E4M3 ? stub.pointer("const float *", "x_scale") : "nullptr";
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
  instance.minTarget = desc.weights == WeightFormat::E4M3 ? 89 : 80;
  stub.finish(instance, "qcc::gemm<Problem>(qcc::GemmArgs<" + std::to_string(desc.operands.size()) + ">{" + weights +
                            ", " + weightScale + ", " + x + ", " + xScale + ", {" +
                            (operands.empty() ? "nullptr" : operands) + "}, " + y + ", " + count + "});");
  return instance;
}

} // namespace qcc::codegen
