//===- GemmCase.cpp -------------------------------------------------------===//

#include "GemmCase.h"

#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"
#include "qcc/Support/Text.h"

#include <cmath>
#include <cstring>
#include <random>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr uint16_t kNanBF16 = 0x7fc0;
constexpr uint8_t kNanE4M3 = 0x7f;
constexpr uint8_t kPoison = 0xee;
constexpr int64_t kGuardRows = 3;

class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}
  double uniform() { return double(engine() >> 11) * 0x1p-52 - 1; } ///< [-1, 1)
  int64_t below(int64_t limit) { return int64_t(engine() % uint64_t(limit)); }

private:
  std::mt19937_64 engine;
};

template <typename T> std::vector<uint8_t> bytesOf(const std::vector<T> &values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  if (!bytes.empty())
    std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// A case's operands, dequantized for the oracle and in stored form for the kernel.
struct Operands {
  std::vector<double> w, x; ///< dense [n, k], [rows, k]; scales included except E4M3's
  std::vector<double> weightScale, xScale;
  std::vector<float> bias, residual; ///< dense
  HostData data;
};

void fillWeights(const GemmCase &gemm, Random &random, Operands &operands) {
  int64_t n = gemm.n, k = gemm.k;
  operands.w.resize(size_t(n * k));
  auto &buffers = operands.data.buffers;
  switch (gemm.format) {
  case WeightFormat::BF16: {
    std::vector<uint16_t> stored(size_t(n * k));
    for (size_t i = 0; i < stored.size(); ++i) {
      stored[i] = floatToBF16(float(random.uniform()));
      operands.w[i] = bf16ToFloat(stored[i]);
    }
    buffers["weights"].resize(size_t(packedBytes(FragmentFormat::BF16, paddedRows(n), k)));
    packFragmentsBF16(stored, n, k, buffers["weights"]);
    break;
  }
  case WeightFormat::E4M3: {
    std::vector<uint8_t> stored(size_t(n * k));
    for (size_t i = 0; i < stored.size(); ++i) {
      stored[i] = floatToE4M3(float(random.uniform() * 448));
      operands.w[i] = e4m3ToFloat(stored[i]);
    }
    buffers["weights"].resize(size_t(packedBytes(FragmentFormat::E4M3, paddedRows(n), k)));
    packFragmentsE4M3(stored, n, k, buffers["weights"]);
    std::vector<float> scales(static_cast<size_t>(n)), packed(size_t(paddedRows(n)));
    for (float &scale : scales)
      scale = float(0.002 + 0.001 * random.uniform());
    operands.weightScale.assign(scales.begin(), scales.end());
    packChannelScales(scales, packed);
    buffers["weight_scale"] = bytesOf(packed);
    break;
  }
  case WeightFormat::S4: {
    int64_t groups = (k + gemm.group - 1) / gemm.group;
    std::vector<int8_t> codes(size_t(n * k));
    std::vector<uint16_t> scales(size_t(n * groups)), packed(size_t(paddedRows(n) * groups));
    for (uint16_t &scale : scales)
      scale = floatToBF16(float(0.1 + 0.05 * random.uniform()));
    for (int64_t row = 0; row < n; ++row)
      for (int64_t column = 0; column < k; ++column) {
        int8_t code = int8_t(random.below(16) - 8);
        codes[size_t(row * k + column)] = code;
        operands.w[size_t(row * k + column)] =
            code * double(bf16ToFloat(scales[size_t(row * groups + column / gemm.group)]));
      }
    buffers["weights"].resize(size_t(packedBytes(FragmentFormat::S4, paddedRows(n), k)));
    packFragmentsS4(codes, n, k, buffers["weights"]);
    packGroupScales(scales, n, groups, packed);
    buffers["weight_scale"] = bytesOf(packed);
    break;
  }
  }
}

void fillActivations(const GemmCase &gemm, Random &random, Operands &operands) {
  int64_t rows = gemm.rows, k = gemm.k;
  operands.x.resize(size_t(rows * k));
  if (gemm.format == WeightFormat::E4M3) {
    int64_t pitch = rowPitch(k, ElemType::E4M3);
    std::vector<uint8_t> stored(size_t(rows * pitch), kNanE4M3);
    std::vector<float> scales(static_cast<size_t>(rows));
    for (float &scale : scales)
      scale = float(0.002 + 0.001 * random.uniform());
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < k; ++column) {
        uint8_t code = floatToE4M3(float(random.uniform() * 448));
        stored[size_t(row * pitch + column)] = code;
        operands.x[size_t(row * k + column)] = e4m3ToFloat(code);
      }
    operands.xScale.assign(scales.begin(), scales.end());
    operands.data.buffers["x"] = stored;
    operands.data.buffers["x_scale"] = bytesOf(scales);
    return;
  }
  int64_t pitch = rowPitch(k, ElemType::BF16);
  std::vector<uint16_t> stored(size_t(rows * pitch), kNanBF16);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < k; ++column) {
      uint16_t bits = floatToBF16(float(random.uniform()));
      stored[size_t(row * pitch + column)] = bits;
      operands.x[size_t(row * k + column)] = bf16ToFloat(bits);
    }
  operands.data.buffers["x"] = bytesOf(stored);
}

