//===- Weights.h - Where the weights of a module lie --------------*- C++ -*-===//
//
// Parameters whose file begins with `quantized/` were made by calibration and lie in the work directory, which the
// module attribute `qcc.work` names; all others lie in the model directory.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TRANSFORMS_QUANTIZE_WEIGHTS_H
#define QCC_TRANSFORMS_QUANTIZE_WEIGHTS_H

#include "qcc/Support/File.h"
#include "qcc/Support/ParameterSource.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>
#include <vector>

namespace qcc {

inline constexpr llvm::StringLiteral kWorkAttr = "qcc.work";
inline constexpr llvm::StringLiteral kWorkFiles = "quantized/";

class ModuleWeights : public ParameterSource {
public:
  /// Files that must not be overwritten.
  virtual std::vector<FileIdentity> inputs() const = 0;
};

/// Both directories as one source. Files of the work directory are opened when they are first asked for, so they may be
/// written after this call.
Expected<std::unique_ptr<ModuleWeights>> openWeights(mlir::ModuleOp module, const std::string &modelDirectory);

/// The parameter or derivation that a weight follows from, by first operands; empty where there is none.
llvm::StringRef rootSymbol(mlir::Value weight);

} // namespace qcc

#endif // QCC_TRANSFORMS_QUANTIZE_WEIGHTS_H
