//===- Materialize.h - Weights from derivations into the file -----*- C++ -*-===//
#ifndef QCC_LIB_ENGINE_MATERIALIZE_H
#define QCC_LIB_ENGINE_MATERIALIZE_H

#include "PlanBuilder.h"

#include "qcc/Support/ParameterSource.h"
#include "qcc/Support/Progress.h"

namespace qcc {

/// Writes the bytes of every constant, derivations tile by tile on `threads` threads. A tile has a fixed number of
/// rows, so the bytes do not depend on the threads, and memory is a few tiles per thread.
Status materialize(mlir::ModuleOp module, const BuiltPlan &built, const ParameterSource &source,
                   engine_file::EngineWriter &writer, unsigned threads, ProgressMode progress);

} // namespace qcc

#endif // QCC_LIB_ENGINE_MATERIALIZE_H
