//===- TokenFile.cpp ------------------------------------------------------===//

#include "qcc/Calibration/TokenFile.h"
#include "TokenLines.h"
#include "ZipFile.h"
#include "qcc/Import/HuggingFace/Safetensors.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/Sha256.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cstring>

namespace qcc::calib {
namespace {

using Sequences = std::vector<std::vector<int64_t>>;

/// Ids of an array of two dimensions, a sequence per row, or of one.
Expected<Sequences> fromArray(const std::string &where, DType type, std::span<const int64_t> shape,
                              std::span<const std::byte> bytes) {
  if (type != DType::I32 && type != DType::I64)
    return Error{text(where, ": element type ", nameOf(type), "; token ids are i32 or i64")};
  if (shape.size() != 1 && shape.size() != 2)
    return Error{text(where, ": shape ", shapeText(shape), "; token ids are [sequences, tokens] or [tokens]")};
  if (bytes.empty())
    return Sequences(); // an extent of zero, the other may be anything
  size_t length = size_t(shape.back()), width = bitWidth(type) / 8;
  Sequences sequences(shape.size() == 1 ? 1 : size_t(shape[0]), std::vector<int64_t>(length));
  const std::byte *at = bytes.data();
  for (std::vector<int64_t> &ids : sequences)
    for (int64_t &id : ids) {
      int32_t narrow;
      std::memcpy(width == 4 ? static_cast<void *>(&narrow) : &id, at, width);
      id = width == 4 ? narrow : id;
      at += width;
    }
  return sequences;
}

/// The array of ids among names: `input_ids`, `tokens`, or the only one.
template <typename Named, typename NameOf> const Named *chooseArray(const std::vector<Named> &all, NameOf nameOf) {
  for (const char *wanted : {"input_ids", "tokens"})
    for (const Named &item : all)
      if (nameOf(item) == wanted)
        return &item;
  return all.size() == 1 ? &all.front() : nullptr;
}

Error noArray(const std::string &file, size_t count) {
  return {text(file, ": ", count, " arrays, none named input_ids or tokens; name the array of token ids so")};
}

Expected<Sequences> readNpz(const MappedFile &file) {
  Expected<ZipFile> zip = ZipFile::open(file);
  if (!zip)
    return zip.takeError();
  const ZipMember *member = chooseArray(zip->members(), [](const ZipMember &candidate) {
    std::string_view name = candidate.name;
    return name.ends_with(".npy") ? name.substr(0, name.size() - 4) : name;
  });
  if (!member)
    return noArray(file.name(), zip->members().size());
  Expected<std::vector<std::byte>> contents = zip->read(*member);
  if (!contents)
    return contents.takeError();
  std::string where = text(file.name(), ": ", quote(member->name));
  Expected<NpyArray> array = parseNpy(*contents, where);
  if (!array)
    return array.takeError();
  return fromArray(where, array->type, array->shape, array->bytes);
}

Expected<Sequences> readSafetensors(MappedFile mapped) {
  Expected<hf::SafetensorsFile> file = hf::SafetensorsFile::open(std::move(mapped));
  if (!file)
    return file.takeError();
  std::vector<const hf::StoredTensor *> all;
  for (const auto &[name, tensor] : file->tensors())
    all.push_back(&tensor);
  auto found = chooseArray(all, [](const hf::StoredTensor *tensor) { return std::string_view(tensor->name); });
  if (!found)
    return noArray(file->file().name(), all.size());
  const hf::StoredTensor &tensor = **found;
  std::string where = text(file->file().name(), ": ", quote(tensor.name));
  if (!tensor.type)
    return Error{text(where, ": element type ", tensor.typeName, "; token ids are I32 or I64")};
  return fromArray(where, *tensor.type, tensor.shape, tensor.bytes);
}

Expected<Sequences> readFile(const std::string &path, int64_t vocabulary) {
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  std::string_view name = path;
  if (name.ends_with(".jsonl"))
    return readTokenLines(*file, vocabulary);
  if (name.ends_with(".npz"))
    return readNpz(*file);
  if (name.ends_with(".safetensors"))
    return readSafetensors(std::move(*file));
  if (name.ends_with(".npy")) {
    Expected<NpyArray> array = parseNpy(file->bytes(), path);
    if (!array)
      return array.takeError();
    return fromArray(path, array->type, array->shape, array->bytes);
  }
  if (!name.ends_with(".txt"))
    return Error{text(path, ": unknown kind of token file; supported are .txt, .jsonl, .npy, .npz and .safetensors")};
  if (!hasByteVocabulary(vocabulary))
    return textNeedsBytes(path, vocabulary);
  Sequences one(1);
  for (unsigned char byte : file->chars())
    one.front().push_back(byte);
  return one;
}

/// Checks the ids and cuts what is longer than a window.
Expected<std::vector<std::vector<int32_t>>> cutWindows(const std::string &path, const Sequences &sequences,
                                                       int64_t vocabulary, int64_t window) {
  std::vector<std::vector<int32_t>> pieces;
  for (size_t row = 0; row < sequences.size(); ++row) {
    const std::vector<int64_t> &ids = sequences[row];
    for (size_t at = 0; at < ids.size(); ++at) {
      if (ids[at] < 0 || ids[at] >= vocabulary)
        return Error{text(path, ": sequence ", row, ", token ", at, ": id ", ids[at], " is outside the vocabulary of ",
                          vocabulary, " tokens; tokenize the text with this model's tokenizer")};
      if (at % size_t(window) == 0)
        pieces.emplace_back().reserve(std::min(ids.size() - at, size_t(window)));
      pieces.back().push_back(int32_t(ids[at]));
    }
  }
  return pieces;
}

/// Keeps whole sequences so that at every place of the file the tokens kept are in proportion to the limit.
void thin(std::vector<std::vector<int32_t>> &sequences, int64_t total, int64_t limit) {
  if (total <= limit)
    return;
  std::vector<std::vector<int32_t>> kept;
  __int128 seen = 0, taken = 0;
  for (std::vector<int32_t> &sequence : sequences) {
    seen += int64_t(sequence.size());
    if ((taken + int64_t(sequence.size())) * total > seen * limit)
      continue;
    taken += int64_t(sequence.size());
    kept.push_back(std::move(sequence));
  }
  sequences = std::move(kept);
}

std::string hashOf(const std::vector<std::vector<int32_t>> &sequences) {
  Sha256 hash;
  for (const std::vector<int32_t> &sequence : sequences) {
    uint64_t length = sequence.size();
    hash.update(std::as_bytes(std::span(&length, 1)));
    hash.update(std::as_bytes(std::span(sequence)));
  }
  return hexadecimal(hash.finish());
}

} // namespace

int64_t TokenSet::tokens() const {
  int64_t sum = 0;
  for (const std::vector<int32_t> &sequence : sequences)
    sum += int64_t(sequence.size());
  return sum;
}

Expected<TokenSet> readTokens(const std::string &path, int64_t vocabulary, int64_t window, int64_t limitTokens) {
  if (window < 2 || limitTokens < kLeastTokens)
    return Error{text("calibration windows of ", window, " tokens, at most ", limitTokens,
                      " in all: a window needs 2 tokens and calibration ", kLeastTokens),
                 ExitCode::Usage};
  Expected<Sequences> sequences = readFile(path, vocabulary);
  if (!sequences)
    return sequences.takeError();
  auto pieces = cutWindows(path, *sequences, vocabulary, window);
  if (!pieces)
    return pieces.takeError();
  TokenSet set{std::move(*pieces), path, {}};
  const int64_t total = set.tokens();
  thin(set.sequences, total, limitTokens);
  if (int64_t(set.sequences.size()) < kLeastSequences || set.tokens() < kLeastTokens)
    return Error{text(path, ": ", set.sequences.size(), " sequences and ", set.tokens(), " tokens (the file has ",
                      total, ", at most ", limitTokens, " are used, in windows of ", window,
                      "); calibration needs at least ", kLeastSequences, " sequences and ", kLeastTokens,
                      " tokens; give more text, a higher token limit or a shorter window")};
  set.hash = hashOf(set.sequences);
  return set;
}

} // namespace qcc::calib
