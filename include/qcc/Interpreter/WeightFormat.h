//===- WeightFormat.h - A scheme in the terms of lib/Quant --------*- C++ -*-===//
#ifndef QCC_INTERPRETER_WEIGHTFORMAT_H
#define QCC_INTERPRETER_WEIGHTFORMAT_H

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Quant/CodeFormat.h"

#include <optional>

namespace qcc::interp {

/// How lib/Quant stores weights of the scheme; none for schemes without a quantizer.
std::optional<quant::CodeFormat> weightFormat(graph::SchemeAttr scheme);

} // namespace qcc::interp

#endif // QCC_INTERPRETER_WEIGHTFORMAT_H
