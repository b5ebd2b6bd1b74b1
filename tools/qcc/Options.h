//===- Options.h - Command line of qcc ----------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_OPTIONS_H
#define QCC_TOOLS_QCC_OPTIONS_H

#include "NumericsFlags.h"
#include "qcc/Support/Error.h"
#include "qcc/Transforms/Quantize/Recipe.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qcc::driver {

enum class Phase { Import, Quantize, Schedule, Engine };
const char *nameOf(Phase phase);

struct Options {
  std::string input; ///< model directory, or an IR file with --compile-from
  std::string output;
  std::vector<int> targets{90}; ///< 80, 89, 90
  QuantizeOptions quantize;
  std::optional<Recipe> recipe; ///< that `quantize` is from
  std::string recipeFile;
  bool explainRecipe = false;
  tools::Numerics numerics;
  int64_t maxContext = 0; ///< 0: the model's own limit
  int64_t maxTokens = 512;
  int64_t maxSequences = 64;
  int64_t maxLogitRows = 128;
  unsigned threads = 0; ///< 0: one per core
  std::optional<Phase> compileTo, compileFrom;
  std::string weightsDir; ///< with --compile-from: where the parameters' files are
  std::string dumpDir;
  std::string kernelCache;
  bool dryRun = false;
  bool quiet = false;
};

/// Parses and checks argv; prints --help or --version itself and exits 0 then. Also registers MLIR's printing flags.
Expected<Options> parseCommandLine(int argc, char **argv);

} // namespace qcc::driver

#endif // QCC_TOOLS_QCC_OPTIONS_H
