//===- Tensor.cpp ---------------------------------------------------------===//

#include "qcc/Interpreter/Tensor.h"
#include "qcc/Quant/Formats.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/ErrorHandling.h"

#include <cmath>
#include <cstring>

namespace qcc::interp {
namespace {

/// Rounding to odd: a second rounding to a format with at least two bits less is then the same as one rounding from the
/// double.
float roundToOdd(double value) {
  float nearest = float(value);
  if (double(nearest) == value || std::isnan(value))
    return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (std::fabs(double(nearest)) > std::fabs(value))
    --bits;
  return std::bit_cast<float>(bits | 1);
}

float narrow(float value) { return value; }
float narrow(double value) { return roundToOdd(value); }

template <typename T> void roundAll(DType type, std::span<T> values) {
  auto apply = [&](auto convert) {
    for (T &value : values)
      value = convert(narrow(value));
  };
  switch (type) {
  case DType::F32:
    for (T &value : values)
      value = T(float(value));
    return;
  case DType::BF16:
    return apply(quant::roundToBF16);
  case DType::F16:
    return apply([](float value) { return quant::f16ToFloat(quant::floatToF16(value)); });
  case DType::E4M3:
    return apply([](float value) { return quant::e4m3ToFloat(quant::floatToE4M3(value)); });
  case DType::E5M2:
    return apply([](float value) { return quant::e5m2ToFloat(quant::floatToE5M2(value)); });
  default:
    llvm_unreachable("only floating-point results are rounded; integer codes come from quantize");
  }
}

template <typename Code, typename Convert>
std::vector<std::byte> encodeAs(std::span<const float> values, Convert convert) {
  std::vector<std::byte> bytes(values.size() * sizeof(Code));
  for (size_t i = 0; i < values.size(); ++i) {
    Code code = Code(convert(values[i]));
    std::memcpy(&bytes[i * sizeof(Code)], &code, sizeof(Code));
  }
  return bytes;
}

} // namespace

void roundTo(DType type, std::span<float> values) {
  if (type != DType::F32)
    roundAll(type, values);
}
void roundTo(DType type, std::span<double> values) { roundAll(type, values); }

DType dtypeOf(mlir::Type type) {
  if (type.isF32())
    return DType::F32;
  if (type.isBF16())
    return DType::BF16;
  if (type.isF16())
    return DType::F16;
  if (mlir::isa<mlir::Float8E4M3FNType>(type))
    return DType::E4M3;
  if (mlir::isa<mlir::Float8E5M2Type>(type))
    return DType::E5M2;
  if (type.isInteger(2))
    return DType::I2;
  if (type.isInteger(3))
    return DType::I3;
  if (type.isInteger(4))
    return DType::I4;
  if (type.isInteger(8))
    return DType::I8;
  if (type.isInteger(32))
    return DType::I32;
  llvm_unreachable("element type outside the graph dialect's executable types");
}

std::vector<std::byte> encode(DType type, std::span<const float> values) {
  switch (type) {
  case DType::F32:
    return encodeAs<float>(values, [](float value) { return value; });
  case DType::BF16:
    return encodeAs<uint16_t>(values, quant::floatToBF16);
  case DType::F16:
    return encodeAs<uint16_t>(values, quant::floatToF16);
  case DType::E4M3:
    return encodeAs<uint8_t>(values, quant::floatToE4M3);
  case DType::E5M2:
    return encodeAs<uint8_t>(values, quant::floatToE5M2);
  case DType::I2:
  case DType::I3:
  case DType::I4:
  case DType::I8:
    return encodeAs<int8_t>(values, [](float value) { return value; });
  default:
    llvm_unreachable("no derivation has this type");
  }
}

} // namespace qcc::interp
