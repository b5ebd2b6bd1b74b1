//===- Passes.h - Passes of the import and quantize phases --------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_PASSES_H
#define QCC_TRANSFORMS_QUANTIZE_PASSES_H

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace qcc {

#define GEN_PASS_DECL
#include "qcc/Transforms/Quantize/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "qcc/Transforms/Quantize/Passes.h.inc"

/// Imported graph IR to quantized graph IR, closed by its verifier. Diagnostics name the layer, pattern or option at
/// fault.
void buildQuantizePipeline(mlir::OpPassManager &pm, const QuantizeOptions &options);

/// The pipeline by name for qcc-opt: `--qcc-quantize-pipeline="preset=fp8 kv-cache=bf16"`.
void registerQuantizePipeline();

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_PASSES_H
