//===- Generate.h - Greedy generation of several sequences --------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_GENERATE_H
#define QCC_TOOLS_QCC_RUN_GENERATE_H

#include "Npy.h"
#include "Options.h"

#include "qccrt/qccrt.h"

#include <memory>

namespace qcc_run {

struct Answer {
  std::vector<int32_t> tokens; ///< generated; an end-of-text token is the last of tokens, and no part of text
};

struct Statistics {
  uint64_t promptTokens = 0, generatedTokens = 0, steps = 0;
  double promptSeconds = 0;  ///< of steps that read a prompt
  double decodeSeconds = 0;  ///< of all others
  uint64_t decodeTokens = 0; ///< generated in those
};

/// Throws Exit with the status' code and message unless ok.
void check(qccrt_status status, const qccrt_error &error);

/// Runs all prompts to their end. Sequences that do not fit into the engine's bounds wait until others have ended.
/// `emit` is called with each new token of a lone prompt, for output as it comes.
class Generator {
public:
  Generator(qccrt_context *context, const qccrt_model_info &model, const Options &options, NpyWriter *logits);
  std::vector<Answer> run(void (*emit)(const Prompt &, int32_t token, bool first), Statistics &statistics);

private:
  struct Sequence {
    const Prompt *prompt = nullptr;
    qccrt_sequence id = 0;
    uint32_t read = 0; ///< tokens of the prompt that were in a step
    int32_t last = -1; ///< generated and not fed back
    bool done = false;
    Answer answer;
  };
  bool prepare();
  bool add(Sequence &sequence, uint32_t &tokens, uint32_t &rows);
  void accept(Sequence &sequence, int32_t token);
  bool ends(int32_t token) const;

  qccrt_context *context;
  const qccrt_model_info &model;
  const Options &options;
  NpyWriter *logits;
  uint32_t maxNew;
  std::vector<Sequence> sequences;
  std::vector<qccrt_input> inputs;
  std::vector<Sequence *> inputOwners;
};

} // namespace qcc_run

#endif // QCC_TOOLS_QCC_RUN_GENERATE_H
