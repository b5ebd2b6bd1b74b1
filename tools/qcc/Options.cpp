//===- Options.cpp - Command line of qcc ----------------------------------===//

#include "Options.h"
#include "CommandLine.h"
#include "QuantizeFlags.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"

#include <algorithm>
#include <functional>

using namespace llvm;

namespace qcc::driver {
namespace {

struct Flags {
  cl::OptionCategory io{"Input and output"}, sizes{"Sizes of the engine"}, phases{"Phases and inspection"};

  cl::opt<std::string> input{cl::Positional, cl::desc("DIR | FILE.mlir"), cl::cat(io)};
  cl::opt<std::string> output{"o", cl::desc("Engine file to write"), cl::value_desc("FILE"), cl::cat(io)};
  cl::list<std::string> targets{"target", cl::CommaSeparated, cl::cat(io), cl::value_desc("sm_80|sm_89|sm_90"),
                                cl::desc("GPU to compile for: sm_80 (A100), sm_89 (L40S, RTX 4090; also 'ada'), sm_90 "
                                         "(H100, H200; also 'hopper'). Several are "
                                         "separated by commas. PTX for later GPUs is always included. Default: sm_90")};
  cl::opt<unsigned> threads{"threads",
                            cl::desc("Threads for materializing weights and compiling kernels; the bytes do not depend "
                                     "on it. Default: one per core"),
                            cl::value_desc("N"), cl::init(0), cl::cat(io)};
  cl::opt<std::string> kernelCache{
      "kernel-cache", cl::desc("Directory of compiled kernels. Default: $QCC_KERNEL_CACHE or ~/.cache/qcc/kernels"),
      cl::value_desc("DIR"), cl::cat(io)};
  cl::opt<bool> quiet{"quiet", cl::desc("No progress and no summary on standard error"), cl::cat(io)};

  tools::QuantizeFlags quantization{"qcc"};
  tools::NumericsFlags numerics{"qcc", quantization.category};

  cl::opt<int64_t> maxContext{"max-context", cl::init(0), cl::cat(sizes), cl::value_desc("N"),
                              cl::desc("Longest sequence, prompt and answer. Default: max_position_embeddings")};
  cl::opt<int64_t> maxTokens{"max-tokens", cl::init(512), cl::cat(sizes), cl::value_desc("N"),
                             cl::desc("Tokens of one step over all sequences; longer prompts run in several steps")};
  cl::opt<int64_t> maxSequences{"max-sequences", cl::init(64), cl::cat(sizes), cl::value_desc("N"),
                                cl::desc("Sequences of one step")};
  cl::opt<int64_t> maxLogitRows{"max-logit-rows", cl::init(128), cl::cat(sizes), cl::value_desc("N"),
                                cl::desc("Positions of one step whose logits may be asked for")};

  cl::opt<std::string> compileTo{
      "compile-to", cl::cat(phases), cl::value_desc("PHASE"),
      cl::desc("Stop after import, quantize, schedule or engine and print the IR (to -o, or standard output)")};
  cl::opt<std::string> compileFrom{"compile-from", cl::cat(phases), cl::value_desc("PHASE"),
                                   cl::desc("The input is IR as printed after PHASE; go on from there")};
  cl::opt<std::string> weights{
      "weights", cl::cat(phases), cl::value_desc("DIR"),
      cl::desc("With --compile-from: directory of the weight files. Default: the one recorded in the IR")};
  cl::opt<std::string> dumpDir{"dump-phases-to", cl::cat(phases), cl::value_desc("DIR"),
                               cl::desc("Write the IR after each phase as DIR/N.PHASE.mlir")};
  cl::opt<bool> dryRun{"dry-run", cl::cat(phases),
                       cl::desc("Print the plan (parameters, bytes per format, K/V bytes per token, what fits the "
                                "target's memory) and write nothing; weights are not solved for")};

