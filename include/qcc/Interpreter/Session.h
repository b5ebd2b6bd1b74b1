//===- Session.h - One sequence on an interpreter ---------------*- C++ -*-===//
#ifndef QCC_INTERPRETER_SESSION_H
#define QCC_INTERPRETER_SESSION_H

#include "qcc/Interpreter/Interpreter.h"

namespace qcc::interp {

/// A single growing sequence that owns the interpreter's whole cache. Pages are used in order from the last to the
/// first, so that a mistake in the use of block tables shows.
class Session {
public:
  explicit Session(Interpreter &interpreter) : interpreter(interpreter) {}

  /// Appends tokens and returns a row of logits for each of them (or for the last alone). Fails if a token is outside
  /// the vocabulary, there are none, or the cache is full.
  Expected<StepResult> append(std::span<const int32_t> tokens, bool lastOnly = false);
  int64_t length() const { return position; }

private:
  Interpreter &interpreter;
  int64_t position = 0;
};

/// Sum of -ln p over predicted tokens.
struct Loss {
  double nats = 0;
  int64_t predictions = 0;
  double mean() const { return predictions == 0 ? 0 : nats / double(predictions); }
};
/// Adds one window: every token but the first is predicted from those before it. `logits` has a row for each token (the
/// last is not used).
void addLoss(const StepResult &logits, std::span<const int32_t> window, Loss &sum);

} // namespace qcc::interp

#endif // QCC_INTERPRETER_SESSION_H
