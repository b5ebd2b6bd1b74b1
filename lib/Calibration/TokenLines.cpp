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

Expected<std::vector<int64_t>> readLine(std::string_view line, const std::string &where, int64_t vocabulary) {
  Expected<json::Value> object = json::parse(line, where);
  if (!object)
    return object.takeError();
  if (!object->isObject())
    return Error{text(where, ": must be an object with input_ids, tokens, text or content, found ",
                      json::describe(object->kind))};
  std::vector<int64_t> ids;
  if (const json::Value *array = findEither(*object, "input_ids", "tokens")) {
    if (!array->isArray())
      return Error{text(where, ": input_ids must be an array of token ids, found ", json::describe(array->kind))};
    for (const json::Value &id : array->array()) {
      if (!id.isInteger())
        return Error{text(where, ": token ", ids.size(), " must be an integer, found ", json::describe(id.kind))};
      ids.push_back(id.integer());
    }
    return ids;
  }
  const json::Value *content = findEither(*object, "text", "content");
  if (!content || !content->isString())
    return Error{text(where, ": the object has neither an array input_ids or tokens nor a string text or content")};
  if (!hasByteVocabulary(vocabulary))
    return textNeedsBytes(where, vocabulary);
  for (unsigned char byte : content->string())
    ids.push_back(byte);
  return ids;
}

} // namespace

Error textNeedsBytes(const std::string &where, int64_t vocabulary) {
  return {text(where, ": text is only for byte vocabularies of 256 tokens, this model has ", vocabulary,
               " tokens; give token ids: .jsonl with input_ids, .npy, .npz or .safetensors")};
}

Expected<std::vector<std::vector<int64_t>>> readTokenLines(const MappedFile &file, int64_t vocabulary) {
  std::vector<std::vector<int64_t>> sequences;
  std::string_view rest = file.chars();
  for (uint64_t number = 1; !rest.empty(); ++number) {
    size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    if (line.find_first_not_of(" \t\r") == line.npos)
      continue;
    Expected<std::vector<int64_t>> ids = readLine(line, text(file.name(), ":", number), vocabulary);
    if (!ids)
      return ids.takeError();
    sequences.push_back(std::move(*ids));
  }
  return sequences;
}

} // namespace qcc::calib
