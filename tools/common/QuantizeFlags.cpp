//===- QuantizeFlags.cpp - Flags of quantization --------------------------===//

#include "QuantizeFlags.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace qcc::tools {
namespace {

constexpr const char *kPresets =
    "none, fp8, fp8_tensor, fp8_block, w8a16, w4a16, w4a16_asym, w8a8, w4afp8, w3a16 or w2a16";

StringRef nameOf(QuantMethod method) {
  switch (method) {
  case QuantMethod::Rtn:
    return "rtn";
  case QuantMethod::Awq:
    return "awq";
  case QuantMethod::Gptq:
    return "gptq";
  case QuantMethod::SmoothQuant:
    return "smoothquant";
  }
  return "";
}

StringRef nameOf(PruneKind kind) {
  switch (kind) {
  case PruneKind::None:
    return "none";
  case PruneKind::Magnitude:
    return "magnitude";
  case PruneKind::Wanda:
    return "wanda";
  case PruneKind::SparseGpt:
    return "sparsegpt";
  case PruneKind::Refit:
    return "refit";
  }
  return "";
}

/// LLVM's library declares flags of its own; one that a tool names otherwise is taken from it.
StringRef release(StringRef name) {
  auto &registered = cl::getRegisteredOptions();
  if (auto found = registered.find(name); found != registered.end())
    found->second->removeArgument();
  return name;
}

/// Whether the alias that was given promises static activations.
bool namesStatic(StringRef preset) {
  return StringSwitch<bool>(preset.lower()).Cases({"fp8_static", "fp8-static"}, true).Default(false);
}

bool wasGiven(StringRef name) {
  auto &registered = cl::getRegisteredOptions();
  auto found = registered.find(name);
  return found != registered.end() && found->second->getNumOccurrences() > 0;
}

} // namespace

