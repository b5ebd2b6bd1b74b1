//===- Batches.h - Calibration sequences as steps of forward ----*- C++ -*-===//
#ifndef QCC_CALIBRATION_BATCHES_H
#define QCC_CALIBRATION_BATCHES_H

#include "qcc/Calibration/TokenFile.h"
#include "qcc/Interpreter/Interpreter.h"

namespace qcc::calib {

/// Whole sequences that run as one prefill.
struct Batch {
  interp::RaggedBatch step;
  bool isHeldOut = false; ///< judges what the others chose, and never enters a sum
  int64_t firstToken = 0; ///< of its tokens among those of all held-out (or all other) batches

  int64_t tokens() const { return int64_t(step.tokens.size()); }
};

/// What a calibration runs, in this order. It follows from the tokens alone.
struct BatchPlan {
  std::vector<Batch> batches;
  int64_t pages = 0;         ///< of the largest batch
  int64_t tokens = 0;        ///< of batches that are not held out
  int64_t heldOutTokens = 0; ///< of those that are

  /// Rows of a held-out batch that are looked at so that there are at most `limit` over all of them, spread evenly.
  std::vector<int64_t> sampleRows(const Batch &batch, int64_t limit) const;
};

/// Tokens per page of the module's cache; 1 where it has none.
int64_t pageSizeOf(mlir::ModuleOp module);
/// The last eighth of the sequences, and at least one, is held out. A batch holds sequences of at most `tokensPerBatch`
/// tokens, or one longer one.
BatchPlan planBatches(const TokenSet &tokens, int64_t pageSize, int64_t tokensPerBatch = 1024);

} // namespace qcc::calib

#endif // QCC_CALIBRATION_BATCHES_H
