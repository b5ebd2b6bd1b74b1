//===- BatchCheck.h - Indices of a step -------------------------*- C++ -*-===//
#ifndef QCC_LIB_INTERPRETER_BATCHCHECK_H
#define QCC_LIB_INTERPRETER_BATCHCHECK_H

#include "qcc/Interpreter/Interpreter.h"

namespace qcc::interp {

struct BatchLimits {
  int64_t vocabulary, pages, pageSize;
};

/// Everything the ops index with is in range and the batch's vectors agree.
Status checkBatch(const RaggedBatch &batch, const BatchLimits &limits);

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_BATCHCHECK_H
