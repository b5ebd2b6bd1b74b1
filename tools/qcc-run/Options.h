//===- Options.h - qcc-run's command line -------------------------*- C++ -*-===//
#ifndef QCC_TOOLS_QCC_RUN_OPTIONS_H
#define QCC_TOOLS_QCC_RUN_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qcc_run {

/// Exit codes (sysexits where one fits).
enum ExitCode {
  Success = 0,
  Usage = 2,
  BadInput = 65,
  Unavailable = 69,
  Internal = 70,
  OutOfMemory = 71,
  IoError = 74,
  DeviceLost = 75
};

/// Ends the program with a message on standard error.
struct Exit {
  int code;
  std::string message;
};

struct Prompt {
  std::vector<int32_t> tokens;
  bool isText = false; ///< given as text: the answer is printed as text
};

struct Options {
  std::string engine;
  bool simulator = false;
  int device = 0;
  std::vector<Prompt> prompts;
  std::optional<uint32_t> maxNew;
  std::string logits; ///< file name; empty: not wanted
  uint64_t kvTokens = 0;
  uint32_t stepTokens = 0; ///< 0: the engine's bound
  bool ignoreEos = false, verify = false, synchronous = false, quiet = false, help = false, version = false;
};

/// Throws Exit with code Usage and what is wrong.
Options parseOptions(int argc, char **argv);
void printHelp();

} // namespace qcc_run

#endif // QCC_TOOLS_QCC_RUN_OPTIONS_H
