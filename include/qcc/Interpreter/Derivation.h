//===- Derivation.h - Bytes of graph.parameter and graph.derived -*- C++ -*-===//
//
// Weights are evaluated here and nowhere else: by the interpreter as values, by the engine's materialize as bytes, tile
// by tile. Arithmetic is f32, each op rounds to its result type (docs/architecture.md). Every parameter value read is
// checked to be finite.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_INTERPRETER_DERIVATION_H
#define QCC_INTERPRETER_DERIVATION_H

#include "qcc/Interpreter/Tensor.h"

#include "mlir/IR/Operation.h"

namespace qcc::graph {
class DerivedOp;
class ParameterOp;
} // namespace qcc::graph

namespace qcc::interp {

class TileEvaluator;

/// A contiguous range of one result's bytes.
struct DerivedPiece {
  unsigned result;
  uint64_t offset;
  std::vector<std::byte> bytes;
};

/// Evaluates one symbol, a graph.derived or a graph.parameter (which is its own only result). Thread safe; the op, its
/// module and the source must outlive it.
class Derivation {
public:
  /// Finds the parameters and derivations that the region gets. Fails when one is missing or its stored type or shape
  /// is not the declared one.
  static Expected<Derivation> create(mlir::Operation *symbol, const ParameterSource &source);

  /// Results are computed in tiles of a common row range: of the leading dimension, or of a packed weight's rows padded
  /// to 64; scales of blocks of rows go with the rows of their blocks. 1 when the results do not share one, or follow
  /// from a scale that needs all rows (then the only tile is everything).
  int64_t rows() const { return rowCount; }
  /// Tiles begin at multiples of this (of 64 when something is packed, of the rows that share scales) and end at one or
  /// at rows().
  int64_t rowMultiple() const { return multiple; }
  unsigned resultCount() const { return unsigned(results.size()); }
  /// Size of a result in its stored form: packed layouts as graph.pack says, integer codes a byte each, everything else
  /// its dtype row-major.
  uint64_t byteCount(unsigned result) const;

  /// The bytes that rows [begin, end) give each result. All pieces of all tiles cover each result exactly once; they do
  /// not depend on the tiling.
  Expected<std::vector<DerivedPiece>> evaluate(int64_t begin, int64_t end) const;

  /// A whole result as numbers, on several threads where scales are searched; not for packed results.
  Expected<Tensor<float>> values(unsigned result) const;
  /// All results as numbers: what they share is computed once.
  Expected<std::vector<Tensor<float>>> values() const;

private:
  Derivation() = default;
  void findRows();
  Expected<Tensor<float>> values(unsigned result, TileEvaluator &evaluator) const;

  mlir::Operation *symbol = nullptr;
  const ParameterSource *source = nullptr;
  std::vector<mlir::Type> results;
  int64_t rowCount = 1, multiple = 1;
  bool streams = true; ///< false: rowCount 1 stands for everything
};

} // namespace qcc::interp

#endif // QCC_INTERPRETER_DERIVATION_H
