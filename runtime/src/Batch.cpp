//===- Batch.cpp ----------------------------------------------------------===//

#include "Batch.h"
#include "qccrt/engine_format.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace qccrt {
namespace {

uint64_t sumOf(const std::vector<uint64_t> &bytes) { return std::accumulate(bytes.begin(), bytes.end(), uint64_t(0)); }

} // namespace

std::vector<uint64_t> Batch::inputBytes(const plan::Model &model) {
  uint64_t tokens = model.max_tokens(), sequences = model.max_sequences();
  uint64_t pages = pagesFor(model.max_context(), model.page_size());
  uint64_t counts[] = {tokens, tokens, tokens, sequences + 1, sequences, sequences * pages, model.max_logit_rows()};
  std::vector<uint64_t> bytes;
  for (uint64_t count : counts)
    bytes.push_back(alignUp(count * sizeof(int32_t), kConstantAlign));
  return bytes;
}

Batch::Batch(const Device &device, const plan::Model &model)
    : device(device), model(model), staging(device, sumOf(inputBytes(model)), "a step's inputs") {
  uint64_t offset = 0;
  std::vector<uint64_t> bytes = inputBytes(model);
  for (size_t i = 0; i < bytes.size(); ++i) {
    offsets[i] = offset / sizeof(int32_t);
    offset += bytes[i];
  }
  items.reserve(model.max_sequences());
}

void Batch::build(Sequences &sequences, std::span<const qccrt_input> inputs, uint64_t number) {
  check(sequences, inputs, number);
  fill(sequences);
}

void Batch::check(Sequences &sequences, std::span<const qccrt_input> inputs, uint64_t number) {
  if (inputs.empty())
    fail(QCCRT_INVALID_ARGUMENT, "a step needs at least one sequence");
  if (inputs.size() > model.max_sequences())
    fail(QCCRT_INVALID_ARGUMENT, inputs.size(), " sequences in a step, the engine takes ", model.max_sequences());
  uint64_t tokens = 0, rows = 0, newPages = 0;
  items.clear();
  for (const qccrt_input &input : inputs) {
    Sequence &sequence = sequences.find(input.sequence);
    if (sequence.lastStep == number)
      fail(QCCRT_INVALID_ARGUMENT, "sequence ", input.sequence, " occurs twice in a step");
    sequence.lastStep = number;
    checkTokens(input, sequence.length);
    newPages += pagesFor(sequence.length + input.count, model.page_size()) - sequence.pages.size();
    tokens += input.count;
    rows += input.logit_rows;
    items.push_back({&sequence, input});
  }
  if (tokens > model.max_tokens())
    fail(QCCRT_INVALID_ARGUMENT, tokens, " tokens in a step, the engine takes ", model.max_tokens(),
         "; use several steps");
  if (rows > model.max_logit_rows())
    fail(QCCRT_INVALID_ARGUMENT, rows, " logit rows in a step, the engine gives ", model.max_logit_rows(),
         "; use several steps");
  if (newPages > sequences.pages().available())
    fail(QCCRT_NO_PAGES, "the K/V memory is full: the step needs ", newPages, " pages of ", model.page_size(),
         " tokens, ", sequences.pages().available(), " of ", sequences.pages().capacity(), " are free");
}

void Batch::checkTokens(const qccrt_input &input, uint32_t length) const {
  if (input.count == 0 || !input.tokens)
    fail(QCCRT_INVALID_ARGUMENT, "sequence ", input.sequence, ": no tokens; a prompt must have at least one");
  if (input.logit_rows > input.count)
    fail(QCCRT_INVALID_ARGUMENT, "sequence ", input.sequence, ": ", input.logit_rows, " logit rows for ", input.count,
         " tokens");
  if (uint64_t(length) + input.count > model.max_context())
    fail(QCCRT_INVALID_ARGUMENT, "sequence ", input.sequence, ": ", uint64_t(length) + input.count,
         " tokens exceed the engine's context of ", model.max_context());
  for (uint32_t i = 0; i < input.count; ++i)
    if (input.tokens[i] < 0 || uint32_t(input.tokens[i]) >= model.vocabulary())
      fail(QCCRT_INVALID_ARGUMENT, "sequence ", input.sequence, ": token ", i, " is ", input.tokens[i],
           ", the vocabulary has ids 0 to ", model.vocabulary() - 1);
}

void Batch::fill(Sequences &sequences) {
  const uint32_t pageSize = model.page_size();
  int32_t *tokens = values(Input::Tokens), *positions = values(Input::Positions), *slots = values(Input::Slots);
  int32_t *starts = values(Input::SeqStarts), *contexts = values(Input::ContextLens), *rows = values(Input::LogitRows);
  uint64_t token = 0, row = 0, longestRun = 0, longestContext = 0, columns = 0;
  for (size_t b = 0; b < items.size(); ++b) {
    auto &[sequence, input] = items[b];
    uint32_t length = sequence->length + input.count;
    sequences.grow(*sequence, uint32_t(pagesFor(length, pageSize)));
    starts[b] = int32_t(token);
    contexts[b] = int32_t(length);
    std::memcpy(tokens + token, input.tokens, input.count * sizeof(int32_t));
    for (uint32_t i = 0; i < input.count; ++i) {
      uint32_t position = sequence->length + i;
      positions[token + i] = int32_t(position);
      slots[token + i] = sequence->pages[position / pageSize] * int32_t(pageSize) + int32_t(position % pageSize);
    }
    for (uint32_t i = input.count - input.logit_rows; i < input.count; ++i)
      rows[row++] = int32_t(token + i);
    token += input.count;
    longestRun = std::max<uint64_t>(longestRun, input.count);
    longestContext = std::max<uint64_t>(longestContext, length);
    columns = std::max<uint64_t>(columns, sequence->pages.size());
  }
  starts[items.size()] = int32_t(token);
  // Shorter sequences' rows end in -1: a kernel that follows one of these is wrong, and a checking driver sees it.
  int32_t *tables = values(Input::BlockTables);
  for (size_t b = 0; b < items.size(); ++b) {
    const std::vector<int32_t> &pages = items[b].sequence->pages;
    int32_t *end = std::copy(pages.begin(), pages.end(), tables + b * columns);
    std::fill(end, tables + (b + 1) * columns, -1);
  }
  current = {1, token, items.size(), row, longestRun, longestContext, columns};
}

void Batch::upload(const std::vector<cuda::Pointer> &addresses) const {
  auto size = [&](plan::Size which) { return current[size_t(which)]; };
  uint64_t t = size(plan::Size::T), b = size(plan::Size::B);
  const uint64_t counts[] = {t, t, t, b + 1, b, b * size(plan::Size::P), size(plan::Size::R)};
  // Exactly what the step uses: a read beyond it is a read of what was never written.
  for (size_t i = 0; i < std::size(counts); ++i)
    if (counts[i])
      device.driver().check(device.driver().copyToDevice(addresses[i], staging.as<int32_t>() + offsets[i],
                                                         counts[i] * sizeof(int32_t), device.stream()),
                            "cannot copy a step's inputs to the device");
}

void Batch::commit() {
  for (auto &[sequence, input] : items)
    sequence->length += input.count;
}

} // namespace qccrt
