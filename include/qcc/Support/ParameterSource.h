//===- ParameterSource.h - Where the bytes of weights come from ---*- C++ -*-===//
#ifndef QCC_SUPPORT_PARAMETERSOURCE_H
#define QCC_SUPPORT_PARAMETERSOURCE_H

#include "qcc/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace qcc {

/// Element types of tensors. I2, I3 and I4 are codes; files store them as I8, a byte per code.
enum class DType { F32, F16, BF16, F64, E4M3, E5M2, I8, U8, I16, I32, I64, I2, I3, I4, Bool };
/// Bits of one element.
unsigned bitWidth(DType type);
const char *nameOf(DType type);

struct TensorView {
  DType type;
  std::span<const int64_t> shape;
  std::span<const std::byte> bytes; ///< row-major, little endian; no alignment promised
};

/// Resolves the `from "file" tensor "name"` of graph.parameter. Thread safe after construction; views live as long as
/// the source.
class ParameterSource {
public:
  virtual ~ParameterSource() = default;
  virtual Expected<TensorView> find(std::string_view file, std::string_view tensor) const = 0;
};

} // namespace qcc

#endif // QCC_SUPPORT_PARAMETERSOURCE_H
