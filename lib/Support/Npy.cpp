//===- Npy.cpp ------------------------------------------------------------===//

#include "qcc/Support/Npy.h"
#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Checked.h"
#include "qcc/Support/File.h"
#include "qcc/Support/Text.h"

#include <charconv>
#include <cstring>
#include <optional>

namespace qcc {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

/// The dict literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }: keys in any order, nothing else.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  bool parse() {
    if (!take("{"))
      return false;
    while (!take("}")) {
      std::optional<std::string_view> key = string();
      if (!key || !take(":") || !value(*key))
        return false;
      if (!take(",") && !peek("}"))
        return false;
    }
    skip();
    return at == text.size() && descr && fortran && shape;
  }

  std::optional<std::string_view> descr;
  std::optional<bool> fortran;
  std::optional<std::vector<int64_t>> shape;

private:
  void skip() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n'))
      ++at;
  }
  bool peek(std::string_view word) {
    skip();
    return text.substr(at, word.size()) == word;
  }
  bool take(std::string_view word) {
    if (!peek(word))
      return false;
    at += word.size();
    return true;
  }
  std::optional<std::string_view> string() {
    if (!take("'"))
      return std::nullopt;
    size_t end = text.find('\'', at);
    if (end == text.npos)
      return std::nullopt;
    std::string_view result = text.substr(at, end - at);
    at = end + 1;
    return result;
  }
  bool value(std::string_view key) {
    if (key == "descr" && !descr)
      return bool(descr = string());
    if (key == "fortran_order" && !fortran) {
      fortran = peek("True");
      return take("True") || take("False");
    }
    return key == "shape" && !shape && tuple();
  }
  bool tuple() {
    shape.emplace();
    if (!take("("))
      return false;
    while (!take(")")) {
      skip();
      int64_t size = 0;
      auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), size);
      if (error != std::errc() || size < 0 || shape->size() == 8)
        return false;
      at = size_t(end - text.data());
      shape->push_back(size);
      if (!take(",") && !peek(")"))
        return false;
    }
    return true;
  }

  std::string_view text;
  size_t at = 0;
};

std::optional<DType> typeOf(std::string_view descr) {
  if (descr == "<f4")
    return DType::F32;
  if (descr == "<i4")
    return DType::I32;
  if (descr == "<i8")
    return DType::I64;
  return std::nullopt;
}

} // namespace

Expected<NpyArray> readNpy(const std::string &path) {
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return parseNpy(file->bytes(), path);
}

Expected<NpyArray> parseNpy(std::span<const std::byte> contents, const std::string &name) {
  auto refuse = [&](const std::string &why) { return Error{text(name, ": ", why)}; };
  std::string_view chars(reinterpret_cast<const char *>(contents.data()), contents.size());
  if (chars.size() < 12 || !chars.starts_with(magic))
    return refuse("is not a .npy file");
  auto byte = [&](size_t i) { return size_t(static_cast<unsigned char>(chars[i])); };
  if (byte(6) != 1 && byte(6) != 2)
    return refuse(text("npy format version ", byte(6), "; supported are 1 and 2"));
  size_t begin = byte(6) == 1 ? 10 : 12;
  size_t length = byte(8) | byte(9) << 8 | (byte(6) == 2 ? byte(10) << 16 | byte(11) << 24 : 0);
  if (length > chars.size() - begin)
    return refuse("the header is cut short");
  HeaderParser header(chars.substr(begin, length));
  if (!header.parse())
    return refuse("the header is not a dict of descr, fortran_order and shape");
  std::optional<DType> type = typeOf(*header.descr);
  if (!type)
    return refuse(text("element type ", quote(*header.descr),
                       " is not read; save token ids with astype('int32') or 'int64', logits with astype('float32')"));
  if (*header.fortran)
    return refuse("is in Fortran order; save it with numpy.ascontiguousarray");
  std::optional<uint64_t> bytes = bitWidth(*type) / 8;
  for (int64_t size : *header.shape)
    bytes = bytes ? checkedMul(*bytes, uint64_t(size)) : bytes;
  std::span<const std::byte> data = contents.subspan(begin + length);
  if (!bytes || *bytes != data.size())
    return refuse(
        text("shape ", shapeText(*header.shape), " does not fit the ", grouped(data.size()), " bytes of data"));
  return NpyArray{*type, *header.shape, {data.begin(), data.end()}};
}

Status writeNpy(const std::string &path, DType type, std::span<const int64_t> shape, std::span<const std::byte> bytes) {
  const char *descr = type == DType::F32 ? "<f4" : type == DType::I32 ? "<i4" : "<i8";
  std::string dict = text("{'descr': '", descr, "', 'fortran_order': False, 'shape': (");
  for (int64_t size : shape)
    dict += std::to_string(size) + ", ";
  dict += "), }";
  if (shape.empty())
    dict = text("{'descr': '", descr, "', 'fortran_order': False, 'shape': (), }");
  dict.append(64 - (magic.size() + 4 + dict.size() + 1) % 64, ' ') += '\n';
  Expected<AtomicFile> file = AtomicFile::create(path);
  if (!file)
    return file.takeError();
  std::string prefix =
      std::string(magic) + std::string("\x01\x00", 2) + char(dict.size() & 0xff) + char(dict.size() >> 8);
  if (Status status = file->write(prefix + dict); !status)
    return status;
  if (Status status = file->write(bytes); !status)
    return status;
  return file->commit();
}

} // namespace qcc
