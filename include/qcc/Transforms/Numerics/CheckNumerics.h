//===- CheckNumerics.h - The quantize phase, pass by pass -------*- C++ -*-===//
//
// After a pass the module computes on a few calibration tokens what the float module computes, but for the noise of its
// formats. What is beyond that is a fault of the pass, or of what it read, and is reported with the first place where
// it shows, the op at fault, the values there, and a command that runs the pass again.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TRANSFORMS_NUMERICS_CHECKNUMERICS_H
#define QCC_TRANSFORMS_NUMERICS_CHECKNUMERICS_H

#include "qcc/Support/Error.h"
#include "qcc/Transforms/Quantize/QuantizeOptions.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

#include <memory>
#include <optional>
#include <string>

namespace qcc {

#define GEN_PASS_DECL
#include "qcc/Transforms/Numerics/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "qcc/Transforms/Numerics/Passes.h.inc"

struct NumericsOptions {
  std::string calib;           ///< tokens; of its first sequences at most 512 are run
  std::optional<double> bound; ///< dB, of linears with quantized weights; nothing: what the formats allow
  std::string reports;         ///< directory of report and reproducer, made when there is one; empty: none are written
  std::string note;            ///< what the command of the reproducer does not say; may be empty
};

class NumericsCheck {
public:
  virtual ~NumericsCheck() = default;

  /// Keeps a copy of `module`, the import phase's, as what is right. Fails on tokens that cannot be read.
  static Expected<std::unique_ptr<NumericsCheck>> create(mlir::ModuleOp module, const NumericsOptions &options);

  /// Compares the module; `pipeline`: the passes since the last call, as MLIR writes pipelines. Reports through
  /// diagnostics: a remark with the worst place, or an error with the finding. A module that is still the same is not
  /// run again.
  virtual mlir::LogicalResult check(mlir::ModuleOp module, llvm::StringRef pipeline) = 0;
};

/// `check` as a pass; each is told the passes before it.
std::unique_ptr<mlir::Pass> createCheckNumericsPass(std::shared_ptr<NumericsCheck> check, std::string pipeline);

enum class VerifyNumerics { Final, Each };

/// buildQuantizePipeline with checks behind each pass, or one at the end.
void buildCheckedQuantizePipeline(mlir::OpPassManager &pm, const QuantizeOptions &options, VerifyNumerics when,
                                  std::shared_ptr<NumericsCheck> check);

} // namespace qcc

#endif // QCC_TRANSFORMS_NUMERICS_CHECKNUMERICS_H
