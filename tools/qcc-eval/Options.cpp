//===- Options.cpp - Command line of qcc-eval -----------------------------===//

#include "Options.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace qcc::eval {
namespace {

struct Flags {
  cl::OptionCategory input{"Input"}, quantization{"Quantization"}, output{"Output"};

  cl::opt<std::string> model{cl::Positional, cl::desc("DIR"), cl::cat(input)};
  cl::opt<std::string> tokens{"tokens", cl::cat(input), cl::value_desc("1,2,3|FILE.npy"),
                              cl::desc("Prompt as token ids, separated by commas or as an .npy file of i32 or i64")};
  cl::opt<int64_t> maxNew{"max-new", cl::cat(input), cl::value_desc("N"), cl::init(0),
                          cl::desc("Tokens to generate greedily after the prompt. Default: 0")};
  cl::opt<bool> ignoreEos{"ignore-eos", cl::cat(input), cl::desc("Go on after the model's end token")};
  cl::opt<std::string> text{
      "text", cl::cat(input), cl::value_desc("FILE"),
      cl::desc("Report the mean loss on this text in nats per token; the model must have the 256 bytes as vocabulary")};
  cl::opt<int64_t> window{"window", cl::cat(input), cl::value_desc("N"), cl::init(0),
                          cl::desc("Tokens of a window of --text; windows do not overlap and a rest at the end is left "
                                   "out. Default: 512, or the "
                                   "model's context if that is less")};

  cl::list<std::string> quant{
      "quant", cl::CommaSeparated, cl::cat(quantization), cl::value_desc("float|none|fp8|w4a16"),
      cl::desc(
          "float: as imported, f32 throughout (default). none: bf16. fp8: e4m3 weights per output channel, activations "
          "dynamic per token. w4a16: 4-bit weights in groups. With --text several, separated by commas, and float is "
          "always reported beside them")};
  cl::opt<int64_t> groupSize{"group-size", cl::init(128), cl::cat(quantization), cl::value_desc("32|64|128"),
                             cl::desc("Weights per scale of w4a16. Default: 128")};
  cl::opt<std::string> kvCacheDtype{"kv-cache-dtype", cl::init("bf16"), cl::cat(quantization),
                                    cl::value_desc("bf16|fp8"),
                                    cl::desc("Storage of keys and values (float: always f32)")};
  cl::list<std::string> exclude{
      "exclude", cl::cat(quantization), cl::value_desc("NAME|re:REGEX"),
      cl::desc(
          "Layers that stay bf16, by full name or by a regular expression anchored at the start; may be repeated")};

  cl::opt<std::string> logits{
      "logits", cl::cat(output), cl::value_desc("FILE.npy"),
      cl::desc(
          "Write f32 [tokens, vocabulary]: a row for each position of the prompt and each generated token fed back")};
  cl::opt<bool> json{"json", cl::cat(output), cl::desc("Print one JSON object instead of text")};
  cl::opt<bool> f64{"f64", cl::cat(output),
                    cl::desc("Compute each op in double precision before it is rounded to its type")};
  cl::opt<bool> progress{"progress", cl::cat(output),
                         cl::desc("Show progress even when standard error is no terminal")};

  cl::extrahelp examples{
      "\nEXAMPLES:\n"
      "  qcc-eval llama/ --tokens 1,2,3 --max-new 32\n"
      "  qcc-eval llama/ --quant fp8 --kv-cache-dtype fp8 --tokens prompt.npy --logits logits.npy\n"
      "  qcc-eval llama/ --text heldout.txt --quant none,fp8,w4a16\n"
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

Status fillVariants(Flags &flags, Options &options) {
  QuantizeOptions common;
  options.kvName = StringRef(flags.kvCacheDtype).lower();
  if (!is_contained({"bf16", "fp8"}, options.kvName))
    return usage("--kv-cache-dtype: unknown type '" + flags.kvCacheDtype + "'; must be bf16 or fp8");
  common.kvCache = options.kvName == "fp8" ? KvCacheType::Fp8 : KvCacheType::BF16;
  common.groupSize = flags.groupSize;
  if (!is_contained({32, 64, 128}, common.groupSize))
    return usage("--group-size: " + Twine(common.groupSize) + " must be 32, 64 or 128");
  common.exclude.assign(flags.exclude.begin(), flags.exclude.end());
  bool hasText = !options.text.empty();
  if (hasText || flags.quant.empty())
    options.variants.push_back({"float", std::nullopt});
  for (const std::string &given : flags.quant) {
    std::string name = StringRef(given).lower();
    QuantizeOptions quantize = common;
    if (name == "none" || name == "fp8" || name == "w4a16")
      quantize.preset = name == "none" ? QuantPreset::None : name == "fp8" ? QuantPreset::Fp8 : QuantPreset::W4A16;
    else if (name != "float")
      return usage("--quant: unknown preset '" + given + "'; must be float, none, fp8 or w4a16");
    if (name != "float")
      options.variants.push_back({name, quantize});
    else if (!hasText)
      options.variants.push_back({name, std::nullopt});
  }
  if (!hasText && options.variants.size() > 1)
    return usage("--quant: several presets are for --text; choose one for --tokens");
  auto isW4 = [](const Variant &v) { return v.quantize && v.quantize->preset == QuantPreset::W4A16; };
  if (flags.groupSize.getNumOccurrences() && none_of(options.variants, isW4))
    return usage("--group-size: only --quant w4a16 has groups");
  bool quantizes = any_of(options.variants, [](const Variant &v) { return v.quantize.has_value(); });
  if (flags.kvCacheDtype.getNumOccurrences() && !quantizes)
    return usage("--kv-cache-dtype: the float model keeps f32 keys and values; add --quant none, fp8 or w4a16");
  return {};
}

Status checkModes(Flags &flags, Options &options) {
  bool hasTokens = flags.tokens.getNumOccurrences() > 0, hasText = !options.text.empty();
  if (hasTokens == hasText)
    return usage(hasText ? "--tokens and --text exclude each other" : "nothing to do: give --tokens or --text");
  for (auto *flag : std::initializer_list<cl::Option *>{&flags.maxNew, &flags.logits, &flags.ignoreEos})
    if (hasText && flag->getNumOccurrences())
      return usage("--" + flag->ArgStr + " is for --tokens");
  if (hasTokens && flags.window.getNumOccurrences())
    return usage("--window is for --text");
  if (options.maxNew < 0)
    return usage("--max-new: " + Twine(options.maxNew) + " must not be negative");
  if (flags.window.getNumOccurrences() && options.window < 2)
    return usage("--window: " + Twine(options.window) +
                 " must be at least 2: the first token of a window is not predicted");
  if (hasTokens && options.tokens.empty())
    return usage("--tokens: the prompt is empty; give at least one token");
  return {};
}

} // namespace

Expected<Options> parseCommandLine(int argc, char **argv) {
  Flags flags;
  cl::SetVersionPrinter([](raw_ostream &os) { os << "qcc-eval " QCC_VERSION "\n"; });
  cl::HideUnrelatedOptions({&flags.input, &flags.quantization, &flags.output});
  std::string errors;
  raw_string_ostream errorStream(errors);
  if (!cl::ParseCommandLineOptions(argc, argv, "qcc-eval: run a model on the reference interpreter\n", &errorStream))
    return Error{StringRef(errors).trim().str(), ExitCode::Usage};

  Options options;
  options.model = flags.model;
  options.text = flags.text;
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
