//===- CompareModules.h - Two modules on the same tokens --------*- C++ -*-===//
#ifndef QCC_LIB_TRANSFORMS_NUMERICS_COMPAREMODULES_H
#define QCC_LIB_TRANSFORMS_NUMERICS_COMPAREMODULES_H

#include "AddedNoise.h"
#include "Bounds.h"
#include "qcc/Interpreter/Interpreter.h"
#include "qcc/Support/Error.h"
#include "qcc/Transforms/Numerics/Noise.h"

#include <map>
#include <optional>

namespace qcc::numerics {

/// Factors of a place's channels beside the float module, by key; places that are not in it have none.
using Factors = std::map<std::string, std::vector<double>>;

/// What a place of the module gives beside the same place of the float module.
struct Comparison {
  std::string key, name;
  bool isScalable;
  std::vector<size_t> sources; ///< of comparisons
  Bound bound;
  ChannelSums sums;
  /// Where the float module's half block reads what the module's reads, so that noise of earlier ones is not in it.
  std::optional<ChannelSums> own;
  ValueHistogram histogram;
  std::optional<AddedNoise> added; ///< of a linear with a quantized weight
};

/// Comparisons in the order of `forward`. Both modules run piece by piece, between residual sums, with one piece's
/// weights and values in memory. Fails when a module cannot be run, and when a linear of the float module is no longer
/// there or has another shape. `before`: factors after the last good pass.
Expected<std::vector<Comparison>> compareModules(mlir::ModuleOp exact, mlir::ModuleOp module,
                                                 const interp::RaggedBatch &batch, int64_t pages,
                                                 std::optional<double> bound, const Factors &before);

/// Runs both again, the float module on the module's residual sums, and sets `own` of what compareModules returned.
Status compareHalfBlocks(mlir::ModuleOp exact, mlir::ModuleOp module, const interp::RaggedBatch &batch, int64_t pages,
                         std::vector<Comparison> &comparisons);

/// Where a model's weights lie: the source of its `graph.model`.
Expected<std::string> sourceOf(mlir::ModuleOp module);

} // namespace qcc::numerics

#endif // QCC_LIB_TRANSFORMS_NUMERICS_COMPAREMODULES_H
