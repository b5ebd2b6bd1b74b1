//===- Interpreter.h - Executes graph IR on the CPU -------------*- C++ -*-===//
//
// The meaning of the graph dialect: each op computes in f32 (or f64) from its operands' values and rounds once to its
// result's element type. Executes `forward` (docs/architecture.md) over ragged batches and keeps the K/V cache between
// steps.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_INTERPRETER_INTERPRETER_H
#define QCC_INTERPRETER_INTERPRETER_H

#include "qcc/Support/ParameterSource.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>

namespace qcc::interp {

enum class Precision { F32, F64 };

/// Called after each op of `forward` with each float result: numbers row-major, rounded to their element type.
using Observer = std::function<void(mlir::Operation *op, unsigned result, std::span<const int64_t> shape,
                                    std::span<const float> values)>;

struct Options {
  Precision precision = Precision::F32;
  int64_t pages = 64; ///< of the K/V cache, page_size positions each; memory is taken when a layer is first written
  Observer observer;  ///< may be empty
};

/// The arguments of `forward`, one vector each; block_tables is row-major [sequences, pagesPerSequence].
struct RaggedBatch {
  std::vector<int32_t> tokens, positions, slots, seqStarts, contextLens, blockTables, logitRows;
};

struct StepResult {
  int64_t vocabulary = 0;
  std::vector<float> logits; ///< [logit rows, vocabulary]
  std::vector<int32_t> nextTokens;
};

class Interpreter {
public:
  /// The module must hold a verified `forward` of the import or quantize phase and at most one cache. Module and source
  /// must outlive the interpreter. Fails on ops that have no meaning here (those of later phases) and on unreadable or
  /// non-finite weights, which are loaded at once.
  static Expected<std::unique_ptr<Interpreter>> create(mlir::ModuleOp module, const ParameterSource &source,
                                                       Options options = {});
  virtual ~Interpreter() = default;

  /// Runs one step. Fails when an index is out of range: token, slot, sequence bounds, page, logit row.
  virtual Expected<StepResult> step(const RaggedBatch &batch) = 0;

  virtual int64_t vocabulary() const = 0;
  virtual int64_t pageSize() const = 0;
  virtual int64_t pages() const = 0;
};

} // namespace qcc::interp

#endif // QCC_INTERPRETER_INTERPRETER_H
