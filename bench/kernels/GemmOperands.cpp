//===- GemmOperands.cpp ---------------------------------------------------===//

#include "GemmOperands.h"

#include "GemmPacking.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"

#include <cstring>

namespace qcc::bench {

using namespace codegen;
using namespace quant;

namespace {

constexpr uint16_t kNanBF16 = 0x7fc0;
constexpr int64_t kBlock = 128; ///< rows and columns of a scale block

class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}
  double uniform() { return double(engine() >> 11) * 0x1p-52 - 1; } ///< [-1, 1)
  int64_t below(int64_t limit) { return int64_t(engine() % uint64_t(limit)); }
  /// Of either sign, magnitude within a third of `typical`.
  float scale(double typical) { return float(typical * (1 + uniform() / 3) * (below(2) ? 1 : -1)); }

private:
  std::mt19937_64 engine;
};

template <typename T> std::vector<uint8_t> bytesOf(const std::vector<T> &values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  if (!bytes.empty())
    std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Typical scale of codes whose root mean square is some 60 % of `largest`, for weights of about 1.
double typicalScale(double largest) { return 1.5 / largest; }

/// Which columns of a row may differ from zero: all, or two of each four.
std::vector<bool> drawMask(bool sparse, int64_t k, Random &random) {
  std::vector<bool> mask(size_t(k), !sparse);
  for (int64_t four = 0; sparse && four < k; four += 4) {
    int64_t first = random.below(4), second = (first + 1 + random.below(3)) % 4;
    for (int64_t i : {first, second})
      if (four + i < k)
        mask[size_t(four + i)] = true;
  }
  return mask;
}

struct WeightMaker {
  const GemmCase &gemm;
  const WeightFormatInfo &format;
  Random &random;
  GemmOperands &operands;

  int64_t n = gemm.n, k = gemm.k;
  int64_t groupColumns = format.isBlockScaled ? kBlock : gemm.group ? gemm.group : k;
  int64_t groups = ceilDiv(k, groupColumns);
  bool integer = format.mayHaveGroups || format.x == ElemType::S8;
  bool fourBits =
      gemm.format == WeightFormat::S4 || gemm.format == WeightFormat::S4Zero || gemm.format == WeightFormat::S4E4M3;

  /// Scales as the oracle takes them, [n, groups], and in the kernel's form.
  std::vector<double> scales() {
    auto &packed = operands.data.buffers["weight_scale"];
    std::vector<double> values(size_t(n * groups), 1.0);
    if (!format.hasWeightScale) {
      operands.data.buffers.erase("weight_scale");
    } else if (format.mayHaveGroups) {
      std::vector<uint16_t> stored(size_t(n * groups)), out(size_t(paddedRows(n) * groups));
      for (size_t i = 0; i < stored.size(); ++i) {
        stored[i] = floatToBF16(random.scale(typicalScale(fourBits ? 8 : 128)));
        values[i] = bf16ToFloat(stored[i]);
      }
      packGroupScales(stored, n, groups, out);
      packed = bytesOf(out);
    } else if (format.isBlockScaled) {
      std::vector<float> stored(size_t(ceilDiv(n, kBlock) * groups));
      for (float &value : stored)
        value = random.scale(typicalScale(448));
      for (int64_t row = 0; row < n; ++row)
        for (int64_t group = 0; group < groups; ++group)
          values[size_t(row * groups + group)] = stored[size_t(row / kBlock * groups + group)];
      packed = bytesOf(stored);
    } else {
      std::vector<float> stored(static_cast<size_t>(n)), out(size_t(paddedRows(n)));
      for (size_t i = 0; i < stored.size(); ++i)
        values[i] = stored[i] = random.scale(typicalScale(integer ? 128 : 448));
      packChannelScales(stored, out);
      packed = bytesOf(out);
    }
    return values;
  }

  std::vector<int> zeros() {
    std::vector<int> values(size_t(n * groups), 0);
    if (!format.hasZeros)
      return values;
    std::vector<int8_t> stored(size_t(n * groups));
    for (size_t i = 0; i < stored.size(); ++i)
      values[i] = stored[i] = int8_t(random.below(16) - 8);
    std::vector<uint16_t> out(size_t(paddedRows(n) * groups));
    packGroupZeros(stored, n, groups, out);
    operands.data.buffers["zeros"] = bytesOf(out);
    return values;
  }

  void run() {
    std::vector<double> scale = scales();
    std::vector<int> zero = zeros();
    operands.w.resize(size_t(n * k));
    int width = integer || format.x == ElemType::E4M3 ? 1 : 2;
    std::vector<uint8_t> stored(size_t(n * k * width));
    for (int64_t row = 0; row < n; ++row) {
      std::vector<bool> mask = drawMask(format.isSparse, k, random);
      for (int64_t column = 0; column < k; ++column) {
        size_t at = size_t(row * k + column), group = size_t(row * groups + column / groupColumns);
        double value;
        if (!mask[size_t(column)]) {
          value = 0;
        } else if (integer) {
          int code = int(fourBits ? random.below(16) - 8 : random.below(256) - 128);
          stored[at] = uint8_t(code);
          value = code - zero[group];
        } else if (format.x == ElemType::E4M3) {
          stored[at] = floatToE4M3(float(random.uniform() * 448));
          value = e4m3ToFloat(stored[at]);
        } else {
          uint16_t bits = floatToBF16(float(random.uniform()));
          std::memcpy(stored.data() + at * 2, &bits, 2);
          value = bf16ToFloat(bits);
        }
        operands.w[at] = value * scale[group];
      }
    }
    operands.data.buffers["weights"] = packWeights(gemm.format, stored, n, k);
    if (format.isSparse)
      operands.data.buffers["metadata"] = packMetadata(gemm.format, stored, n, k);
  }
};

/// Codes, or bf16; what lies behind a row's last column is NaN, or a code that activations never have.
void fillActivations(const GemmCase &gemm, Random &random, GemmOperands &operands) {
  const WeightFormatInfo &format = infoOf(gemm.format);
  int64_t rows = gemm.rows, k = gemm.k, pitch = rowPitch(k, format.x);
  operands.x.resize(size_t(rows * k));
  if (format.x == ElemType::BF16) {
    std::vector<uint16_t> stored(size_t(rows * pitch), kNanBF16);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < k; ++column) {
        uint16_t bits = floatToBF16(float(random.uniform()));
        stored[size_t(row * pitch + column)] = bits;
        operands.x[size_t(row * k + column)] = bf16ToFloat(bits);
      }
    operands.data.buffers["x"] = bytesOf(stored);
    return;
  }
  bool e4m3 = format.x == ElemType::E4M3;
  int64_t columnsPerScale = format.isBlockScaled ? kBlock : k;
  int64_t perRow = gemm.xTensorScale ? 0 : format.isBlockScaled ? rowPitch(ceilDiv(k, kBlock), ElemType::F32) : 1;
  std::vector<float> scales(size_t(gemm.xTensorScale ? 1 : rows * perRow), std::numeric_limits<float>::quiet_NaN());
  for (int64_t row = 0; row < (gemm.xTensorScale ? 1 : rows); ++row)
    for (int64_t i = 0; i < ceilDiv(k, columnsPerScale); ++i)
      scales[size_t(row * perRow + i)] = float(typicalScale(e4m3 ? 448 : 127) * (1 + random.uniform() / 3));
  std::vector<uint8_t> stored(size_t(rows * pitch), e4m3 ? 0x7f : 0x80);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < k; ++column) {
      uint8_t code = e4m3 ? floatToE4M3(float(random.uniform() * 448)) : uint8_t(random.below(255) - 127);
      double value = e4m3 ? e4m3ToFloat(code) : int8_t(code);
      stored[size_t(row * pitch + column)] = code;
      operands.x[size_t(row * k + column)] = value * scales[size_t(row * perRow + column / columnsPerScale)];
    }
  operands.data.buffers["x"] = stored;
  operands.data.buffers["x_scale"] = bytesOf(scales);
}

void fillEpilogue(const GemmCase &gemm, Random &random, GemmOperands &operands) {
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

} // namespace

GemmOperands GemmOperands::random(const GemmCase &gemm) {
  GemmOperands operands;
  Random random(uint64_t(gemm.n * 1000003 + gemm.k * 1009 + gemm.rows));
  WeightMaker{gemm, infoOf(gemm.format), random, operands}.run();
  fillActivations(gemm, random, operands);
  fillEpilogue(gemm, random, operands);
  return operands;
}

} // namespace qcc::bench
