//===- QuantizeFlags.h - Flags of quantization --------------------*- C++ -*-===//
//
// `qcc` and `qcc-eval` take the same flags with the same meaning: what was measured with one is built by the other.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_TOOLS_COMMON_QUANTIZEFLAGS_H
#define QCC_TOOLS_COMMON_QUANTIZEFLAGS_H

#include "qcc/Support/Error.h"
#include "qcc/Transforms/Quantize/CalibrationUse.h"
#include "qcc/Transforms/Quantize/Recipe.h"

#include "llvm/Support/CommandLine.h"

#include <functional>
#include <optional>

namespace qcc::tools {

/// The preset of a name or alias (compressed-tensors' and ModelOpt's), in any case.
std::optional<QuantPreset> parsePreset(llvm::StringRef name);
/// The name that documentation uses.
llvm::StringRef nameOf(QuantPreset preset);
llvm::StringRef nameOf(KvCacheType type);
/// Whether weights of the preset come in groups whose size can be chosen.
bool hasGroups(QuantPreset preset);
/// Whether products are of e4m3 numbers, which sm_80 has no tensor cores for.
bool needsFp8Cores(QuantPreset preset);
/// Empty when kernels exist; else why an engine cannot be made, with a remedy.
std::string whyNoKernels(QuantPreset preset);

/// What was asked, ready for the passes.
struct Quantization {
  QuantizeOptions options;
  std::optional<Recipe> recipe; ///< of --recipe
};

/// Declares the flags; the tool hides or shows them by `category`.
class QuantizeFlags {
public:
  /// `tool` names the program in messages.
  explicit QuantizeFlags(std::string tool);

  /// What the flags say, for the preset called `name`. Fails on values, and on combinations that would be ignored;
  /// warns on standard error of calibration tokens that no preset of --quant reads.
  Expected<QuantizeOptions> options(llvm::StringRef name) const;
  /// What --recipe says, with the data that flags name. Fails on flags that the recipe decides, and on a recipe that
  /// needs data where there are none; warns on standard error when they are not those it was carried out with.
  Expected<Quantization> readRecipe() const;
  /// The first quantization flag that was given, or null.
  const llvm::cl::Option *firstGiven() const;
  /// No flag but --quant was given.
  bool onlyPresetsGiven() const;

  llvm::cl::OptionCategory category{"Quantization"};
  llvm::cl::list<std::string> quant, exclude;
  llvm::cl::opt<std::string> groupSize, method, calib, stats, workDir, activations, sparsity, prune, kvCacheDtype,
      kvScales, recipe;
  llvm::cl::opt<int64_t> calibTokens;
  llvm::cl::opt<double> smoothAlpha;
  llvm::cl::opt<bool> quantizeHead, quantizeEmbeddings, explainRecipe;

private:
  std::vector<std::reference_wrapper<const llvm::cl::Option>> all() const;
  Error usage(const llvm::Twine &message) const;
  Expected<QuantizeOptions> parse(llvm::StringRef name) const;
  /// `asked`: what the user asked for, in messages.
  Status checkUse(const CalibrationUse &use, const std::string &asked) const;
  Status fillMethods(QuantizeOptions &options) const;
  Status fillSparsity(QuantizeOptions &options) const;
  Status fillCalibration(QuantizeOptions &options) const;
  Status fillCache(QuantizeOptions &options) const;
  Status checkRecipeData(const Recipe &recipe, const QuantizeOptions &options) const;

  std::string tool;
  mutable bool isWarned = false; ///< of tokens that nothing reads, once for all presets
};

/// "quant=w4a16 group-size=128 method=awq+gptq …": how an engine was made, kept inside it.
std::string describe(const QuantizeOptions &options);

} // namespace qcc::tools

#endif // QCC_TOOLS_COMMON_QUANTIZEFLAGS_H
