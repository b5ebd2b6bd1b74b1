//===- Tensor.h - Values of the interpreter ---------------------*- C++ -*-===//
#ifndef QCC_INTERPRETER_TENSOR_H
#define QCC_INTERPRETER_TENSOR_H

#include "qcc/Support/ParameterSource.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace mlir {
class Type;
}

namespace qcc::interp {

/// Numbers held in T (float or double), each exactly a value of `type`; codes of a quantization are held as the numbers
/// they stand for. i32 tensors hold `ints` instead. Copies share the numbers.
template <typename T> struct Tensor {
  DType type = DType::F32;
  std::vector<int64_t> shape;
  std::shared_ptr<const std::vector<T>> values;
  std::shared_ptr<const std::vector<int32_t>> ints;

  int64_t size() const {
    int64_t product = 1;
    for (int64_t extent : shape)
      product *= extent;
    return product;
  }
  int64_t columns() const { return shape.empty() ? 1 : shape.back(); }
  int64_t rows() const { return columns() == 0 ? 0 : size() / columns(); }
  std::span<const T> data() const { return *values; }
  std::span<const int32_t> integers() const { return *ints; }

  static Tensor make(DType type, std::vector<int64_t> shape, std::vector<T> values) {
    return {type, std::move(shape), std::make_shared<const std::vector<T>>(std::move(values)), nullptr};
  }
  static Tensor makeInts(std::vector<int64_t> shape, std::vector<int32_t> ints) {
    return {DType::I32, std::move(shape), nullptr, std::make_shared<const std::vector<int32_t>>(std::move(ints))};
  }
};

/// Rounds each value once to `type`, nearest even: f32, f16, bf16, e4m3, e5m2. From double there is no intermediate
/// rounding to f32.
void roundTo(DType type, std::span<float> values);
void roundTo(DType type, std::span<double> values);

/// The stored type of an element type of the graph dialect; asserts on others, which its verifiers exclude.
DType dtypeOf(mlir::Type elementType);

/// Little-endian bytes of values that are exactly of `type`; integer codes take a byte each.
std::vector<std::byte> encode(DType type, std::span<const float> values);

} // namespace qcc::interp

#endif // QCC_INTERPRETER_TENSOR_H
