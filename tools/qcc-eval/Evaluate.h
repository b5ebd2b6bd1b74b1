//===- Evaluate.h - Generation and loss on the interpreter --------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_EVAL_EVALUATE_H
#define QCC_TOOLS_QCC_EVAL_EVALUATE_H

#include "Options.h"

namespace qcc::eval {

/// Does what the options ask and prints to standard output.
Status evaluate(const Options &options);

} // namespace qcc::eval

#endif // QCC_TOOLS_QCC_EVAL_EVALUATE_H
