//===- Safetensors.h - One safetensors file ---------------------*- C++ -*-===//
//
// u64 LE n | n bytes of JSON | data. Checked while opening, so that views need no checks: header length against the
// file, strict JSON, known element types, product of the shape against the byte range (checked arithmetic), ranges
// contiguous from 0 to the end of the file without holes or overlap. NaN and infinity are legal here. Format:
// huggingface/safetensors, README "Format".
//
//===----------------------------------------------------------------------===//
#ifndef QCC_IMPORT_HUGGINGFACE_SAFETENSORS_H
#define QCC_IMPORT_HUGGINGFACE_SAFETENSORS_H

#include "qcc/Support/File.h"
#include "qcc/Support/ParameterSource.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace qcc::hf {

struct StoredTensor {
  std::string name;
  std::string typeName;      ///< as the file spells it
  std::optional<DType> type; ///< none: a type of the format that qcc cannot compute with
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes; ///< in the mapped file
};

class SafetensorsFile {
public:
  /// Fails with everything that is wrong with the first broken rule: file, header byte, tensor, found and allowed.
  static Expected<SafetensorsFile> open(MappedFile file);

  /// Sorted by name.
  const std::map<std::string, StoredTensor, std::less<>> &tensors() const { return byName; }
  /// `__metadata__`; empty where the file has none.
  const std::map<std::string, std::string, std::less<>> &metadata() const { return byKey; }
  const MappedFile &file() const { return mapped; }

private:
  explicit SafetensorsFile(MappedFile file) : mapped(std::move(file)) {}
  MappedFile mapped;
  std::map<std::string, StoredTensor, std::less<>> byName;
  std::map<std::string, std::string, std::less<>> byKey;
};

} // namespace qcc::hf

#endif // QCC_IMPORT_HUGGINGFACE_SAFETENSORS_H
