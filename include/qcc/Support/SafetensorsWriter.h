//===- SafetensorsWriter.h - Tensors to one safetensors file ------*- C++ -*-===//
//
// u64 LE n | n bytes of JSON, padded with spaces so that the data is 8-byte aligned | data. Tensors lie in the order of
// their names, metadata keys are sorted: equal contents are equal bytes. Format: huggingface/safetensors, README
// "Format".
//
//===----------------------------------------------------------------------===//
#ifndef QCC_SUPPORT_SAFETENSORSWRITER_H
#define QCC_SUPPORT_SAFETENSORSWRITER_H

#include "qcc/Support/ParameterSource.h"

#include <map>
#include <string>
#include <vector>

namespace qcc {

class SafetensorsWriter {
public:
  std::map<std::string, std::string> metadata; ///< `__metadata__`; left out when empty

  /// Integer codes of fewer than 8 bits are stored as I8, a byte each. The bytes are copied; their number must be the
  /// shape's. A name added twice replaces the first.
  void add(const std::string &name, DType type, std::vector<int64_t> shape, std::span<const std::byte> bytes);
  void add(const std::string &name, std::vector<int64_t> shape, std::span<const float> values) {
    add(name, DType::F32, std::move(shape), std::as_bytes(values));
  }
  void add(const std::string &name, std::vector<int64_t> shape, std::span<const int8_t> codes) {
    add(name, DType::I8, std::move(shape), std::as_bytes(codes));
  }

  /// Atomically replaces `path`.
  Status write(const std::string &path) const;

private:
  struct Tensor {
    DType type;
    std::vector<int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::map<std::string, Tensor> tensors;
};

} // namespace qcc

#endif // QCC_SUPPORT_SAFETENSORSWRITER_H
