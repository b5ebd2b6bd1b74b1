//===- NumericsFlags.h - Flags of --verify-numerics ---------------*- C++ -*-===//
#ifndef QCC_TOOLS_COMMON_NUMERICSFLAGS_H
#define QCC_TOOLS_COMMON_NUMERICSFLAGS_H

#include "qcc/Transforms/Numerics/CheckNumerics.h"

#include "llvm/Support/CommandLine.h"

#include <functional>
#include <optional>

namespace qcc::tools {

/// What the flags ask.
struct Numerics {
  std::optional<VerifyNumerics> when; ///< nothing: no check
  std::optional<double> bound;

  /// buildQuantizePipeline for `module`, the import phase's, with the checks asked for. `reports`: directory for what a
  /// failure leaves behind.
  Status build(mlir::OpPassManager &pm, mlir::ModuleOp module, const QuantizeOptions &options,
               const std::string &reports) const;
};

class NumericsFlags {
public:
  /// `tool` names the program in messages.
  NumericsFlags(std::string tool, llvm::cl::OptionCategory &category);

  /// Fails on values, and on checks without calibration tokens.
  Expected<Numerics> read(const QuantizeOptions &options) const;
  /// The first of the flags that was given, or null.
  const llvm::cl::Option *firstGiven() const;

private:
  std::string tool;
  llvm::cl::opt<std::string> when, bound;
};

} // namespace qcc::tools

#endif // QCC_TOOLS_COMMON_NUMERICSFLAGS_H
