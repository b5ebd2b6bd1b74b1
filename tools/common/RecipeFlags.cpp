//===- RecipeFlags.cpp - Quantization as a recipe says --------------------===//

#include "QuantizeFlags.h"
#include "qcc/Support/File.h"
#include "qcc/Support/Sha256.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace qcc::tools {

Status QuantizeFlags::checkRecipeData(const Recipe &read, const QuantizeOptions &options) const {
  if (!options.calib.empty())
    return {};
  auto needs = [&](const std::string &what) { return usage(recipe + ": " + what + "; add --calib FILE"); };
  for (auto [method, modifier] :
       {std::pair(QuantMethod::Awq, "AWQModifier"), std::pair(QuantMethod::Gptq, "GPTQModifier"),
        std::pair(QuantMethod::SmoothQuant, "SmoothQuantModifier")}) {
    bool suffice = method == QuantMethod::SmoothQuant && !options.stats.empty();
    if (is_contained(options.methods, method) && !suffice)
      return needs(read.where(modifier) + " needs calibration tokens");
  }
  if (options.prune == PruneKind::Wanda)
    return needs(read.where("WandaPruningModifier") + " needs calibration tokens");
  if (options.prune != PruneKind::None && options.prune != PruneKind::Magnitude)
    return needs(read.where("SparseGPTModifier") + " needs calibration tokens");
  if (hasStaticActivations(options) && options.stats.empty())
    return usage(recipe + ": " + read.where("QuantizationModifier") +
                 " asks for static activation scales, which come from calibration; add --calib FILE or --stats FILE, "
                 "or make them dynamic");
  bool givesCacheScales = any_of(options.given, [](const auto &value) { return value.second.contains("kv_scale"); });
  if (options.kvCache == KvCacheType::Fp8 && options.stats.empty() && !givesCacheScales)
    return usage(recipe + ": kv_cache_scheme asks for static scales of keys and values, which come from calibration; "
                          "add --calib FILE or --stats FILE, or hold them in int8, whose scales are dynamic");
  return {};
}

Expected<Quantization> QuantizeFlags::readRecipe() const {
  auto isOfData = [&](const cl::Option &option) {
    return is_contained({"calib", "calib-tokens", "stats", "work-dir", "recipe", "explain-recipe"}, option.ArgStr);
  };
  for (const cl::Option &option : all())
    if (option.getNumOccurrences() && !isOfData(option))
      return usage("--" + option.ArgStr + ": '" + recipe + "' of --recipe decides that; leave one of them out");
  Expected<Recipe> read = qcc::readRecipe(recipe);
  if (!read)
    return read.takeError();
  Quantization result{simplified(read->options), std::move(*read)};
  QuantizeOptions &options = result.options;
  options.calib = calib;
  options.stats = stats;
  options.workDir = workDir;
  if (calibTokens.getNumOccurrences()) {
    if (calib.empty())
      return usage("--calib-tokens: says how much of --calib is used; give that too");
    options.calibTokens = calibTokens;
    if (options.calibTokens < 64)
      return usage("--calib-tokens: " + Twine(options.calibTokens) + " must be at least 64");
  }
  options = resolved(std::move(options));
  if (Status s = checkUse(calibrationUse(options), recipe); !s)
    return s.takeError();
  if (explainRecipe) // which needs no data
    return result;
  if (Status s = checkRecipeData(*result.recipe, options); !s)
    return s.takeError();
  const std::string &data = calib.empty() ? stats.getValue() : calib.getValue();
  if (data.empty() || result.recipe->calibrationHash.empty())
    return result;
  Expected<MappedFile> file = MappedFile::open(data);
  if (!file)
    return file.takeError();
  if (hexadecimal(sha256(file->bytes())) != result.recipe->calibrationHash)
    errs() << tool << ": warning: '" << data << "' is not the calibration file that '" << recipe
           << "' was carried out with; its searched values are taken, but weights will differ\n";
  return result;
}

} // namespace qcc::tools
