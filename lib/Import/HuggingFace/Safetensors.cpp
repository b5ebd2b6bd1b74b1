//===- Safetensors.cpp ----------------------------------------------------===//

#include "qcc/Import/HuggingFace/Safetensors.h"
#include "qcc/Support/Checked.h"
#include "qcc/Support/Json.h"
#include "qcc/Support/Text.h"

#include <algorithm>

namespace qcc::hf {
namespace {

constexpr uint64_t maxHeaderBytes = 100'000'000;
constexpr size_t maxNameBytes = 1024;
constexpr size_t maxRank = 8;

struct TypeInfo {
  const char *name;
  unsigned bits;
  std::optional<DType> type;
};

/// The format's types; the format counts bits because some are packed.
constexpr TypeInfo knownTypes[] = {
    {"F32", 32, DType::F32},
    {"F16", 16, DType::F16},
    {"BF16", 16, DType::BF16},
    {"F64", 64, DType::F64},
    {"F8_E4M3", 8, DType::E4M3},
    {"F8_E5M2", 8, DType::E5M2},
    {"I8", 8, DType::I8},
    {"U8", 8, DType::U8},
    {"I16", 16, DType::I16},
    {"I32", 32, DType::I32},
    {"I64", 64, DType::I64},
    {"BOOL", 8, DType::Bool},
    {"U16", 16, std::nullopt},
    {"U32", 32, std::nullopt},
    {"U64", 64, std::nullopt},
    {"C64", 64, std::nullopt},
    {"F4", 4, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"F8_E8M0", 8, std::nullopt},
    {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt},
};

const TypeInfo *findType(std::string_view name) {
  for (const TypeInfo &info : knownTypes)
    if (info.name == name)
      return &info;
  return nullptr;
}

/// A tensor entry with its byte range, before the ranges are checked against each other.
struct Entry {
  StoredTensor tensor;
  uint64_t begin = 0, end = 0;
};

class HeaderReader {
public:
  explicit HeaderReader(const MappedFile &file) : file(file) {}

  Status read() {
    std::span<const std::byte> bytes = file.bytes();
    if (file.chars().starts_with("version https://git-lfs"))
      return refuse(text("not a safetensors file: this is a git-LFS pointer (", bytes.size(),
                         " bytes); run `git lfs pull` to fetch the real file"));
    if (bytes.size() < 8)
      return refuse(text("truncated: ", bytes.size(), " bytes, a safetensors file has at least 8; download it again"));
    uint64_t length = 0;
    for (unsigned i = 0; i < 8; ++i)
      length |= uint64_t(bytes[i]) << (8 * i);
    if (length > maxHeaderBytes)
      return refuse(text("header length ", grouped(length), " exceeds the limit of ", grouped(maxHeaderBytes),
                         " bytes; this is not a safetensors file"));
    if (length > bytes.size() - 8)
      return refuse(text("truncated: the header needs ", grouped(length), " bytes, the file ends after ",
                         grouped(bytes.size() - 8), "; download it again"));
    dataBegin = 8 + length;
    std::string_view header = file.chars().substr(8, length);
    if (!header.starts_with('{'))
      return refuse("header must start with '{'; this is not a safetensors file");
    json::Limits limits;
    limits.bytes = maxHeaderBytes;
    limits.depth = 4;
    limits.values = 8'000'000;
    limits.unsignedIntegersOnly = limits.trailingSpacesOnly = true;
    Expected<json::Value> root = json::parse(header, file.name() + ": header", limits);
    if (!root)
      return root.takeError();
    for (const json::Member &member : root->members())
      if (Status status = member.name == "__metadata__" ? readMetadata(member) : readEntry(member); !status)
        return status;
    return checkRanges();
  }

  std::vector<Entry> entries;
  std::map<std::string, std::string, std::less<>> metadata;

private:
  Error refuse(const std::string &why) const { return {text(file.name(), ": ", why)}; }
  Error refuse(const json::Member &member, const std::string &why) const {
    return refuse(text("header byte ", grouped(member.offset), ", tensor ", quote(member.name), ": ", why));
  }

  Status readMetadata(const json::Member &member) {
    if (!member.value.isObject())
      return refuse("__metadata__ must be an object of strings");
    for (const json::Member &entry : member.value.members()) {
      if (!entry.value.isString())
        return refuse(text("header byte ", grouped(entry.offset), ": __metadata__ entry ", quote(entry.name),
                           " must be a string, found ", json::describe(entry.value.kind)));
      metadata.emplace(entry.name, entry.value.string());
    }
    return {};
  }

