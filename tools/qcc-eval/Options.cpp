//===- Options.cpp - Command line of qcc-eval -----------------------------===//

#include "Options.h"
#include "CommandLine.h"
#include "QuantizeFlags.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace qcc::eval {
namespace {

struct Flags {
  cl::OptionCategory input{"Input"}, output{"Output"};

  cl::opt<std::string> model{cl::Positional, cl::desc("DIR"), cl::cat(input)};
  cl::opt<std::string> text{
      "text", cl::cat(input), cl::value_desc("FILE"),
      cl::desc("Compare quantized variants with the float model on this text; the model must have the 256 bytes as "
               "vocabulary")};
  cl::opt<std::string> tokensFile{"tokens-file", cl::cat(input), cl::value_desc("FILE.npy"),
                                  cl::desc("Compare on these token ids, i32 or i64, [tokens] or [sequences, tokens]")};
  cl::opt<int64_t> window{"window", cl::cat(input), cl::value_desc("N"), cl::init(0),
                          cl::desc("Tokens of a window; windows do not overlap and a rest at the end is left out. "
                                   "Default: 512, or the model's context if that is less")};
  cl::list<std::string> logitsFrom{
      "logits-from", cl::CommaSeparated, cl::cat(input), cl::value_desc("FILE.npy,..."),
      cl::desc("Compare logits that another program (qcc-run --logits) wrote for the same windows: f32, a row of the "
               "vocabulary for each position, windows in order, in one file or several")};
  cl::opt<std::string> tokens{
      "tokens", cl::cat(input), cl::value_desc("1,2,3|FILE.npy"),
      cl::desc("Run this prompt instead: token ids separated by commas or an .npy vector of i32 or i64")};
  cl::opt<int64_t> maxNew{"max-new", cl::cat(input), cl::value_desc("N"), cl::init(0),
                          cl::desc("Tokens to generate greedily after the prompt. Default: 0")};
  cl::opt<bool> ignoreEos{"ignore-eos", cl::cat(input), cl::desc("Go on after the model's end token")};

  tools::QuantizeFlags quantization{"qcc-eval"};
  tools::NumericsFlags numerics{"qcc-eval", quantization.category};

  cl::opt<std::string> logits{
      "logits", cl::cat(output), cl::value_desc("FILE.npy"),
      cl::desc(
          "Write f32 [tokens, vocabulary]: a row for each position of the prompt and each generated token fed back")};
  cl::opt<bool> json{"json", cl::cat(output), cl::desc("Print one JSON object instead of text")};
  cl::opt<bool> f64{"f64", cl::cat(output),
                    cl::desc("Compute each op in double precision before it is rounded to its type")};
  cl::opt<bool> progress{"progress", cl::cat(output),
                         cl::desc("Show progress even when standard error is no terminal")};

  cl::opt<bool> layers{
      "layers", cl::cat(output),
      cl::desc("Also report the signal to noise ratio of each linear's output on the held-out tokens")};