QuantizeFlags::QuantizeFlags(std::string name)
    : quant("quant", cl::CommaSeparated, cl::cat(category), cl::value_desc("PRESET"),
            cl::desc(
                "How linears are held. none: bf16. fp8: e4m3 weights per output channel, e4m3 activations per token. "
                "fp8_tensor: one scale per weight, activations static when calibrated. fp8_block: blocks of 128 x 128, "
                "activations per token and 128 columns. w8a16, w4a16, w4a16_asym: integer weights, bf16 activations "
                "(asym: with zero points). w8a8: int8 weights per channel, int8 activations per token. w4afp8: 4-bit "
                "weights, e4m3 activations. w3a16, w2a16: for qcc-eval, no kernels. Names of compressed-tensors and "
                "ModelOpt are understood, in any case. fp8 products need sm_89 or later. Default: none")),
      exclude("exclude", cl::cat(category), cl::value_desc("NAME|re:REGEX"),
              cl::desc("Layers that stay bf16, by full name or by a regular expression anchored at the start; may be "
                       "repeated")),
      groupSize(
          "group-size", cl::init("128"), cl::cat(category), cl::value_desc("32|64|128|channel"),
          cl::desc("Weights of a row that share a scale, for the presets w*a16 and w4afp8; the last group of a row "
                   "may be short. Default: 128, for w8a16 channel")),
      method(
          "method", cl::cat(category), cl::value_desc("rtn|awq|gptq|smoothquant[+...]"),
          cl::desc("How codes are found; several, in the order given, are joined by '+', as in awq+gptq. Default: gptq "
                   "with --calib, else round-to-nearest with searched scales")),
      calib("calib", cl::cat(category), cl::value_desc("FILE"),
            cl::desc("Calibration tokens: .txt (models over bytes), .jsonl (input_ids, or text for models over bytes), "
                     ".npy or .npz of ids [sequences, tokens], .safetensors")),
      stats(release("stats"), cl::cat(category), cl::value_desc("FILE"),
            cl::desc("Statistics that qcc-calibrate wrote, in place of --calib where a method needs no more")),
      workDir(
          "work-dir", cl::cat(category), cl::value_desc("DIR"),
          cl::desc("Where calibrated weights and progress are kept; a run that was killed goes on from there. Default: "
                   "beside the output, removed when it is complete")),
      activations(
          "activations", cl::init("auto"), cl::cat(category), cl::value_desc("auto|dynamic|static"),
          cl::desc("Scales of quantized activations: computed from each token, or fixed per tensor by calibration. "
                   "auto: static for fp8_tensor with calibration, else dynamic")),
      sparsity("sparsity", cl::cat(category), cl::value_desc("2:4"),
               cl::desc("Keep two of each four weights of a row; for none, fp8, fp8_tensor and w8a8")),
      prune("prune", cl::cat(category), cl::value_desc("magnitude|wanda|sparsegpt|refit"),
            cl::desc("How they are chosen. Default: refit with --calib, else magnitude")),
      kvCacheDtype(
          "kv-cache-dtype", cl::init("bf16"), cl::cat(category), cl::value_desc("bf16|fp8|int8"),
          cl::desc("Storage of keys and values. fp8: e4m3 with scales from calibration, else 1. int8: a scale per "
                   "token and head")),
      kvScales("kv-scales", cl::init("head"), cl::cat(category), cl::value_desc("head|tensor"),
               cl::desc("Calibrated scales of fp8 keys and values: per layer and head, or per layer")),
      recipe("recipe", cl::cat(category), cl::value_desc("FILE"),
             cl::desc("llm-compressor's YAML, in place of the flags that say how to quantize; also what qcc-inspect "
                      "--recipe printed, whose searched values are taken as they are")),
      calibTokens("calib-tokens", cl::init(65536), cl::cat(category), cl::value_desc("N"),
                  cl::desc("Use at most so many tokens of --calib. Default: 65536")),
      smoothAlpha("smooth-alpha", cl::cat(category), cl::value_desc("A"),
                  cl::desc("Strength of smoothquant, 0 to 1. Default: searched for each block")),
      quantizeHead("quantize-lm-head", cl::cat(category), cl::desc("Quantize lm_head as well")),
      quantizeEmbeddings("quantize-embeddings", cl::cat(category),
                         cl::desc("Hold the embedding table in 8 bits, a scale for each row")),
      explainRecipe("explain-recipe", cl::cat(category),
                    cl::desc("Print for each layer what the recipe or the flags would do and why, and stop")),
      tool(std::move(name)) {}

Error QuantizeFlags::usage(const Twine &message) const {
  return {(message + "; see " + tool + " --help").str(), ExitCode::Usage};
}

std::vector<std::reference_wrapper<const cl::Option>> QuantizeFlags::all() const {
  // cl::list overloads the address operator, hence references.
  return {quant,    exclude,      groupSize,    method,   calib,       stats,       workDir,      activations,
          sparsity, prune,        kvCacheDtype, kvScales, calibTokens, smoothAlpha, quantizeHead, quantizeEmbeddings,
          recipe,   explainRecipe};
}

const cl::Option *QuantizeFlags::firstGiven() const {
  for (const cl::Option &option : all())
    if (option.getNumOccurrences())
      return &option;
  return nullptr;
}

bool QuantizeFlags::onlyPresetsGiven() const {
  const cl::Option &presets = quant;
  return llvm::none_of(all(), [&](const cl::Option &option) {
    return std::addressof(option) != std::addressof(presets) && option.getNumOccurrences();
  });
}

