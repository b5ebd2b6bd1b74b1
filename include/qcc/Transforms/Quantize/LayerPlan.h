//===- LayerPlan.h - What happens to each linear ----------------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_LAYERPLAN_H
#define QCC_TRANSFORMS_QUANTIZE_LAYERPLAN_H

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Quant/CodeFormat.h"
#include "qcc/Support/Error.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace qcc {

/// How a preset holds weights and activations.
struct PresetSchemes {
  graph::SchemeAttr weights;     ///< null: bf16
  graph::SchemeAttr activations; ///< dynamic; null: bf16
  std::string suffix;            ///< of the derivations that hold such weights: "w4g128"
};
/// Fails on a group size that is not 0 (per channel), 32, 64 or 128.
Expected<PresetSchemes> schemesOf(mlir::MLIRContext *context, QuantPreset preset, int64_t groupSize);

/// A weight's scheme in the terms of lib/Quant.
quant::CodeFormat codeFormat(graph::SchemeAttr weights);

/// What happens to one linear.
struct LayerPlan {
  graph::LinearOp linear;
  PresetSchemes schemes;
  bool staticActivations = false; ///< one calibrated scale per value instead of scales from each step's data
  bool prune = false;             ///< to 2:4
  std::string reason{};           ///< which target or exclusion decided, for people

  std::string name() { return linear.getName().value_or("").str(); }
};

/// The linears of `forward` in its order: those that rules (or else the preset) name are quantized, without excluded
/// ones, those that pruning targets name are pruned, and `lm_head` is neither unless the options ask for it. Fails on a
/// pattern that matches no linear, naming it.
Expected<std::vector<LayerPlan>> planAllLayers(mlir::ModuleOp module, const QuantizeOptions &options);
/// Those of them that are quantized or pruned.
Expected<std::vector<LayerPlan>> planLayers(mlir::ModuleOp module, const QuantizeOptions &options);
/// Fails on a layer that no kernel multiplies as planned: pruned, in a format that has dense products alone.
Status checkProducts(mlir::ModuleOp module, const QuantizeOptions &options);

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_LAYERPLAN_H
