//===- LinearRewriter.h - Linears that read quantized operands --*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_LINEARREWRITER_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_LINEARREWRITER_H

#include "qcc/Transforms/Quantize/LayerPlan.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace qcc {

/// The tensor that a weight is rounded from: a parameter, or a float derivation (of smoothing).
struct WeightSource {
  mlir::Operation *symbol = nullptr; ///< with one result
  mlir::StringRef name;              ///< of the symbol
  mlir::RankedTensorType type;
};

/// Rewrites linears of one module; derivations that only replaced weights read are erased at the end.
class LinearRewriter {
public:
  explicit LinearRewriter(mlir::ModuleOp module) : symbols(module) {}

  /// Weights are operands: w of a linear, the table of an embedding.

  /// What qcc-lower-precision rounded to bf16, before that rounding, which would only lose precision. An error on the
  /// op where its weight does not come from a derivation.
  mlir::FailureOr<WeightSource> sourceOf(mlir::OpOperand &weight);

  /// Reads x as the dequantization of its codes; once for all linears of a value that ask for one scheme, because they
  /// see the same codes and the kernel that makes the value writes them once. Nothing happens where x is a
  /// dequantization already. Returns the operation that quantizes, null if there is none.
  mlir::FailureOr<mlir::Operation *> quantizeActivations(graph::LinearOp linear, graph::SchemeAttr scheme);

  /// Codes are computed by round-to-nearest in a derivation.
  mlir::LogicalResult deriveWeight(mlir::OpOperand &weight, const PresetSchemes &schemes, bool search);
  /// Codes, scales and zero points lie in `file` as "<name>.codes", "<name>.scales" and "<name>.zeros".
  mlir::LogicalResult readStoredCodes(mlir::OpOperand &weight, const PresetSchemes &schemes, mlir::StringRef file);
  /// The weight in bf16 lies in `file` as "<name>.<part>"; it may be a norm's, too.
  mlir::LogicalResult readStored(mlir::OpOperand &weight, mlir::StringRef part, mlir::StringRef file);

  void eraseReplaced();

private:
  /// A derivation of codes, scales and perhaps zero points of a weight, with an empty body.
  graph::DerivedOp createCodes(mlir::OpOperand &weight, const WeightSource &source, const PresetSchemes &schemes);
  /// `graph.parameter @"<name>.<part>"` before `derived`, and a get of it in its body.
  mlir::Value getStored(graph::DerivedOp derived, mlir::StringRef name, mlir::StringRef part, mlir::Type type,
                        mlir::StringRef file);
  /// Reads the weight as the dequantization of `codes`.
  void readCodes(mlir::OpOperand &weight, graph::DerivedOp codes, graph::SchemeAttr scheme);
  static void replace(mlir::OpOperand &weight, mlir::Value value);
  /// The derivation that a weight is read from now.
  graph::DerivedOp derivationOf(mlir::OpOperand &weight) const;

  mlir::SymbolTable symbols;
  /// A weight's derivation and scheme (null: bf16) → the derivation read in its place. Tied weights may be held as two.
  llvm::MapVector<std::pair<graph::DerivedOp, mlir::Attribute>, graph::DerivedOp> derivations;
  /// value and scheme → its dequantization
  llvm::DenseMap<std::pair<mlir::Value, mlir::Attribute>, mlir::Value> activations;
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_LINEARREWRITER_H