Status QuantizeFlags::fillMethods(QuantizeOptions &options) const {
  SmallVector<StringRef> names;
  StringRef(method.getValue()).split(names, '+', -1, /*KeepEmpty=*/!method.empty());
  for (StringRef name : names) {
    auto parsed = StringSwitch<std::optional<QuantMethod>>(name.trim().lower())
                      .Case("rtn", QuantMethod::Rtn)
                      .Case("awq", QuantMethod::Awq)
                      .Case("gptq", QuantMethod::Gptq)
                      .Cases({"smoothquant", "sq"}, QuantMethod::SmoothQuant)
                      .Default(std::nullopt);
    if (!parsed)
      return usage("--method: unknown method '" + name + "'; must be rtn, awq, gptq or smoothquant, joined by '+'");
    if (is_contained(options.methods, *parsed))
      return usage("--method: '" + name + "' is named twice");
    options.methods.push_back(*parsed);
  }
  auto rounds = [](QuantMethod m) { return m == QuantMethod::Rtn || m == QuantMethod::Gptq; };
  if (count_if(options.methods, rounds) > 1)
    return usage("--method: rtn and gptq are two ways to round; give one");
  auto last = find_if(options.methods, rounds);
  if (last != options.methods.end() && std::next(last) != options.methods.end())
    return usage("--method: awq and smoothquant come before " + nameOf(*last) + ", which rounds the weights");
  // `rtn` by name is the plain one that other tools mean by it.
  if (is_contained(options.methods, QuantMethod::Rtn))
    options.scales = WeightScales::MinMax;
  bool quantizes = options.preset != QuantPreset::None;
  if (!options.methods.empty() && !quantizes)
    return usage("--method: --quant none has no codes to find; give a preset" +
                 Twine(options.prune != PruneKind::None ? ", or leave --method out: --prune says how to prune" : ""));
  return {};
}

Status QuantizeFlags::fillSparsity(QuantizeOptions &options) const {
  if (sparsity.empty() && !prune.empty())
    return usage("--prune: says how --sparsity 2:4 chooses weights; give that too");
  if (sparsity.empty())
    return {};
  if (sparsity != "2:4")
    return usage("--sparsity: unknown pattern '" + sparsity + "'; must be 2:4");
  using P = QuantPreset;
  if (!is_contained({P::None, P::Fp8, P::Fp8Tensor, P::W8A8}, options.preset))
    return usage("--sparsity: no 2:4 product for --quant " + tools::nameOf(options.preset) +
                 "; there is one for none, fp8, fp8_tensor and w8a8");
  bool hasData = !options.calib.empty();
  auto kind = StringSwitch<std::optional<PruneKind>>(StringRef(prune).lower())
                  .Case("", hasData ? PruneKind::Refit : PruneKind::Magnitude)
                  .Case("magnitude", PruneKind::Magnitude)
                  .Case("wanda", PruneKind::Wanda)
                  .Case("sparsegpt", PruneKind::SparseGpt)
                  .Case("refit", PruneKind::Refit)
                  .Default(std::nullopt);
  if (!kind)
    return usage("--prune: unknown method '" + prune + "'; must be magnitude, wanda, sparsegpt or refit");
  if (*kind != PruneKind::Magnitude && !hasData)
    return usage("--prune: " + nameOf(*kind) + " needs calibration tokens; add --calib FILE, or use --prune magnitude");
  options.prune = *kind;
  return {};
}

Status QuantizeFlags::fillCalibration(QuantizeOptions &options) const {
  options.calib = calib;
  options.stats = stats;
  options.workDir = workDir;
  options.calibTokens = calibTokens;
  if (calibTokens.getNumOccurrences() && calib.empty())
    return usage("--calib-tokens: says how much of --calib is used; give that too");
  if (options.calibTokens < 64)
    return usage("--calib-tokens: " + Twine(options.calibTokens) + " must be at least 64");
  auto kind = StringSwitch<std::optional<ActivationScales>>(StringRef(activations).lower())
                  .Case("auto", ActivationScales::Auto)
                  .Case("dynamic", ActivationScales::Dynamic)
                  .Case("static", ActivationScales::Static)
                  .Default(std::nullopt);
  if (!kind)
    return usage("--activations: unknown kind '" + activations + "'; must be auto, dynamic or static");
  using P = QuantPreset;
  if (*kind == ActivationScales::Static) {
    if (!is_contained({P::Fp8, P::Fp8Tensor, P::W8A8}, options.preset))
      return usage("--activations static: --quant " + tools::nameOf(options.preset) +
                   " has no activations with a scale per tensor; use fp8, fp8_tensor or w8a8");
    if (calib.empty() && stats.empty())
      return usage("--activations static: the scales come from calibration; add --calib FILE or --stats FILE");
  }
  options.activations = *kind;
  return {};
}

