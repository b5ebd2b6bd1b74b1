//===- WriteEngine.h - Engine IR to an engine file ---------------*- C++ -*-===//
#ifndef QCC_ENGINE_WRITEENGINE_H
#define QCC_ENGINE_WRITEENGINE_H

#include "qcc/Support/File.h"
#include "qcc/Support/ParameterSource.h"
#include "qcc/Support/Progress.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace qcc {

struct WriteOptions {
  std::vector<int> targets; ///< compute capabilities: a cubin each
  unsigned threads = 1;
  std::string kernelCache; ///< directory; empty: no cache
  ProgressMode progress = ProgressMode::Auto;
  std::vector<FileIdentity> inputs; ///< files that must not be overwritten
};

struct WriteReport {
  uint64_t weightBytes = 0;
  size_t kernels = 0;
  int maxRegisters = 0;
  std::vector<std::string> spilling; ///< "symbol (sm_89): 24 bytes"
  double kernelSeconds = 0, weightSeconds = 0;
};

/// Compiles the kernels (cubin for each target, PTX of the lowest; a kernel that needs a higher one is an error),
/// evaluates the constants' derivations tile by tile straight into the file and writes the plan. The module is that of
/// the engine phase. Nothing stands under `path` unless all of it succeeded. The bytes depend only on the module, the
/// weights and the targets.
Expected<WriteReport> writeEngine(mlir::ModuleOp module, const ParameterSource &source, const std::string &path,
                                  const WriteOptions &options);

} // namespace qcc

#endif // QCC_ENGINE_WRITEENGINE_H