void fillEpilogue(const GemmCase &gemm, Random &random, Operands &operands) {
  using Epilogue = GemmCase::Epilogue;
  if (gemm.epilogue == Epilogue::Bias || gemm.epilogue == Epilogue::Silu) {
    operands.bias.resize(size_t(gemm.n));
    for (float &value : operands.bias)
      value = float(3 * random.uniform());
    operands.data.buffers["operand0"] = bytesOf(operands.bias);
  } else if (gemm.epilogue == Epilogue::Residual) {
    int64_t pitch = rowPitch(gemm.n, ElemType::BF16);
    std::vector<uint16_t> stored(size_t(gemm.rows * pitch), kNanBF16);
    operands.residual.resize(size_t(gemm.rows * gemm.n));
    for (int64_t row = 0; row < gemm.rows; ++row)
      for (int64_t column = 0; column < gemm.n; ++column) {
        uint16_t bits = floatToBF16(float(3 * random.uniform()));
        stored[size_t(row * pitch + column)] = bits;
        operands.residual[size_t(row * gemm.n + column)] = bf16ToFloat(bits);
      }
    operands.data.buffers["operand0"] = bytesOf(stored);
  }
}

/// The epilogue in double precision, without its roundings.
double oracleEpilogue(const GemmCase &gemm, const Operands &operands, double acc, int64_t row, int64_t column) {
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

std::string compare(const GemmCase &gemm, const Operands &operands, CaseResult &result) {
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
        actual = bf16ToFloat(bits);
      }
      double sum = 0, magnitude = 0;
      for (int64_t i = 0; i < gemm.k; ++i) {
        double product = operands.w[size_t(column * gemm.k + i)] * operands.x[size_t(row * gemm.k + i)];
        sum += product;
        magnitude += std::fabs(product);
      }
      if (gemm.format == WeightFormat::E4M3) {
        double scale = operands.weightScale[size_t(column)] * operands.xScale[size_t(row)];
        sum *= scale;
        magnitude *= scale;
      }
      double expected = oracleEpilogue(gemm, operands, sum, row, column);
      double bound = 0x1p-16 * magnitude + (wide ? 0x1p-21 : 0x1p-8) * std::fabs(expected);
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

const char *formatName(WeightFormat format) {
  return format == WeightFormat::BF16 ? "bf16" : format == WeightFormat::E4M3 ? "e4m3" : "s4";
}

} // namespace

GemmDesc GemmCase::desc() const {
  GemmDesc desc;
  desc.n = n;
  desc.k = k;
  desc.weights = format;
  desc.group = format == WeightFormat::S4 ? group : 0;
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
  std::string name = text("gemm ", formatName(format), " n=", n, " k=", k, " rows=", rows);
  if (format == WeightFormat::S4)
    name += text(" group=", group);
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
  Random random(uint64_t(gemm.n * 1000003 + gemm.k * 1009 + gemm.rows));
  Operands operands;
  fillWeights(gemm, random, operands);
  fillActivations(gemm, random, operands);
  fillEpilogue(gemm, random, operands);
  operands.data.sizes[Size::T] = gemm.rows;
  operands.data.buffers["y"].assign(
      size_t((gemm.rows + kGuardRows) * rowPitch(gemm.n, gemm.output) * sizeOf(gemm.output)), kPoison);
  if (Status s = runOnce(device, *instance, target, operands.data); !s) {
    result.failure = s.error().message;
    return result;
  }
  result.failure = compare(gemm, operands, result);
  return result;
}

} // namespace qcc::bench
