//===- ExplainQuantization.h - What will happen to each layer -----*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_EXPLAINQUANTIZATION_H
#define QCC_TRANSFORMS_QUANTIZE_EXPLAINQUANTIZATION_H

#include "qcc/Transforms/Quantize/Recipe.h"

#include "mlir/IR/BuiltinOps.h"

namespace qcc {

/// A text for people: the steps and notes of a recipe (null: of flags), then for each linear of the imported module how
/// its weights and inputs are held, by which methods, and why; then cache and embeddings. Fails as planLayers does.
Expected<std::string> explainQuantization(mlir::ModuleOp module, const QuantizeOptions &options, const Recipe *recipe);

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_EXPLAINQUANTIZATION_H
