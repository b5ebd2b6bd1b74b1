//===- Packing.h - graph.pack as bytes --------------------------*- C++ -*-===//
#ifndef QCC_LIB_INTERPRETER_PACKING_H
#define QCC_LIB_INTERPRETER_PACKING_H

#include "Ops.h"
#include "qcc/Interpreter/Derivation.h"

namespace qcc::interp {

/// Adds the pieces of result number `result` that follow from rows of the packed tensor: `x` are its rows from `begin`
/// on, which are rows [begin, end) of the padded layout (fewer where it ends within them). `begin` is a multiple of 64,
/// unless the layout does not pad rows. Fails where a 2:4 layout is given a weight that is not.
Status packRows(unsigned result, graph::PackOp op, const Tensor<float> &x, int64_t begin, int64_t end,
                std::vector<DerivedPiece> &pieces);

} // namespace qcc::interp

#endif // QCC_LIB_INTERPRETER_PACKING_H
