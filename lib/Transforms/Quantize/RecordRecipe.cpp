//===- RecordRecipe.cpp - The recipe that was carried out -----------------===//

#include "CalibrationInput.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Support/File.h"
#include "qcc/Support/Sha256.h"
#include "qcc/Transforms/Quantize/CalibrationUse.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/Recipe.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "llvm/Support/Path.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_RECORDRECIPEPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

/// Empty where the module does not say where its weights are: IR that was written by hand.
Expected<std::string> fingerprintOf(ModuleOp module) {
  auto model = module->getAttrOfType<DictionaryAttr>("graph.model");
  auto directory = model ? model.getAs<StringAttr>("source") : StringAttr();
  if (!directory)
    return std::string();
  Expected<std::unique_ptr<ModuleWeights>> weights = openWeights(module, directory.str());
  if (!weights)
    return weights.takeError();
  return calib::fingerprint(module, **weights);
}

struct RecordRecipePass : impl::RecordRecipePassBase<RecordRecipePass> {
  using RecordRecipePassBase::RecordRecipePassBase;
  explicit RecordRecipePass(const QuantizeOptions &options) : options(options) {}

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Expected<QuantizeOptions> carriedOut = withDataRead();
    if (!carriedOut) {
      module.emitError() << carriedOut.error().message;
      return signalPassFailure();
    }
    Expected<RecipeSource> source = findSource(*carriedOut);
    if (!source) {
      module.emitError() << source.error().message;
      return signalPassFailure();
    }
    SearchedValues searched = searchedOf(module);
    for (const auto &[layer, values] : options.given)
      for (const auto &[name, value] : values)
        if (!findGiven(searched, layer, name))
          module.emitWarning() << "the recipe gives " << name << " of '" << layer
                               << "', where nothing of that kind was searched; it was not used";
    module->setAttr(kRecipeAttr, StringAttr::get(&getContext(), writeRecipe(*carriedOut, searched, *source)));
    module->removeAttr(kSearchedAttr);
  }

private:
  /// Data that no pass has a use for are no part of the recipe. A file of tokens must be one all the same, also where a
  /// recipe gives all that would be found with it.
  Expected<QuantizeOptions> withDataRead() {
    QuantizeOptions result = options;
    result.workDir.clear(); // nothing is written there
    if (!options.calib.empty())
      if (Expected<CalibrationInput> input = CalibrationInput::open(getOperation(), result); !input)
        return input.takeError();
    const CalibrationUse use = calibrationUse(options);
    if (!use.tokens)
      result.calib.clear();
    if (!use.statistics)
      result.stats.clear();
    return result;
  }

  Expected<RecipeSource> findSource(const QuantizeOptions &carriedOut) {
    RecipeSource source;
    source.version = QCC_VERSION;
    // Weights were read where there was calibration, and only then a recipe depends on them.
    const std::string &data = carriedOut.calib.empty() ? carriedOut.stats : carriedOut.calib;
    if (data.empty())
      return source;
    Expected<std::string> model = fingerprintOf(getOperation());
    if (!model)
      return model.takeError();
    source.model = std::move(*model);
    if (carriedOut.calib.empty())
      if (Status status = checkStatistics(source.model); !status)
        return status.takeError();
    Expected<MappedFile> file = MappedFile::open(data);
    if (!file)
      return file.takeError();
    source.calibration = llvm::sys::path::filename(data).str();
    source.calibrationHash = hexadecimal(sha256(file->bytes()));
    return source;
  }

  /// Where a recipe gave all that would be found with them, no other pass has read them.
  Status checkStatistics(const std::string &model) const {
    Expected<calib::Statistics> statistics = calib::readStatistics(options.stats);
    if (!statistics)
      return statistics.takeError();
    if (statistics->model != model)
      return Error{options.stats + ": statistics of another model (" + statistics->modelName +
                   ") or of other weights; gather them again with qcc-calibrate"};
    return {};
  }

  QuantizeOptions options;
};

} // namespace

std::unique_ptr<Pass> createRecordRecipePass(const QuantizeOptions &options) {
  return std::make_unique<RecordRecipePass>(options);
}

} // namespace qcc
