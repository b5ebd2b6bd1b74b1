//===- SegmentRunner.h - forward, piece by piece ------------------*- C++ -*-===//
//
// Calibration runs many sequences through one piece of `forward` before it goes on to the next, so that a layer can be
// quantized on what the layers before it really give. A cut is a place between two ops; what crosses it is kept by the
// caller, an Environment for each batch. Weights are loaded for one piece at a time.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_INTERPRETER_SEGMENTRUNNER_H
#define QCC_INTERPRETER_SEGMENTRUNNER_H

#include "qcc/Interpreter/Interpreter.h"
#include "qcc/Interpreter/Tensor.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace qcc::interp {

/// Values alive at a cut, of one batch.
using Environment = llvm::DenseMap<mlir::Value, Tensor<float>>;

/// `sequences` whole sequences as one prefill from position 0; each has pages of its own, and a row of logits is asked
/// for every token.
RaggedBatch makePrefill(std::span<const std::vector<int32_t>> sequences, int64_t pageSize);

class SegmentRunner {
public:
  virtual ~SegmentRunner() = default;

  /// `pages`: of the cache, which holds one batch. The module must hold `forward` of the import or quantize phase; it
  /// may change between calls of `prepare`.
  static Expected<std::unique_ptr<SegmentRunner>> create(mlir::ModuleOp module, const ParameterSource &source,
                                                         int64_t pages, Observer observer = {});

  /// Float or integer values defined before `cut`, used at or behind it, and following from the batch (not from weights
  /// alone, and no arguments of forward). `cut` null: behind the last op.
  virtual llvm::SmallVector<mlir::Value> liveAt(mlir::Operation *cut) const = 0;

  /// Loads what the ops of [begin, end) read of weights, forgetting the last piece. `begin` null: from the first op;
  /// `end` null: up to the return. A kv_append and the attention of its layer must lie in one piece.
  virtual Status prepare(mlir::Operation *begin, mlir::Operation *end) = 0;

  /// Forgets the piece, its weights and caches: memory for what comes before the next `prepare`.
  virtual void release() = 0;

  /// Replaces the numbers of a value that follows from weights alone (a `graph.get` result or what is computed from it)
  /// and of what follows from it, until the next `prepare`: trial weights of a search.
  virtual Status overrideConstant(mlir::Value value, Tensor<float> tensor) = 0;
  /// The numbers of such a value, one that ops of the prepared piece read beside values of the batch.
  virtual const Tensor<float> &constant(mlir::Value value) const = 0;

  /// Runs the prepared piece. `values` must hold what is live at `begin`; afterwards it holds what is live at `end`
  /// (what forward returns, if that is null). Several threads may run batches of their own; the observer is then called
  /// by several threads.
  virtual Status run(const RaggedBatch &batch, Environment &values) const = 0;
};

} // namespace qcc::interp

#endif // QCC_INTERPRETER_SEGMENTRUNNER_H
