//===- Session.cpp --------------------------------------------------------===//

#include "qcc/Interpreter/Session.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>

namespace qcc::interp {

Expected<StepResult> Session::append(std::span<const int32_t> tokens, bool lastOnly) {
  int64_t pageSize = interpreter.pageSize(), pages = interpreter.pages(), length = position + int64_t(tokens.size());
  if (tokens.empty())
    return Error{"the prompt is empty; give at least one token", ExitCode::Usage};
  if (length > pages * pageSize)
    return Error{text("a sequence of ", length, " tokens exceeds the cache of ", pages * pageSize), ExitCode::Usage};
  RaggedBatch batch;
  auto pageOf = [&](int64_t index) { return int32_t(pages - 1 - index); };
  for (int64_t i = 0; i < int64_t(tokens.size()); ++i) {
    int64_t at = position + i;
    batch.positions.push_back(int32_t(at));
    batch.slots.push_back(int32_t(pageOf(at / pageSize) * pageSize + at % pageSize));
    if (!lastOnly || i + 1 == int64_t(tokens.size()))
      batch.logitRows.push_back(int32_t(i));
  }
  for (int64_t page = 0; page * pageSize < length; ++page)
    batch.blockTables.push_back(pageOf(page));
  batch.tokens.assign(tokens.begin(), tokens.end());
  batch.seqStarts = {0, int32_t(tokens.size())};
  batch.contextLens = {int32_t(length)};
  Expected<StepResult> result = interpreter.step(batch);
  if (result)
    position = length;
  return result;
}

void addLoss(const StepResult &logits, std::span<const int32_t> window, Loss &sum) {
  for (size_t i = 0; i + 1 < window.size(); ++i) {
    auto row = std::span(logits.logits).subspan(i * size_t(logits.vocabulary), size_t(logits.vocabulary));
    double largest = *std::max_element(row.begin(), row.end()), total = 0;
    for (float value : row)
      total += std::exp(double(value) - largest);
    sum.nats += largest + std::log(total) - double(row[size_t(window[i + 1])]);
    ++sum.predictions;
  }
}

} // namespace qcc::interp
