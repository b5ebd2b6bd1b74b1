//===- Options.cpp - Command line of qcc-calibrate ------------------------===//

#include "Options.h"
#include "CommandLine.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace qcc::calibrate {
namespace {

struct Flags {
  cl::OptionCategory input{"Input"}, output{"Output"};

  cl::list<std::string> inputs{cl::Positional, cl::desc("DIR|STATS..."), cl::cat(input)};
  cl::opt<std::string> calib{
      "calib", cl::cat(input), cl::value_desc("FILE"),
      cl::desc(
          "Calibration tokens: .txt (models over bytes), .jsonl (input_ids, or text for models over bytes), .npy or "
          ".npz of ids [sequences, tokens], .safetensors")};
  cl::opt<int64_t> calibTokens{"calib-tokens", cl::init(65536), cl::cat(input), cl::value_desc("N"),
                               cl::desc("Use at most so many tokens of --calib. Default: 65536")};
  cl::opt<bool> merge{"merge", cl::cat(input),
                      cl::desc("Add up files of statistics of one model; every token weighs the same")};
  cl::opt<bool> inspect{"inspect", cl::cat(input), cl::desc("Print what a file of statistics says of each value")};

  cl::opt<std::string> file{"o", cl::cat(output), cl::value_desc("STATS.safetensors"),
                            cl::desc("File to write; qcc and qcc-eval read it with --stats")};
  cl::opt<bool> json{"json", cl::cat(output), cl::desc("With --inspect: print one JSON object instead of a table")};
  cl::opt<unsigned> threads{"threads", cl::init(0), cl::cat(output), cl::value_desc("N"),
                            cl::desc("Threads; the statistics do not depend on them. Default: one per core")};
  cl::opt<bool> progress{"progress", cl::cat(output),
                         cl::desc("Show progress even when standard error is no terminal")};

  cl::extrahelp examples{
      "\nEXAMPLES:\n"
      "  qcc-calibrate llama/ --calib calib.jsonl -o llama.stats.safetensors\n"
      "  qcc-calibrate --merge a.safetensors b.safetensors -o both.safetensors\n"
      "  qcc-calibrate --inspect both.safetensors\n"
      "  qcc llama/ --quant fp8_tensor --stats both.safetensors -o llama.qengine\n"
      "\nEXIT STATUS: 0 done; 2 usage; 65 bad input; 70 a bug in qcc; 71 out of memory; 74 I/O error\n"};
};

Error usage(const Twine &message) { return {message.str() + "; see qcc-calibrate --help", ExitCode::Usage}; }

Status checkGather(const Options &options) {
  if (options.inputs.size() != 1)
    return usage(options.inputs.empty() ? "no input: name a model directory, or give --merge or --inspect"
                                        : "name one model directory; several inputs are for --merge");
  if (options.calib.empty())
    return usage("--calib: statistics come from tokens; name a file");
  if (options.calibTokens < 64)
    return usage("--calib-tokens: " + Twine(options.calibTokens) + " must be at least 64");
  return {};
}

Status check(const Flags &flags, const Options &options) {
  if (flags.merge && flags.inspect)
    return usage("--merge and --inspect exclude each other");
  if (options.mode != Mode::Gather)
    for (const cl::Option *flag : std::initializer_list<const cl::Option *>{&flags.calib, &flags.calibTokens})
      if (flag->getNumOccurrences())
        return usage("--" + flag->ArgStr + " is for gathering statistics of a model");
  if (options.json && options.mode != Mode::Inspect)
    return usage("--json is for --inspect");
  if (options.mode == Mode::Inspect) {
    if (options.inputs.size() != 1)
      return usage("--inspect: name one file of statistics");
    if (!options.output.empty())
      return usage("-o: --inspect prints to standard output");
    return {};
  }
  if (options.mode == Mode::Merge && options.inputs.size() < 2)
    return usage("--merge: name at least two files of statistics");
  if (options.mode == Mode::Gather)
    if (Status status = checkGather(options); !status)
      return status;
  if (options.output.empty())
    return usage("-o: name the file to write");
  return {};
}

} // namespace

Expected<Options> parseCommandLine(int argc, char **argv) {
  // The LLVM dylib registers flags of all its libraries, `--threads` among them.
  cl::ResetCommandLineParser();
  Flags flags;
  cl::SetVersionPrinter([](raw_ostream &os) { os << "qcc-calibrate " QCC_VERSION "\n"; });
  cl::HideUnrelatedOptions({&flags.input, &flags.output});
  if (Status s = tools::parseFlags(argc, argv, "qcc-calibrate: statistics of a model's activations\n"); !s)
    return s.takeError();

  Options options;
  options.mode = flags.merge ? Mode::Merge : flags.inspect ? Mode::Inspect : Mode::Gather;
  options.inputs.assign(flags.inputs.begin(), flags.inputs.end());
  options.calib = flags.calib;
  options.output = flags.file;
  options.calibTokens = flags.calibTokens;
  options.threads = flags.threads;
  options.json = flags.json;
  options.progress = flags.progress ? ProgressMode::On : ProgressMode::Auto;
  if (Status status = check(flags, options); !status)
    return status.takeError();
  return options;
}

} // namespace qcc::calibrate
