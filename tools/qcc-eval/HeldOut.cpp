//===- HeldOut.cpp --------------------------------------------------------===//

#include "HeldOut.h"
#include "qcc/Support/File.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>

namespace qcc::eval {
namespace {

using Rows = std::vector<std::vector<int32_t>>;

Expected<Rows> readText(const hf::Model &model, const std::string &path) {
  if (!model.byteVocabulary)
    return Error{text(path, ": ", model.name, " has a tokenizer of its own (vocabulary of ", model.config.vocabSize,
                      " tokens), which qcc does not run; give token ids with --tokens-file FILE.npy"),
                 ExitCode::Usage};
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  std::vector<int32_t> tokens;
  for (std::byte byte : file->bytes())
    tokens.push_back(int32_t(byte));
  return Rows{std::move(tokens)};
}

Expected<Rows> readTokenRows(const std::string &path, int64_t vocabulary) {
  Expected<NpyArray> array = readNpy(path);
  if (!array)
    return array.takeError();
  size_t rank = array->shape.size();
  if (array->type == DType::F32 || rank < 1 || rank > 2)
    return Error{text(path, ": must hold i32 or i64 token ids [tokens] or [sequences, tokens], found ",
                      nameOf(array->type), " ", shapeText(array->shape))};
  size_t columns = size_t(array->shape.back());
  Rows rows;
  auto take = [&](auto values) -> Status {
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] < 0 || values[i] >= vocabulary)
        return Error{text(path, ": token ", int64_t(values[i]), " at position ", i, " is outside the vocabulary of ",
                          vocabulary, " tokens")};
      if (i % columns == 0)
        rows.emplace_back();
      rows.back().push_back(int32_t(values[i]));
    }
    return {};
  };
  if (Status s = array->type == DType::I32 ? take(array->as<int32_t>()) : take(array->as<int64_t>()); !s)
    return s.takeError();
  return rows;
}

} // namespace

Expected<HeldOut> readHeldOut(const hf::Model &model, const Options &options) {
  HeldOut result;
  bool isText = !options.text.empty();
  result.source = isText ? options.text : options.tokensFile;
  Expected<Rows> rows =
      isText ? readText(model, options.text) : readTokenRows(options.tokensFile, model.config.vocabSize);
  if (!rows)
    return rows.takeError();
  int64_t limit = model.config.maxPositions;
  result.window = options.window ? options.window : std::min<int64_t>(512, limit);
  if (result.window > limit)
    return Error{text("--window: ", result.window, " exceeds the model's context of ", limit), ExitCode::Usage};
  size_t size = size_t(result.window), longest = 0;
  for (const std::vector<int32_t> &row : *rows) {
    longest = std::max(longest, row.size());
    for (size_t begin = 0; begin + size <= row.size(); begin += size)
      result.windows.emplace_back(row.begin() + ptrdiff_t(begin), row.begin() + ptrdiff_t(begin + size));
  }
  if (result.windows.empty())
    return Error{text(result.source, ": has ", longest, " tokens in a row, a window needs ", size,
                      "; give more tokens or a smaller --window")};
  return result;
}

Expected<StoredLogits> StoredLogits::open(const std::vector<std::string> &files, const HeldOut &heldOut,
                                          int64_t vocabulary) {
  StoredLogits result;
  size_t perWindow = size_t(heldOut.window * vocabulary);
  std::vector<float> pending;
  for (const std::string &path : files) {
    Expected<NpyArray> array = readNpy(path);
    if (!array)
      return array.takeError();
    if (array->type != DType::F32 || array->shape.size() < 2 || array->shape.back() != vocabulary)
      return Error{text(path, ": must hold f32 logits whose last dimension is the vocabulary of ", vocabulary,
                        ", found ", nameOf(array->type), " ", shapeText(array->shape))};
    auto values = array->as<float>();
    if (auto bad = std::find_if(values.begin(), values.end(), [](float x) { return std::isnan(x); });
        bad != values.end())
      return Error{text(path, ": logit ", bad - values.begin(), " is NaN")};
    pending.insert(pending.end(), values.begin(), values.end());
    size_t begin = 0;
    for (; begin + perWindow <= pending.size(); begin += perWindow)
      result.windows.emplace_back(pending.begin() + ptrdiff_t(begin), pending.begin() + ptrdiff_t(begin + perWindow));
    pending.erase(pending.begin(), pending.begin() + ptrdiff_t(begin));
  }
  size_t rows = result.windows.size() * size_t(heldOut.window) + pending.size() / size_t(vocabulary);
  size_t wanted = heldOut.windows.size() * size_t(heldOut.window);
  if (rows != wanted)
    return Error{text("--logits-from: the files hold ", rows, " rows of logits; ", heldOut.source, " has ",
                      heldOut.windows.size(), " windows of ", heldOut.window, " tokens, which need ", wanted)};
  return result;
}

std::span<const float> StoredLogits::window(size_t index) const { return windows[index]; }

} // namespace qcc::eval
