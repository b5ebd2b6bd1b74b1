//===- Options.h - Command line of qcc-calibrate ------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_CALIBRATE_OPTIONS_H
#define QCC_TOOLS_QCC_CALIBRATE_OPTIONS_H

#include "qcc/Support/Error.h"
#include "qcc/Support/Progress.h"

#include <cstdint>
#include <string>
#include <vector>

namespace qcc::calibrate {

enum class Mode { Gather, Merge, Inspect };

struct Options {
  Mode mode = Mode::Gather;
  std::vector<std::string> inputs; ///< a model directory, or files of statistics
  std::string calib, output;
  int64_t calibTokens = 65536;
  unsigned threads = 0; ///< 0: one per core
  bool json = false;
  ProgressMode progress = ProgressMode::Auto;
};

/// Parses and checks argv; prints --help or --version itself and exits 0 then.
Expected<Options> parseCommandLine(int argc, char **argv);

} // namespace qcc::calibrate

#endif // QCC_TOOLS_QCC_CALIBRATE_OPTIONS_H