  cl::extrahelp examples{
      "\nEXAMPLES:\n"
      "  qcc-eval llama/ --text heldout.txt --quant none,fp8,w4a16\n"
      "  qcc-eval llama/ --tokens-file heldout.npy --window 512 --quant w4a16 --method gptq --calib calib.jsonl "
      "--json\n"
      "  qcc-eval llama/ --tokens-file heldout.npy --recipe recipe.yaml --calib calib.jsonl --json\n"
      "  qcc-eval llama/ --tokens-file heldout.npy --logits-from engine-logits.npy --json\n"
      "  qcc-eval llama/ --quant fp8 --kv-cache-dtype fp8 --tokens prompt.npy --logits logits.npy\n"
      "  qcc-eval llama/ --tokens 1,2,3 --max-new 32\n"
      "\nWith --quant the float model is always run beside the variants: f32 throughout. --quant float alone runs only "
      "that.\n"
      "\nEXIT STATUS: 0 done; 2 usage; 65 bad input; 70 a bug in qcc; 71 out of memory; 74 I/O error\n"};
};

Error usage(const Twine &message) { return {message.str() + "; see qcc-eval --help", ExitCode::Usage}; }

Expected<std::vector<int32_t>> readTokenFile(const std::string &path) {
  Expected<NpyArray> array = readNpy(path);
  if (!array)
    return array.takeError();
  if (array->shape.size() != 1 || array->type == DType::F32)
    return Error{
        text(path, ": must be a vector of i32 or i64, found ", nameOf(array->type), " ", shapeText(array->shape))};
  std::vector<int32_t> tokens;
  auto take = [&](auto values) -> Status {
    for (int64_t value : values) {
      if (value < 0 || value > INT32_MAX)
        return Error{text(path, ": token ", value, " is not a token id")};
      tokens.push_back(int32_t(value));
    }
    return {};
  };
  if (Status s = array->type == DType::I32 ? take(array->as<int32_t>()) : take(array->as<int64_t>()); !s)
    return s.takeError();
  return tokens;
}

Expected<std::vector<int32_t>> parseTokens(StringRef list) {
  if (list.ends_with(".npy"))
    return readTokenFile(list.str());
  std::vector<int32_t> tokens;
  if (list.trim().empty())
    return tokens;
  for (StringRef item : split(list, ',')) {
    int32_t token;
    if (item.trim().getAsInteger(10, token) || token < 0)
      return usage("--tokens: '" + item + "' is not a token id");
    tokens.push_back(token);
  }
  return tokens;
}

/// "w4a16", or "w4a16 gptq" when a method was named: what the table calls it.
std::string variantName(const Flags &flags, StringRef preset, const QuantizeOptions &quantize) {
  std::string name = tools::nameOf(*tools::parsePreset(preset)).str();
  if (!flags.quantization.method.empty())
    name += " " + StringRef(flags.quantization.method).lower();
  if (quantize.prune != PruneKind::None)
    name += " 2:4";
  return name;
}

Status fillVariants(Flags &flags, Options &options) {
  const tools::QuantizeFlags &quantization = flags.quantization;
  for (const std::string &given : quantization.quant) {
    if (StringRef(given).lower() == "float")
      continue;
    Expected<QuantizeOptions> quantize = quantization.options(given);
    if (!quantize)
      return quantize.takeError();
    options.kvName = tools::nameOf(quantize->kvCache).str();
    options.variants.push_back({variantName(flags, given, *quantize), std::move(*quantize)});
  }
  if (!quantization.recipe.empty()) {
    Expected<tools::Quantization> read = quantization.readRecipe();
    if (!read)
      return read.takeError();
    options.kvName = tools::nameOf(read->options.kvCache).str();
    options.recipeFile = quantization.recipe;
    options.variants.push_back({"recipe", std::move(read->options), std::move(read->recipe)});
  }
  bool wantsFloat = is_contained(map_range(quantization.quant, [](StringRef s) { return s.lower(); }), "float");
  if (options.generates && options.variants.size() + wantsFloat > 1)
    return usage("--quant: several presets are for --text and --tokens-file; choose one for --tokens");
  const cl::Option *given = quantization.firstGiven();
  if (options.variants.empty() && given && !(wantsFloat && given->ArgStr == "quant" && quantization.onlyPresetsGiven()))
    return usage("--" + given->ArgStr + ": the float model is not quantized; add --quant PRESET or --recipe FILE");
  auto grouped = [](const Variant &v) { return tools::hasGroups(v.quantize->preset); };
  if (quantization.groupSize.getNumOccurrences() && none_of(options.variants, grouped))
    return usage("--group-size: none of these presets has groups; w4a16 has");
  if (const cl::Option *check = flags.numerics.firstGiven(); check && options.variants.empty())
    return usage("--" + check->ArgStr + ": the float model is not quantized; add --quant PRESET or --recipe FILE");
  for (Variant &variant : options.variants) {
    Expected<tools::Numerics> numerics = flags.numerics.read(*variant.quantize);
    if (!numerics)
      return numerics.takeError();
    variant.numerics = *numerics;
    if (flags.progress)
      variant.quantize->progress = ProgressMode::On;
  }
  if (options.generates && options.variants.empty())
    options.variants.push_back({"float", std::nullopt});
  return {};
}

Status checkModes(Flags &flags, Options &options) {
  options.explainRecipe = flags.quantization.explainRecipe;
  if (options.explainRecipe)
    return {};
  int inputs = (flags.tokens.getNumOccurrences() > 0) + !options.text.empty() + !options.tokensFile.empty();
  if (inputs != 1)
    return usage(inputs == 0 ? "nothing to do: give --text, --tokens-file or --tokens"
                             : "--text, --tokens-file and --tokens exclude each other");
  options.generates = flags.tokens.getNumOccurrences() > 0;
  for (auto *flag : std::initializer_list<cl::Option *>{&flags.maxNew, &flags.logits, &flags.ignoreEos})
    if (!options.generates && flag->getNumOccurrences())
      return usage("--" + flag->ArgStr + " is for --tokens");
  for (auto *flag : std::initializer_list<cl::Option *>{&flags.window, &flags.layers})
    if (options.generates && flag->getNumOccurrences())
      return usage("--" + flag->ArgStr + " is for --text and --tokens-file");
  if (options.generates && !options.logitsFrom.empty())
    return usage("--logits-from is for --text and --tokens-file");
  if (options.maxNew < 0)
    return usage("--max-new: " + Twine(options.maxNew) + " must not be negative");
  if (flags.window.getNumOccurrences() && options.window < 2)
    return usage("--window: " + Twine(options.window) +
                 " must be at least 2: the first token of a window is not predicted");
  if (options.generates && options.tokens.empty())
    return usage("--tokens: the prompt is empty; give at least one token");
  return {};
}

} // namespace

Expected<Options> parseCommandLine(int argc, char **argv) {
  Flags flags;
  cl::SetVersionPrinter([](raw_ostream &os) { os << "qcc-eval " QCC_VERSION "\n"; });
  cl::HideUnrelatedOptions({&flags.input, &flags.quantization.category, &flags.output});
  if (Status s = tools::parseFlags(argc, argv, "qcc-eval: run a model on the reference interpreter\n"); !s)
    return s.takeError();

  Options options;
  options.model = flags.model;
  options.text = flags.text;
  options.tokensFile = flags.tokensFile;
  options.logitsFrom.assign(flags.logitsFrom.begin(), flags.logitsFrom.end());
  options.layers = flags.layers;
  options.logits = flags.logits;
  options.window = flags.window;
  options.maxNew = flags.maxNew;
  options.ignoreEos = flags.ignoreEos;
  options.json = flags.json;
  options.progress = flags.progress;
  options.precision = flags.f64 ? interp::Precision::F64 : interp::Precision::F32;
  if (options.model.empty())
    return usage("no input: name a model directory");
  Expected<std::vector<int32_t>> tokens = parseTokens(flags.tokens);
  if (!tokens)
    return tokens.takeError();
  options.tokens = std::move(*tokens);
  for (auto fill : {checkModes, fillVariants})
    if (Status s = fill(flags, options); !s)
      return s.takeError();
  return options;
}

} // namespace qcc::eval