  Status readEntry(const json::Member &member) {
    if (member.name.empty() || member.name.size() > maxNameBytes || member.name.find('\0') != std::string::npos)
      return refuse(member, text("name must have 1 to ", maxNameBytes, " bytes and no NUL"));
    if (!member.value.isObject())
      return refuse(member, text("must be an object, found ", json::describe(member.value.kind)));
    const json::Value *type = member.value.find("dtype"), *shape = member.value.find("shape"),
                      *offsets = member.value.find("data_offsets");
    if (!type || !type->isString() || !shape || !shape->isArray() || !offsets || !offsets->isArray() ||
        member.value.members().size() != 3)
      return refuse(member, "must have exactly dtype (a string), shape (an array) and data_offsets (an array)");
    const TypeInfo *info = findType(type->string());
    if (!info)
      return refuse(member, text("unknown dtype ", quote(type->string())));
    if (shape->array().size() > maxRank)
      return refuse(member, text("rank ", shape->array().size(), " exceeds the limit of ", maxRank));
    Entry entry;
    entry.tensor.name = member.name;
    entry.tensor.typeName = info->name;
    entry.tensor.type = info->type;
    for (const json::Value &size : shape->array()) {
      if (!size.isInteger())
        return refuse(member, text("shape must hold integers, found ", json::describe(size.kind)));
      entry.tensor.shape.push_back(size.integer());
    }
    const std::vector<json::Value> &range = offsets->array();
    if (range.size() != 2 || !range[0].isInteger() || !range[1].isInteger())
      return refuse(member, "data_offsets must be two integers");
    entry.begin = uint64_t(range[0].integer());
    entry.end = uint64_t(range[1].integer());
    if (Status status = checkSize(member, entry, info->bits); !status)
      return status;
    entries.push_back(std::move(entry));
    return {};
  }

  Status checkSize(const json::Member &member, const Entry &entry, unsigned bits) const {
    // A zero dimension makes the tensor empty only if the others do not overflow on the way.
    std::optional<uint64_t> size = bits;
    bool empty = false;
    for (int64_t dimension : entry.tensor.shape) {
      empty |= dimension == 0;
      if (size && dimension != 0)
        size = checkedMul(*size, uint64_t(dimension));
    }
    if (!size)
      return refuse(member,
                    text("size overflows: shape ", shapeText(entry.tensor.shape), " of ", entry.tensor.typeName));
    if (empty)
      size = 0;
    if (*size % 8 != 0)
      return refuse(member, text("shape ", shapeText(entry.tensor.shape), " of ", entry.tensor.typeName,
                                 " is not a whole number of bytes"));
    if (entry.begin > entry.end || entry.end - entry.begin != *size / 8)
      return refuse(member, text("data_offsets [", grouped(entry.begin), ", ", grouped(entry.end), ") do not hold the ",
                                 grouped(*size / 8), " bytes of shape ", shapeText(entry.tensor.shape), " of ",
                                 entry.tensor.typeName));
    return {};
  }

  /// Contiguous from 0 to the end of the file. Fills in the views.
  Status checkRanges() {
    std::sort(entries.begin(), entries.end(),
              [](const Entry &a, const Entry &b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });
    uint64_t available = file.bytes().size() - dataBegin, position = 0;
    for (Entry &entry : entries) {
      auto complain = [&](const std::string &why) {
        return refuse(text("tensor ", quote(entry.tensor.name), ": ", why));
      };
      std::string range = text("data_offsets [", grouped(entry.begin), ", ", grouped(entry.end), ")");
      if (entry.begin != position)
        return complain(text(
            range, entry.begin < position ? " overlap the tensor before, which ends at " : " leave a hole after byte ",
            grouped(position)));
      if (entry.end > available)
        return complain(text("tensor data runs past the end of the file: ", range, ", the data ends at ",
                             grouped(available), " (", grouped(entry.end - available),
                             " bytes short); the download is incomplete, fetch this file again"));
      entry.tensor.bytes = file.bytes().subspan(dataBegin + entry.begin, entry.end - entry.begin);
      position = entry.end;
    }
    if (position != available)
      return refuse(text(grouped(available - position), " bytes after the last tensor, which ends at ",
                         grouped(position), ", belong to no tensor"));
    return {};
  }

  const MappedFile &file;
  uint64_t dataBegin = 0;
};

} // namespace

Expected<SafetensorsFile> SafetensorsFile::open(MappedFile file) {
  HeaderReader reader(file);
  if (Status status = reader.read(); !status)
    return status.takeError();
  std::vector<Entry> entries = std::move(reader.entries);
  auto metadata = std::move(reader.metadata);
  SafetensorsFile result(std::move(file));
  result.byKey = std::move(metadata);
  for (Entry &entry : entries)
    result.byName.emplace(entry.tensor.name, std::move(entry.tensor));
  return result;
}

} // namespace qcc::hf
