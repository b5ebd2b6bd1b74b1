//===- Passes.h - Passes of the import and quantize phases --------*- C++ -*-===//
#ifndef QCC_TRANSFORMS_QUANTIZE_PASSES_H
#define QCC_TRANSFORMS_QUANTIZE_PASSES_H

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace qcc {

/// How a static activation scale follows from the values that calibration saw.
enum class StaticScaleRule { AbsMax, Percentile, Mse };

#define GEN_PASS_DECL
#include "qcc/Transforms/Quantize/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "qcc/Transforms/Quantize/Passes.h.inc"

/// The passes with all that the options say; their textual options are a part of it.
std::unique_ptr<mlir::Pass> createGptqPass(const QuantizeOptions &options);
std::unique_ptr<mlir::Pass> createQuantizeWeightsPass(const QuantizeOptions &options, bool search);

std::unique_ptr<mlir::Pass> createSmoothPass(const QuantizeOptions &options);
std::unique_ptr<mlir::Pass> createAwqPass(const QuantizeOptions &options);
std::unique_ptr<mlir::Pass> createStaticScalesPass(const QuantizeOptions &options);
std::unique_ptr<mlir::Pass> createSetKvCachePass(const QuantizeOptions &options);

std::unique_ptr<mlir::Pass> createRecordRecipePass(const QuantizeOptions &options);

/// Called when a pass has been added; it may add others behind it.
using AfterPass = llvm::function_ref<void(mlir::OpPassManager &pm, mlir::Pass &added)>;

/// Imported graph IR to quantized graph IR, closed by its verifier. Diagnostics name the layer, pattern or option at
/// fault.
void buildQuantizePipeline(mlir::OpPassManager &pm, const QuantizeOptions &options, AfterPass after = {});

/// The pipeline by name for qcc-opt: `--qcc-quantize-pipeline="preset=fp8 kv-cache=bf16"`.
void registerQuantizePipeline();

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_PASSES_H
