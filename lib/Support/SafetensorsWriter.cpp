//===- SafetensorsWriter.cpp ----------------------------------------------===//

#include "qcc/Support/SafetensorsWriter.h"
#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Text.h"

#include <cassert>

namespace qcc {
namespace {

/// The format's name of a type.
const char *storedName(DType type) {
  switch (type) {
  case DType::F32:
    return "F32";
  case DType::F16:
    return "F16";
  case DType::BF16:
    return "BF16";
  case DType::F64:
    return "F64";
  case DType::E4M3:
    return "F8_E4M3";
  case DType::E5M2:
    return "F8_E5M2";
  case DType::I2:
  case DType::I3:
  case DType::I4:
  case DType::I8:
    return "I8";
  case DType::U8:
    return "U8";
  case DType::I16:
    return "I16";
  case DType::I32:
    return "I32";
  case DType::I64:
    return "I64";
  case DType::Bool:
    return "BOOL";
  }
  return "?";
}

std::string jsonString(std::string_view chars) {
  std::string result = "\"";
  for (char c : chars) {
    if (c == '"' || c == '\\')
      (result += '\\') += c;
    else if (static_cast<unsigned char>(c) >= 0x20)
      result += c;
    else
      for (const char *hex = "0123456789abcdef"; const char digit : {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]})
        result += digit;
  }
  return result += '"';
}

} // namespace

void SafetensorsWriter::add(const std::string &name, DType type, std::vector<int64_t> shape,
                            std::span<const std::byte> bytes) {
  size_t expected = bitWidth(type) < 8 ? 1 : bitWidth(type) / 8;
  for (int64_t extent : shape)
    expected *= size_t(extent);
  assert(expected == bytes.size() && "bytes must be the shape's");
  tensors[name] = {type, std::move(shape), {bytes.begin(), bytes.end()}};
}

Status SafetensorsWriter::write(const std::string &path) const {
  std::string header = "{";
  auto separate = [&] { header += header.size() == 1 ? "" : ","; };
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const char *comma = ""; const auto &[key, value] : metadata) {
      header += comma + jsonString(key) + ":" + jsonString(value);
      comma = ",";
    }
    header += "}";
  }
  uint64_t offset = 0;
  for (const auto &[name, tensor] : tensors) {
    separate();
    header += jsonString(name) + text(":{\"dtype\":\"", storedName(tensor.type), "\",\"shape\":[");
    for (const char *comma = ""; int64_t extent : tensor.shape) {
      header += comma + std::to_string(extent);
      comma = ",";
    }
    header += text("],\"data_offsets\":[", offset, ",", offset + tensor.bytes.size(), "]}");
    offset += tensor.bytes.size();
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  std::byte length[8];
  for (unsigned i = 0; i < 8; ++i)
    length[i] = std::byte(header.size() >> (8 * i));

  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  if (Status status = file->write(length); !status)
    return status;
  if (Status status = file->write(header); !status)
    return status;
  for (const auto &[name, tensor] : tensors)
    if (Status status = file->write(tensor.bytes); !status)
      return status;
  return file->commit();
}

} // namespace qcc