Status QuantizeFlags::fillCache(QuantizeOptions &options) const {
  auto type = StringSwitch<std::optional<KvCacheType>>(StringRef(kvCacheDtype).lower())
                  .Cases({"bf16", "auto"}, KvCacheType::BF16)
                  .Cases({"fp8", "fp8_e4m3"}, KvCacheType::Fp8)
                  .Case("int8", KvCacheType::Int8)
                  .Default(std::nullopt);
  if (!type)
    return usage("--kv-cache-dtype: unknown type '" + kvCacheDtype + "'; must be bf16, fp8 or int8");
  options.kvCache = *type;
  auto scales = StringSwitch<std::optional<KvScales>>(StringRef(kvScales).lower())
                    .Case("head", KvScales::Head)
                    .Case("tensor", KvScales::Tensor)
                    .Default(std::nullopt);
  if (!scales)
    return usage("--kv-scales: unknown granularity '" + kvScales + "'; must be head or tensor");
  if (kvScales.getNumOccurrences() && *type != KvCacheType::Fp8)
    return usage("--kv-scales: only fp8 keys and values have calibrated scales; add --kv-cache-dtype fp8");
  if (kvScales.getNumOccurrences() && calib.empty() && stats.empty())
    return usage("--kv-scales: the scales come from calibration; add --calib FILE or --stats FILE");
  options.kvScales = *scales;
  return {};
}

Expected<QuantizeOptions> QuantizeFlags::options(StringRef name) const {
  Expected<QuantizeOptions> result = parse(name);
  if (!result)
    return result;
  // Several presets share the flags: what one of them reads is not given in vain.
  CalibrationUse use = calibrationUse(*result);
  for (const std::string &other : quant)
    if (Expected<QuantizeOptions> options = parse(other)) {
      use.tokens |= calibrationUse(*options).tokens;
      use.statistics |= calibrationUse(*options).statistics;
    }
  std::string asked = "--quant " + (quant.empty() ? name.str() : join(quant, ","));
  for (auto [flag, value] :
       {std::pair("method", &method), std::pair("sparsity", &sparsity), std::pair("kv-cache-dtype", &kvCacheDtype)})
    if (value->getNumOccurrences())
      asked += std::string(" --") + flag + " " + value->getValue();
  if (Status s = checkUse(use, asked); !s)
    return s.takeError();
  return result;
}

Status QuantizeFlags::checkUse(const CalibrationUse &use, const std::string &asked) const {
  if (!stats.empty() && !use.statistics)
    return usage("--stats: nothing in " + asked +
                 " reads statistics; leave it out. Static activations, fp8 keys and values and smoothquant read them; "
                 "gptq, awq and pruning need tokens: --calib FILE");
  if (!stats.empty() && !calib.empty())
    return usage("--stats: is in place of --calib, whose tokens answer all that statistics do; leave one of them out");
  // A script may give one file to all that it runs.
  if (!calib.empty() && !use.tokens && !wasGiven("verify-numerics") && !isWarned) {
    errs() << tool << ": warning: --calib: nothing in " << asked << " reads calibration tokens; '" << calib
           << "' is checked, and not used\n";
    isWarned = true;
  }
  return {};
}

