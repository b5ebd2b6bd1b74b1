//===- SmoothFold.h - Vectors moved between weights, as IR ------*- C++ -*-===//
//
// What a smoothing pass decided becomes derivations over stored vectors, so that the IR says what was done and weights
// stay where they are:
//
//     graph.parameter @"norm.weight.smooth.s" : tensor<Kxf32> from "quantized/smooth-000-<key>.safetensors" tensor
//     "norm.weight.smooth.s" graph.derived @"norm.weight.smooth" : tensor<Kxf32> { get norm.weight; cast; get s; div }
//     graph.derived @"q_proj.weight.smooth" : tensor<NxKxf32> { get q_proj.weight; cast; get s; mul }
//
// The numerators are f32 and so is the quotient: whoever rounds, rounds once.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHFOLD_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHFOLD_H

#include "SmoothPairs.h"
#include "WorkFile.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

namespace qcc {

/// s as it is stored: f32, and for a norm moved by less than a bf16 ulp so that γ / s is a bf16 number (γ / bf16(γ /
/// s)): the folded norm then loses nothing when it is rounded to bf16. 1 where γ / s would vanish or overflow.
std::vector<float> storedSmoothing(const std::vector<double> &s, std::span<const float> gamma);

class SmoothFold {
public:
  /// `suffix` names derivations, `label` and `key` the file (WorkFile.h). Without a key it is named after what it
  /// holds, and cannot be restored.
  SmoothFold(mlir::SymbolTable &symbols, std::string suffix, std::string label, std::string key);

  /// Divides the pair's producer by s and multiplies its consumers' columns.
  void fold(SmoothPair &pair, const std::vector<float> &s);
  /// Replaces a linear's weight, after the folds, by stored numbers (rounded to bf16).
  void replaceWeight(graph::LinearOp linear, std::span<const float> weight);
  /// What was decided, for people: an object for each pair.
  void report(llvm::json::Object object) { reports.push_back(std::move(object)); }

  /// Folds what the work directory's file says, where there is one with this key: what a run that was killed had
  /// decided.
  bool restore(const std::string &workDirectory, llvm::MutableArrayRef<SmoothPair> pairs,
               llvm::ArrayRef<graph::LinearOp> linears);
  /// Writes the file into the work directory, unless restored or empty, and forgets the numbers: they are as large as
  /// the weights. Nothing may be added then.
  Status write(const std::string &workDirectory);
  /// What was decided, in the words of a recipe.
  SearchedValues searched() const;
  /// Rewrites the module. An error on the op whose weight is not float or does not follow from parameters.
  mlir::LogicalResult apply();

private:
  struct Edit {
    std::string columns, rows; ///< parameters to multiply columns by, to divide rows (or a vector) by
    std::string whole;         ///< parameter that replaces everything
  };

  /// Adds a stored tensor, if it is not in the file already, and its parameter op.
  void store(const std::string &name, mlir::RankedTensorType type, std::span<const std::byte> bytes);
  /// Takes bf16 numbers in place of a linear's weight.
  void storeWeight(graph::LinearOp linear, std::span<const std::byte> bits);
  std::string storeVector(const std::string &name, std::span<const float> s);
  std::string nameOf(mlir::Value weight) const;
  mlir::LogicalResult rewrite(mlir::OpOperand &use, const Edit &edit);

  mlir::SymbolTable &symbols;
  mlir::ModuleOp module;
  std::string suffix, label, key;
  std::string file; ///< empty: not known before it is written
  llvm::SmallVector<graph::ParameterOp> parameters;
  WorkFileWriter writer;
  llvm::json::Array reports;
  bool isRestored = false;
  llvm::MapVector<mlir::OpOperand *, Edit> edits;
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_SMOOTHFOLD_H
