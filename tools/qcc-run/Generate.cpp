//===- Generate.cpp -------------------------------------------------------===//

#include "Generate.h"

#include <algorithm>
#include <chrono>

namespace qcc_run {

void check(qccrt_status status, const qccrt_error &error) {
  switch (status) {
  case QCCRT_OK:
    return;
  case QCCRT_INVALID_ARGUMENT:
  case QCCRT_DAMAGED:
  case QCCRT_UNSUPPORTED:
    throw Exit{BadInput, error.message};
  case QCCRT_IO:
    throw Exit{IoError, error.message};
  case QCCRT_NO_DRIVER:
  case QCCRT_NO_DEVICE:
  case QCCRT_MISMATCH:
  case QCCRT_DRIVER:
    throw Exit{Unavailable, error.message};
  case QCCRT_OUT_OF_MEMORY:
  case QCCRT_NO_PAGES:
    throw Exit{OutOfMemory, error.message};
  case QCCRT_LOST:
    throw Exit{DeviceLost, error.message};
  case QCCRT_INTERNAL:
    break;
  }
  throw Exit{Internal, error.message};
}

Generator::Generator(qccrt_context *context, const qccrt_model_info &model, const Options &options, NpyWriter *logits)
    : context(context), model(model), options(options), logits(logits), maxNew(*options.maxNew),
      sequences(options.prompts.size()) {
  for (size_t i = 0; i < sequences.size(); ++i)
    sequences[i].prompt = &options.prompts[i];
}

bool Generator::ends(int32_t token) const {
  return !options.ignoreEos && std::count(model.eos_tokens, model.eos_tokens + model.eos_count, token);
}

/// Adds what the sequence can do next, within what is left of the step's tokens and logit rows.
bool Generator::add(Sequence &sequence, uint32_t &tokens, uint32_t &rows) {
  const std::vector<int32_t> &prompt = sequence.prompt->tokens;
  qccrt_input input{};
  if (sequence.read < prompt.size()) {
    uint32_t count = std::min(uint32_t(prompt.size()) - sequence.read, tokens);
    if (logits) // each position's row is wanted
      count = std::min(count, rows);
    bool last = sequence.read + count == prompt.size();
    input = {sequence.id, prompt.data() + sequence.read, count, logits ? count : uint32_t(last)};
  } else {
    input = {sequence.id, &sequence.last, std::min(tokens, 1u), 1};
  }
  if (input.count == 0 || input.logit_rows > rows)
    return false;
  tokens -= input.count;
  rows -= input.logit_rows;
  inputs.push_back(input);
  inputOwners.push_back(&sequence);
  return true;
}

/// Fills `inputs` for the next step: sequences that generate first, since each needs but one token; false when all have
/// ended.
bool Generator::prepare() {
  inputs.clear();
  inputOwners.clear();
  uint32_t tokens = options.stepTokens ? std::min(options.stepTokens, model.max_tokens) : model.max_tokens,
           rows = model.max_logit_rows;
  qccrt_context_info info;
  qccrt_context_get_info(context, &info);
  uint64_t freePages = info.kv_tokens_free / model.page_size;
  for (bool generating : {true, false})
    for (Sequence &sequence : sequences) {
      if (sequence.done || (sequence.read == sequence.prompt->tokens.size()) != generating ||
          inputs.size() == model.max_sequences)
        continue;
      if (!sequence.id) {
        // A sequence starts once its last page is sure, so that none is stranded half-way.
        uint64_t length = sequence.prompt->tokens.size() + (maxNew ? maxNew - 1 : 0);
        uint64_t pages = (length + model.page_size - 1) / model.page_size;
        uint64_t promised = 0;
        for (const Sequence &other : sequences)
          if (other.id && !other.done) {
            uint64_t held = other.read + other.answer.tokens.size() - (other.last >= 0);
            uint64_t full = other.prompt->tokens.size() + (maxNew ? maxNew - 1 : 0);
            promised += (full + model.page_size - 1) / model.page_size - (held + model.page_size - 1) / model.page_size;
          }
        if (pages + promised > freePages)
          continue;
        qccrt_error error;
        check(qccrt_sequence_create(context, &sequence.id, &error), error);
      }
      add(sequence, tokens, rows);
    }
  if (inputs.empty() && std::any_of(sequences.begin(), sequences.end(), [](const Sequence &one) { return !one.done; }))
    throw Exit{OutOfMemory, "the K/V memory holds none of the waiting prompts; raise --kv-tokens"};
  return !inputs.empty();
}

void Generator::accept(Sequence &sequence, int32_t token) {
  sequence.last = -1;
  if (maxNew > 0) {
    sequence.answer.tokens.push_back(token);
    sequence.last = token;
  }
  if (sequence.answer.tokens.size() < maxNew && !ends(token))
    return;
  sequence.done = true;
  qccrt_error error;
  check(qccrt_sequence_destroy(context, sequence.id, &error), error);
}

std::vector<Answer> Generator::run(void (*emit)(const Prompt &, int32_t token, bool first), Statistics &statistics) {
  while (prepare()) {
    qccrt_output output;
    qccrt_error error;
    auto begin = std::chrono::steady_clock::now();
    check(qccrt_step(context, inputs.data(), uint32_t(inputs.size()), logits ? QCCRT_COPY_LOGITS : 0, &output, &error),
          error);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    ++statistics.steps;
    uint32_t row = 0, finished = 0;
    bool readsPrompt = false;
    for (size_t i = 0; i < inputs.size(); ++i) {
      Sequence &sequence = *inputOwners[i];
      for (uint32_t r = 0; logits && r < inputs[i].logit_rows; ++r)
        logits->row(output.logits + size_t(row + r) * output.logits_stride);
      row += inputs[i].logit_rows;
      if (sequence.read < sequence.prompt->tokens.size()) {
        readsPrompt = true;
        sequence.read += inputs[i].count;
        statistics.promptTokens += inputs[i].count;
        if (sequence.read < sequence.prompt->tokens.size())
          continue;
      }
      bool first = sequence.answer.tokens.empty();
      accept(sequence, output.next_tokens[row - 1]);
      if (maxNew > 0) {
        ++finished;
        bool silent = sequence.prompt->isText && ends(sequence.answer.tokens.back()); // it is no part of the text
        if (sequences.size() == 1 && !silent)
          emit(*sequence.prompt, sequence.answer.tokens.back(), first);
      }
    }
    statistics.generatedTokens += finished;
    (readsPrompt ? statistics.promptSeconds : statistics.decodeSeconds) += seconds;
    if (!readsPrompt)
      statistics.decodeTokens += finished;
  }
  std::vector<Answer> answers;
  for (Sequence &sequence : sequences) {
    std::vector<int32_t> &tokens = sequence.answer.tokens;
    if (sequence.prompt->isText && !tokens.empty() && ends(tokens.back()))
      tokens.pop_back();
    answers.push_back(std::move(sequence.answer));
  }
  return answers;
}

} // namespace qcc_run