  cl::extrahelp examples{
      "\nEXAMPLES:\n"
      "  qcc llama/ --target sm_90 --quant fp8 -o llama.qengine\n"
      "  qcc llama/ --target sm_80,sm_90 --quant w4a16 --group-size 64 --exclude 're:.*down_proj' -o llama.qengine\n"
      "  qcc llama/ --quant w4a16 --calib calib.jsonl -o llama.qengine          # GPTQ\n"
      "  qcc llama/ --quant w8a8 --method smoothquant+gptq --calib calib.npy -o llama.qengine\n"
      "  qcc llama/ --quant fp8 --sparsity 2:4 --calib calib.npy -o llama.qengine\n"
      "  qcc llama/ --recipe recipe.yaml --calib calib.jsonl --explain-recipe\n"
      "  qcc llama/ --recipe recipe.yaml --calib calib.jsonl -o llama.qengine\n"
      "  qcc llama/ --quant fp8 --kv-cache-dtype fp8 --dry-run\n"
      "  qcc llama/ --quant fp8 --compile-to=quantize -o llama.mlir     # look, edit, then\n"
      "  qcc --compile-from=quantize llama.mlir -o llama.qengine\n"
      "\nEXIT STATUS: 0 done; 2 usage; 65 bad input; 69 unsuitable target or missing tool; 70 a bug in qcc; 71 out of "
      "memory; 74 I/O error\n"};
};

std::optional<Phase> parsePhase(StringRef name) {
  return StringSwitch<std::optional<Phase>>(name)
      .Case("import", Phase::Import)
      .Case("quantize", Phase::Quantize)
      .Case("schedule", Phase::Schedule)
      .Case("engine", Phase::Engine)
      .Default(std::nullopt);
}

int parseTarget(StringRef name) {
  return StringSwitch<int>(name.lower())
      .Cases({"sm_80", "ampere", "a100"}, 80)
      .Cases({"sm_89", "ada", "l40s", "l4"}, 89)
      .Cases({"sm_90", "sm_90a", "hopper", "h100", "h200"}, 90)
      .Default(0);
}

/// "name: value: what is allowed".
Error usage(const Twine &message) { return {message.str() + "; see qcc --help", ExitCode::Usage}; }

/// Rows and sequences are the y and z extents of some grids, which CUDA limits.
constexpr int64_t kMaxGridRows = 65535;

Status checkPositive(StringRef flag, int64_t value, int64_t limit) {
  if (value <= 0 || value > limit)
    return usage("--" + flag + ": " + Twine(value) + " is outside 1 to " + Twine(limit));
  return {};
}

Status fillPhases(Flags &flags, Options &options) {
  for (auto [flag, value, out] : {std::tuple<StringRef, std::string *, std::optional<Phase> *>{
                                      "compile-to", &flags.compileTo.getValue(), &options.compileTo},
                                  {"compile-from", &flags.compileFrom.getValue(), &options.compileFrom}}) {
    if (value->empty())
      continue;
    *out = parsePhase(*value);
    if (!*out)
      return usage("--" + flag + ": unknown phase '" + *value + "'; must be import, quantize, schedule or engine");
  }
  if (options.compileFrom && options.compileTo && *options.compileTo < *options.compileFrom)
    return usage(Twine("--compile-to=") + nameOf(*options.compileTo) +
                 " comes before --compile-from=" + nameOf(*options.compileFrom));
  return {};
}

/// A flag that only phases before --compile-from heed would be ignored in silence.
Status refuseLateFlags(Flags &flags, const Options &options) {
  if (!options.compileFrom)
    return {};
  SmallVector<std::reference_wrapper<const cl::Option>> late; // cl::list overloads the address operator
  if (*options.compileFrom >= Phase::Quantize)
    for (const cl::Option *given : {flags.quantization.firstGiven(), flags.numerics.firstGiven()})
      if (given)
        late.push_back(*given);
  if (*options.compileFrom >= Phase::Engine)
    late.append({flags.maxContext, flags.maxTokens, flags.maxSequences, flags.maxLogitRows});
  for (const cl::Option &flag : late)
    if (flag.getNumOccurrences())
      return usage("--" + flag.ArgStr + ": has no effect with --compile-from=" + nameOf(*options.compileFrom) +
                   ", whose IR says it already; give it to an earlier phase");
  return {};
}

Status fillQuantization(Flags &flags, Options &options) {
  const tools::QuantizeFlags &quantization = flags.quantization;
  options.explainRecipe = quantization.explainRecipe;
  if (!quantization.recipe.empty()) {
    Expected<tools::Quantization> read = quantization.readRecipe();
    if (!read)
      return read.takeError();
    options.quantize = std::move(read->options);
    options.recipe = std::move(read->recipe);
    options.recipeFile = quantization.recipe;
  } else {
    if (quantization.quant.size() > 1)
      return usage("--quant: an engine has one preset, " + Twine(quantization.quant.size()) +
                   " are given; qcc-eval compares several");
    std::string name = quantization.quant.empty() ? "none" : quantization.quant.front();
    Expected<QuantizeOptions> quantize = quantization.options(name);
    if (!quantize)
      return quantize.takeError();
    options.quantize = std::move(*quantize);
    if (quantization.groupSize.getNumOccurrences() && !tools::hasGroups(options.quantize.preset))
      return usage("--group-size: --quant " + tools::nameOf(options.quantize.preset) +
                   " has no groups; use --quant w4a16");
  }
  Expected<tools::Numerics> numerics = flags.numerics.read(options.quantize);
  if (!numerics)
    return numerics.takeError();
  options.numerics = *numerics;
  bool makesEngine = (!options.compileTo || *options.compileTo > Phase::Quantize) && !options.explainRecipe;
  for (QuantPreset preset : presetsOf(options.quantize))
    if (std::string why = tools::whyNoKernels(preset); !why.empty() && makesEngine)
      return Error{(options.recipe ? quantization.recipe + ": a rule asks for " : std::string("--quant ")) +
                       tools::nameOf(preset).str() + ": " + why,
                   ExitCode::Unavailable};
  return {};
}

Status fillSizes(Flags &flags, Options &options) {
  constexpr int64_t limit = 1 << 24;
  options.maxContext = flags.maxContext;
  options.maxTokens = flags.maxTokens;
  options.maxSequences = flags.maxSequences;
  options.maxLogitRows = flags.maxLogitRows;
  if (flags.maxContext.getNumOccurrences())
    if (Status s = checkPositive("max-context", options.maxContext, limit); !s)
      return s;
  for (auto [flag, value] : {std::pair<StringRef, int64_t>{"max-tokens", options.maxTokens},
                             {"max-sequences", options.maxSequences},
                             {"max-logit-rows", options.maxLogitRows}})
    if (Status s = checkPositive(flag, value, kMaxGridRows); !s)
      return s;
  if (options.maxSequences > options.maxTokens)
    return usage("--max-sequences: " + Twine(options.maxSequences) + " exceeds --max-tokens " +
                 Twine(options.maxTokens) + "; each sequence of a step has at least one token");
  if (options.maxLogitRows < options.maxSequences || options.maxLogitRows > options.maxTokens)
    return usage("--max-logit-rows: " + Twine(options.maxLogitRows) + " must lie between --max-sequences " +
                 Twine(options.maxSequences) + " and --max-tokens " + Twine(options.maxTokens));
  return {};
}

Status fillTargets(Flags &flags, Options &options) {
  if (flags.targets.empty())
    return {};
  options.targets.clear();
  for (const std::string &name : flags.targets) {
    int target = parseTarget(name);
    if (!target)
      return usage("--target: unknown GPU '" + name + "'; must be sm_80, sm_89 or sm_90");
    options.targets.push_back(target);
  }
  llvm::sort(options.targets);
  options.targets.erase(std::unique(options.targets.begin(), options.targets.end()), options.targets.end());
  for (QuantPreset preset : presetsOf(options.quantize))
    if (tools::needsFp8Cores(preset) && options.targets.front() < 89)
      return Error{"--target sm_80: has no FP8 tensor cores, which " +
                       (options.recipe ? flags.quantization.recipe + " with " : std::string("--quant ")) +
                       tools::nameOf(preset).str() + " needs; use sm_89 or sm_90, or --quant w4a16 or w8a8",
                   ExitCode::Unavailable};
  return {};
}

} // namespace

const char *nameOf(Phase phase) {
  switch (phase) {
  case Phase::Import:
    return "import";
  case Phase::Quantize:
    return "quantize";
  case Phase::Schedule:
    return "schedule";
  case Phase::Engine:
    return "engine";
  }
  return "";
}

Expected<Options> parseCommandLine(int argc, char **argv) {
  // The LLVM dylib registers flags of all its libraries, `--threads` among them; none of them is qcc's.
  cl::ResetCommandLineParser();
  Flags flags;
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  cl::SetVersionPrinter(
      [](raw_ostream &os) { os << "qcc " QCC_VERSION "\ntargets: sm_80 sm_89 sm_90 (and PTX for later GPUs)\n"; });
  cl::HideUnrelatedOptions({&flags.io, &flags.quantization.category, &flags.sizes, &flags.phases});
  if (Status s = tools::parseFlags(argc, argv, "qcc: compile a model to one quantized engine file\n"); !s)
    return s.takeError();

  Options options;
  options.input = flags.input;
  options.output = flags.output;
  options.threads = flags.threads;
  options.kernelCache = flags.kernelCache;
  options.quiet = flags.quiet;
  options.weightsDir = flags.weights;
  options.dumpDir = flags.dumpDir;
  options.dryRun = flags.dryRun;
  for (auto fill : {fillPhases, fillQuantization, fillSizes, fillTargets})
    if (Status s = fill(flags, options); !s)
      return s.takeError();
  if (options.quiet)
    options.quantize.progress = ProgressMode::Off;
  if (Status s = refuseLateFlags(flags, options); !s)
    return s.takeError();
  if (options.input.empty())
    return usage("no input: name a model directory, or an IR file with --compile-from");
  if (options.compileFrom && sys::fs::is_directory(options.input))
    return usage(Twine("--compile-from=") + nameOf(*options.compileFrom) + ": '" + options.input +
                 "' is a directory; name the IR file");
  if (!sys::fs::exists(options.input))
    return Error{"'" + options.input + "': no such file or directory", ExitCode::BadInput};
  if (!options.compileFrom && !sys::fs::is_directory(options.input))
    return Error{"'" + options.input +
                     "' is not a directory; a Hugging Face model is a directory with config.json and safetensors files",
                 ExitCode::BadInput};
  if (!options.weightsDir.empty() && !options.compileFrom)
    return usage("--weights is for --compile-from; the model directory has its own weights");
  if (options.output.empty() && !options.compileTo && !options.dryRun && !options.explainRecipe)
    return usage("no output: give -o FILE, --compile-to=PHASE or --dry-run");
  if (options.dryRun && options.compileTo)
    return usage("--dry-run needs all phases; leave out --compile-to");
  return options;
}

} // namespace qcc::driver
