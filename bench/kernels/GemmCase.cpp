//===- GemmCase.cpp -------------------------------------------------------===//

#include "GemmCase.h"

#include "GemmOperands.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Text.h"

#include <cmath>
#include <cstring>

namespace qcc::bench {

using namespace codegen;

namespace {

constexpr uint8_t kPoison = 0xee;
constexpr int64_t kGuardRows = 3;

/// The epilogue in double precision, without its roundings.
double oracleEpilogue(const GemmCase &gemm, const GemmOperands &operands, double acc, int64_t row, int64_t column) {
  switch (gemm.epilogue) {
  case GemmCase::Epilogue::Plain:
    return acc;
  case GemmCase::Epilogue::Bias:
    return acc + operands.bias[size_t(column)];
  case GemmCase::Epilogue::Residual:
    return acc + operands.residual[size_t(row * gemm.n + column)];
  case GemmCase::Epilogue::Silu: {
    double s = acc + operands.bias[size_t(column)];
    return s / (1 + std::exp(-s));
  }
  }
  return acc;
}

/// `shortSums`: the device cuts the terms of an e4m3 product (ptx/mma_e4m3.cuh).
std::string compare(const GemmCase &gemm, const GemmOperands &operands, bool shortSums, CaseResult &result) {
  bool wide = gemm.output == ElemType::F32;
  int64_t pitch = rowPitch(gemm.n, gemm.output);
  const std::vector<uint8_t> &y = operands.data.buffers.at("y");
  for (int64_t row = 0; row < gemm.rows + kGuardRows; ++row)
    for (int64_t column = 0; column < pitch; ++column) {
      const uint8_t *at = y.data() + (row * pitch + column) * sizeOf(gemm.output);
      if (row >= gemm.rows || column >= gemm.n) {
        for (unsigned i = 0; i < sizeOf(gemm.output); ++i)
          if (at[i] != kPoison)
            return text("y[", row, ", ", column, "] lies outside the result and was written");
        continue;
      }
      double actual;
      if (wide) {
        float value;
        std::memcpy(&value, at, sizeof value);
        actual = value;
      } else {
        uint16_t bits;
        std::memcpy(&bits, at, sizeof bits);
        actual = quant::bf16ToFloat(bits);
      }
      double sum = 0, magnitude = 0, squares = 0;
      for (int64_t i = 0; i < gemm.k; ++i) {
        double product = operands.w[size_t(column * gemm.k + i)] * operands.x[size_t(row * gemm.k + i)];
        sum += product;
        magnitude += std::fabs(product);
        squares += product * product;
      }
      double expected = oracleEpilogue(gemm, operands, sum, row, column);
      // An exact sum may be zero where the oracle's own roundings are not.
      bool exact = infoOf(gemm.format).x == ElemType::S8;
      double bound = (exact ? 0x1p-22 * std::fabs(sum) + 0x1p-48 * magnitude : 0x1p-16 * magnitude) +
                     (wide ? 0x1p-21 : 0x1p-8) * std::fabs(expected);
      if (shortSums)
        bound += 0x1p-11 * std::sqrt(squares);
      // The epilogues that round in between: half a unit of what they round.
      if (gemm.epilogue == GemmCase::Epilogue::Residual || gemm.epilogue == GemmCase::Epilogue::Silu)
        bound += 0x1p-8 * (std::fabs(sum) + 3);
      double error = std::fabs(actual - expected);
      if (!(error <= bound))
        return text("y[", row, ", ", column, "] = ", actual, ", expected ", expected, " within ", bound);
      result.worst = std::max(result.worst, error / bound);
    }
  return "";
}

} // namespace

GemmDesc GemmCase::desc() const {
  GemmDesc desc;
  desc.n = n;
  desc.k = k;
  desc.weights = format;
  desc.group = group;
  desc.xTensorScale = xTensorScale;
  desc.output = output;
  ScalarProgram &program = desc.epilogue;
  switch (epilogue) {
  case Epilogue::Plain:
    program = {1, {}, 0};
    break;
  case Epilogue::Bias:
    desc.operands = {{GemmDesc::Operand::PerColumn, ElemType::F32}};
    program = {2, {{ScalarOp::Add, 0, 1}}, 2};
    break;
  case Epilogue::Residual:
    desc.operands = {{GemmDesc::Operand::PerElement, ElemType::BF16}};
    program = {2, {{ScalarOp::RoundBF16, 0}, {ScalarOp::Add, 2, 1}}, 3};
    break;
  case Epilogue::Silu:
    desc.operands = {{GemmDesc::Operand::PerColumn, ElemType::F32}};
    program = {2,
               {{ScalarOp::Add, 0, 1},
                {ScalarOp::RoundBF16, 2},
                {ScalarOp::Neg, 3},
                {ScalarOp::Exp, 4},
                {ScalarOp::Constant, -1, -1, 1.0f},
                {ScalarOp::Add, 5, 6},
                {ScalarOp::Div, 3, 7}},
               8};
    break;
  }
  return desc;
}

std::string GemmCase::name() const {
  static const char *const epilogues[] = {"plain", "bias", "residual", "silu"};
  std::string name = text("gemm ", infoOf(format).name, " n=", n, " k=", k, " rows=", rows);
  if (infoOf(format).mayHaveGroups)
    name += text(" group=", group);
  if (xTensorScale)
    name += " tensor-scale";
  name += text(" ", epilogues[int(epilogue)], " ", nameOf(output));
  for (const auto &[key, value] : config.values)
    name += text(" ", key, "=", value);
  return name;
}

Expected<KernelInstance> GemmCase::instantiate(int target) const {
  GemmDesc problem = desc();
  if (std::string wrong = checkDesc(problem, target); !wrong.empty())
    return Error{wrong};
  KernelConfig chosen = config;
  if (chosen.values.empty())
    for (const KernelVariant &variant : chooseVariants(problem, target, Size::T))
      if (variant.bounds.empty() || rows <= variant.bounds[0].second) {
        chosen = variant.config;
        break;
      }
  std::string error;
  KernelInstance instance = codegen::instantiate(problem, chosen, Size::T, error);
  if (!error.empty())
    return Error{error};
  return instance;
}

CaseResult checkGemm(Device &device, const GemmCase &gemm, int target) {
  Expected<KernelInstance> instance = gemm.instantiate(target);
  if (!instance)
    return {instance.error().message, 0};
  CaseResult result;
  GemmOperands operands = GemmOperands::random(gemm);
  operands.data.sizes[Size::T] = gemm.rows;
  operands.data.buffers["y"].assign(
      size_t((gemm.rows + kGuardRows) * rowPitch(gemm.n, gemm.output) * sizeOf(gemm.output)), kPoison);
  if (Status s = runOnce(device, *instance, target, operands.data); !s) {
    result.failure = s.error().message;
    return result;
  }
  bool shortSums = infoOf(gemm.format).x == ElemType::E4M3 && device.capability() == 89;
  result.failure = compare(gemm, operands, shortSums, result);
  return result;
}

} // namespace qcc::bench
