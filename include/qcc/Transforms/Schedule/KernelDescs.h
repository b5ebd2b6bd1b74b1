//===- KernelDescs.h - From kernel ops to CodeGen's descriptions --*- C++ -*-===//
//
// CodeGen knows no MLIR; these functions say in its terms what a kernel op asks for.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TRANSFORMS_SCHEDULE_KERNELDESCS_H
#define QCC_TRANSFORMS_SCHEDULE_KERNELDESCS_H

#include "qcc/CodeGen/KernelInstance.h"
#include "qcc/Dialect/Kernel/KernelDialect.h"

namespace qcc {

/// The scalar body of a gemm or pointwise op. Fails with a diagnostic on an op that has no kernel form.
mlir::FailureOr<codegen::ScalarProgram> translateBody(mlir::Operation *owner, mlir::Block &body);

/// Description of any kernel op but attention's decode stages.
mlir::FailureOr<codegen::KernelDesc> describe(mlir::Operation *op);

/// The decode stages of an attention op.
codegen::AttentionDesc describeDecode(kernel::AttentionOp op, codegen::AttentionDesc::Stage stage, int64_t maxSplits);

/// The run-time size that counts the rows of a kernel op's problem.
codegen::Size rowsOf(mlir::Operation *op);

/// Variants to and from their attribute form.
kernel::VariantAttr toAttr(mlir::MLIRContext *context, const codegen::KernelVariant &variant);
codegen::KernelVariant fromAttr(kernel::VariantAttr attr);

mlir::DictionaryAttr toDictionary(mlir::Builder &builder, const codegen::KernelConfig &config);

/// A decode variant of attention holds the configurations of its two stages under one roof: SPLITS, PARTIAL_* and
/// COMBINE_*.
struct DecodeConfig {
  int64_t maxSplits = 1;
  codegen::KernelConfig partial, combine;

  /// Nothing for a prefill variant.
  static std::optional<DecodeConfig> of(kernel::VariantAttr variant);
  codegen::KernelConfig joined() const;
};

codegen::ElemType elemTypeOf(mlir::Type type);

} // namespace qcc

#endif // QCC_TRANSFORMS_SCHEDULE_KERNELDESCS_H
