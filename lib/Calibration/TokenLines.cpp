//===- TokenLines.cpp -----------------------------------------------------===//

#include "TokenLines.h"
#include "qcc/Support/Json.h"
#include "qcc/Support/Text.h"

namespace qcc::calib {
namespace {

const json::Value *findEither(const json::Value &object, std::string_view first, std::string_view second) {
  const json::Value *found = object.find(first);
  return found ? found : object.find(second);
}

/// The text is one line: where it is says `where`, not the parser, which counts lines of its text.
Error withoutLine(Error error, const std::string &where) {
  constexpr std::string_view counted = " (line 1)";
  if (size_t at = error.message.find(counted, where.size()); at != std::string::npos)
    error.message.erase(at, counted.size());
  return error;
}

Expected<std::vector<int64_t>> readMask(const json::Value &array, const std::string &where) {
  if (!array.isArray())
    return Error{text(where, ": ", kMaskName, " must be an array of 0 and 1, found ", json::describe(array.kind))};
  std::vector<int64_t> mask;
  for (const json::Value &entry : array.array()) {
    bool isBool = entry.kind == json::Kind::Bool;
    if (!isBool && !entry.isInteger())
      return Error{
          text(where, ": ", kMaskName, " entry ", mask.size(), " must be 0 or 1, found ", json::describe(entry.kind))};
    mask.push_back(isBool ? entry.boolean() : entry.integer());
  }
  return mask;
}

Expected<TokenRow> readLine(std::string_view line, const std::string &where, int64_t vocabulary) {
  Expected<json::Value> object = json::parse(line, where);
  if (!object)
    return withoutLine(object.takeError(), where);
  if (!object->isObject())
    return Error{text(where, ": must be an object with input_ids, tokens, text or content, found ",
                      json::describe(object->kind))};
  TokenRow row;
  if (const json::Value *array = findEither(*object, "input_ids", "tokens")) {
    if (!array->isArray())
      return Error{text(where, ": input_ids must be an array of token ids, found ", json::describe(array->kind))};
    for (const json::Value &id : array->array()) {
      if (!id.isInteger())
        return Error{text(where, ": token ", row.ids.size(), " must be an integer, found ", json::describe(id.kind))};
      row.ids.push_back(id.integer());
    }
    if (const json::Value *marks = object->find(kMaskName)) {
      Expected<std::vector<int64_t>> mask = readMask(*marks, where);
      if (!mask)
        return mask.takeError();
      if (Status status = cutPadding(row, *mask, where); !status)
        return status.takeError();
    }
    return row;
  }
  const json::Value *content = findEither(*object, "text", "content");
  if (!content || !content->isString())
    return Error{text(where, ": the object has neither an array input_ids or tokens nor a string text or content")};
  if (!hasByteVocabulary(vocabulary))
    return textNeedsBytes(where, vocabulary);
  for (unsigned char byte : content->string())
    row.ids.push_back(byte);
  return row;
}

} // namespace

Error textNeedsBytes(const std::string &where, int64_t vocabulary) {
  return {text(where, ": text is only for byte vocabularies of 256 tokens, this model has ", vocabulary,
               " tokens; give token ids: .jsonl with input_ids, .npy, .npz or .safetensors")};
}

Expected<std::vector<TokenRow>> readTokenLines(const MappedFile &file, int64_t vocabulary) {
  std::vector<TokenRow> rows;
  std::string_view rest = file.chars();
  if (constexpr std::string_view byteOrderMark = "\xEF\xBB\xBF"; rest.starts_with(byteOrderMark))
    rest.remove_prefix(byteOrderMark.size());
  for (uint64_t number = 1; !rest.empty(); ++number) {
    size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (line.find_first_not_of(" \t\r") == line.npos)
      continue;
    Expected<TokenRow> row = readLine(line, text(file.name(), ":", number), vocabulary);
    if (!row)
      return row.takeError();
    rows.push_back(std::move(*row));
  }
  return rows;
}

} // namespace qcc::calib
