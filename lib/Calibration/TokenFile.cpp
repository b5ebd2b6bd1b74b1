//===- TokenFile.cpp ------------------------------------------------------===//

#include "qcc/Calibration/TokenFile.h"
#include "TokenLines.h"
#include "TokenRow.h"
#include "ZipFile.h"
#include "qcc/Import/HuggingFace/Safetensors.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/Sha256.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace qcc::calib {
namespace {

/// An array of a file, and how messages call it.
struct IdArray {
  std::string where;
  DType type;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

/// The rows of an array of two dimensions, or of one, which is a row.
Expected<std::vector<TokenRow>> rowsOf(const IdArray &array) {
  const auto &[where, type, shape, bytes] = array;
  if (type != DType::I32 && type != DType::I64)
    return Error{text(where, ": element type ", nameOf(type), "; token ids and masks are i32 or i64")};
  if (shape.size() != 1 && shape.size() != 2)
    return Error{text(where, ": shape ", shapeText(shape), "; token ids are [sequences, tokens] or [tokens]")};
  if (bytes.empty())
    return std::vector<TokenRow>(); // an extent of zero, the other may be anything
  size_t length = size_t(shape.back()), width = bitWidth(type) / 8;
  std::vector<TokenRow> rows(shape.size() == 1 ? 1 : size_t(shape[0]));
  const std::byte *at = bytes.data();
  for (TokenRow &row : rows) {
    row.ids.resize(length);
    for (int64_t &id : row.ids) {
      int32_t narrow;
      std::memcpy(width == 4 ? static_cast<void *>(&narrow) : &id, at, width);
      id = width == 4 ? narrow : id;
      at += width;
    }
  }
  return rows;
}

/// The sequences of an array of ids without what its mask, where there is one, marks as padding.
Expected<std::vector<TokenRow>> sequencesOf(const IdArray &ids, const std::optional<IdArray> &mask) {
  Expected<std::vector<TokenRow>> rows = rowsOf(ids);
  if (!rows || !mask)
    return rows;
  if (mask->shape != ids.shape)
    return Error{text(mask->where, ": shape ", shapeText(mask->shape), "; must be that of the token ids, ",
                      shapeText(ids.shape))};
  Expected<std::vector<TokenRow>> marks = rowsOf(*mask);
  if (!marks)
    return marks;
  for (size_t row = 0; row < rows->size(); ++row)
    if (Status status = cutPadding((*rows)[row], (*marks)[row].ids, text(mask->where, ": sequence ", row)); !status)
      return status.takeError();
  return rows;
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

std::string_view arrayName(const ZipMember &member) {
  std::string_view name = member.name;
  return name.ends_with(".npy") ? name.substr(0, name.size() - 4) : name;
}

Expected<std::vector<TokenRow>> readNpz(const MappedFile &file) {
  Expected<ZipFile> zip = ZipFile::open(file);
  if (!zip)
    return zip.takeError();
  const ZipMember *member = chooseArray(zip->members(), arrayName);
  if (!member)
    return noArray(file.name(), zip->members().size());
  auto where = [&](const ZipMember &of) { return text(file.name(), ": ", quote(of.name)); };
  auto read = [&](const ZipMember &of) -> Expected<NpyArray> {
    Expected<std::vector<std::byte>> contents = zip->read(of);
    if (!contents)
      return contents.takeError();
    return parseNpy(*contents, where(of));
  };
  Expected<NpyArray> ids = read(*member);
  if (!ids)
    return ids.takeError();
  auto named = std::find_if(zip->members().begin(), zip->members().end(),
                            [](const ZipMember &candidate) { return arrayName(candidate) == kMaskName; });
  NpyArray stored;
  std::optional<IdArray> mask;
  if (named != zip->members().end()) {
    Expected<NpyArray> found = read(*named);
    if (!found)
      return found.takeError();
    stored = std::move(*found);
    mask = {where(*named), stored.type, stored.shape, stored.bytes};
  }
  return sequencesOf({where(*member), ids->type, ids->shape, ids->bytes}, mask);
}

Expected<std::vector<TokenRow>> readSafetensors(MappedFile mapped) {
  Expected<hf::SafetensorsFile> file = hf::SafetensorsFile::open(std::move(mapped));
  if (!file)
    return file.takeError();
  std::vector<const hf::StoredTensor *> all;
  for (const auto &[name, tensor] : file->tensors())
    all.push_back(&tensor);
  auto found = chooseArray(all, [](const hf::StoredTensor *tensor) { return std::string_view(tensor->name); });
  if (!found)
    return noArray(file->file().name(), all.size());
  auto arrayOf = [&](const hf::StoredTensor &tensor) -> Expected<IdArray> {
    std::string where = text(file->file().name(), ": ", quote(tensor.name));
    if (!tensor.type)
      return Error{text(where, ": element type ", tensor.typeName, "; token ids and masks are I32 or I64")};
    return IdArray{std::move(where), *tensor.type, tensor.shape, tensor.bytes};
  };
  Expected<IdArray> ids = arrayOf(**found);
  if (!ids)
    return ids.takeError();
  std::optional<IdArray> mask;
  if (auto named = file->tensors().find(kMaskName); named != file->tensors().end()) {
    Expected<IdArray> read = arrayOf(named->second);
    if (!read)
      return read.takeError();
    mask = std::move(*read);
  }
  return sequencesOf(*ids, mask);
}

Expected<std::vector<TokenRow>> readFile(const std::string &path, int64_t vocabulary) {
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
    return sequencesOf({path, array->type, array->shape, array->bytes}, std::nullopt);
  }
  if (!name.ends_with(".txt"))
    return Error{text(path, ": unknown kind of token file; supported are .txt, .jsonl, .npy, .npz and .safetensors")};
  if (!hasByteVocabulary(vocabulary))
    return textNeedsBytes(path, vocabulary);
  std::vector<TokenRow> one(1);
  for (unsigned char byte : file->chars())
    one.front().ids.push_back(byte);
  return one;
}

/// Checks the ids and cuts what is longer than a window.
Expected<std::vector<std::vector<int32_t>>> cutWindows(const std::string &path, const std::vector<TokenRow> &rows,
                                                       int64_t vocabulary, int64_t window) {
  std::vector<std::vector<int32_t>> pieces;
  for (size_t row = 0; row < rows.size(); ++row) {
    const std::vector<int64_t> &ids = rows[row].ids;
    for (size_t at = 0; at < ids.size(); ++at) {
      if (ids[at] < 0 || ids[at] >= vocabulary)
        return Error{text(path, ": sequence ", row, ", token ", rows[row].first + at, ": id ", ids[at],
                          " is outside the vocabulary of ", vocabulary,
                          " tokens; tokenize the text with this model's tokenizer")};
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
  window = std::min(window, limitTokens / kLeastSequences);
  Expected<std::vector<TokenRow>> rows = readFile(path, vocabulary);
  if (!rows)
    return rows.takeError();
  auto pieces = cutWindows(path, *rows, vocabulary, window);
  if (!pieces)
    return pieces.takeError();
  TokenSet set{std::move(*pieces), path, {}};
  const int64_t total = set.tokens();
  thin(set.sequences, total, limitTokens);
  if (int64_t(set.sequences.size()) < kLeastSequences || set.tokens() < kLeastTokens)
    return Error{text(path, ": ", set.sequences.size(), " sequences and ", set.tokens(), " tokens (the file has ",
                      total, ", at most ", limitTokens, " are used, in windows of ", window,
                      "); calibration needs at least ", kLeastSequences, " sequences and ", kLeastTokens,
                      " tokens; give ",
                      total > limitTokens ? "a higher --calib-tokens" : "more text, in more sequences")};
  set.hash = hashOf(set.sequences);
  return set;
}

} // namespace qcc::calib