Expected<QuantizeOptions> QuantizeFlags::parse(StringRef name) const {
  QuantizeOptions options;
  std::optional<QuantPreset> preset = parsePreset(name);
  if (!preset)
    return usage("--quant: unknown preset '" + name + "'; must be " + kPresets);
  options.preset = *preset;
  options.groupSize = *preset == QuantPreset::W8A16 ? 0 : 128;
  if (groupSize.getNumOccurrences() && hasGroups(*preset)) {
    auto size = StringSwitch<std::optional<int64_t>>(StringRef(groupSize).lower())
                    .Case("32", 32)
                    .Case("64", 64)
                    .Case("128", 128)
                    .Cases({"channel", "-1"}, 0)
                    .Default(std::nullopt);
    if (!size)
      return usage("--group-size: " + groupSize + " must be 32, 64, 128 or channel");
    options.groupSize = *size;
  }
  options.exclude.assign(exclude.begin(), exclude.end());
  options.pruneExclude = options.exclude;
  options.quantizeHead = quantizeHead;
  options.quantizeEmbeddings = quantizeEmbeddings;
  if (quantizeHead && *preset == QuantPreset::None)
    return usage("--quantize-lm-head: --quant none holds it in bf16 like every layer; give a preset");
  for (auto fill : {&QuantizeFlags::fillCalibration, &QuantizeFlags::fillSparsity, &QuantizeFlags::fillMethods,
                    &QuantizeFlags::fillCache})
    if (Status s = (this->*fill)(options); !s)
      return s.takeError();
  if (namesStatic(name) && options.activations == ActivationScales::Dynamic)
    return usage("--activations dynamic: --quant " + name + " says static; use --quant fp8_tensor");
  if (namesStatic(name) && calib.empty() && stats.empty())
    return usage(
        "--quant " + name +
        ": static activation scales come from calibration; add --calib FILE or --stats FILE, or use fp8_tensor, "
        "whose activations then have a scale per token");
  for (QuantMethod m : options.methods)
    if (m != QuantMethod::Rtn && options.calib.empty() && (m != QuantMethod::SmoothQuant || options.stats.empty()))
      return usage("--method: " + nameOf(m) + " needs calibration tokens; add --calib FILE");
  if (smoothAlpha.getNumOccurrences()) {
    if (!is_contained(options.methods, QuantMethod::SmoothQuant))
      return usage("--smooth-alpha: is for --method smoothquant");
    if (!(smoothAlpha >= 0 && smoothAlpha <= 1))
      return usage("--smooth-alpha: " + Twine(std::to_string(smoothAlpha.getValue())) + " must lie in [0, 1]");
    options.smoothAlpha = smoothAlpha;
  }
  return resolved(std::move(options));
}

std::string describe(const QuantizeOptions &options) {
  std::string text = "quant=";
  for (size_t i = 0; QuantPreset preset : presetsOf(options))
    text += (i++ == 0 ? "" : "+") + tools::nameOf(preset).str();
  if (options.rules.empty() && hasGroups(options.preset))
    text += " group-size=" + (options.groupSize == 0 ? "channel" : std::to_string(options.groupSize));
  std::string methods;
  for (QuantMethod method : options.methods)
    // Rounding with searched scales is what happens without a method.
    if (method != QuantMethod::Rtn || options.scales == WeightScales::MinMax)
      methods += (methods.empty() ? " method=" : "+") + nameOf(method).str();
  text += methods;
  if (options.prune != PruneKind::None)
    text += " sparsity=2:4 prune=" + nameOf(options.prune).str();
  if (hasStaticActivations(options))
    text += " activations=static";
  text += " kv-cache-dtype=" + tools::nameOf(options.kvCache).str();
  if (options.quantizeHead)
    text += " quantize-lm-head";
  if (options.quantizeEmbeddings)
    text += " quantize-embeddings";
  for (const std::string &pattern : options.exclude)
    text += " exclude=" + pattern;
  return text;
}

} // namespace qcc::tools
