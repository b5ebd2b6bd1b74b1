//===- CalibrationInput.cpp -----------------------------------------------===//

#include "CalibrationInput.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Support/Text.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OwningOpRef.h"

#include <algorithm>

using namespace mlir;

namespace qcc {

bool readsWorkFile(ModuleOp module, StringRef prefix) {
  return llvm::any_of(module.getOps<graph::ParameterOp>(), [&](graph::ParameterOp parameter) {
    StringRef file = parameter.getFile();
    return file.consume_front(kWorkFiles) && file.starts_with(prefix);
  });
}

Expected<CalibrationInput> CalibrationInput::open(ModuleOp module, const QuantizeOptions &options) {
  auto model = module->getAttrOfType<DictionaryAttr>("graph.model");
  auto directory = model ? model.getAs<StringAttr>("source") : StringAttr();
  auto vocabulary = model ? model.getAs<IntegerAttr>("vocabulary") : IntegerAttr();
  auto context = model ? model.getAs<IntegerAttr>("max_context") : IntegerAttr();
  if (!directory || !vocabulary || !context)
    return Error{
        "the module's attribute graph.model lacks source, vocabulary or max_context; import the model with qcc"};
  if (!options.workDir.empty())
    module->setAttr(kWorkAttr, StringAttr::get(module.getContext(), options.workDir));
  CalibrationInput input;
  Expected<std::unique_ptr<ModuleWeights>> weights = openWeights(module, directory.str());
  if (!weights)
    return weights.takeError();
  input.weights = std::move(*weights);
  if (options.calib.empty())
    return input;
  Expected<calib::TokenSet> tokens = calib::readTokens(options.calib, vocabulary.getInt(),
                                                       std::min(calib::kWindow, context.getInt()), options.calibTokens);
  if (!tokens)
    return tokens.takeError();
  input.tokens = std::move(*tokens);
  input.plan = calib::planBatches(input.tokens, calib::pageSizeOf(module));
  return input;
}

Expected<calib::Statistics> statisticsFor(ModuleOp module, const QuantizeOptions &options) {
  Expected<CalibrationInput> input = CalibrationInput::open(module, options);
  if (!input)
    return input.takeError();
  if (!options.stats.empty()) {
    Expected<calib::Statistics> statistics = calib::readStatistics(options.stats);
    if (!statistics)
      return statistics.takeError();
    Expected<std::string> model = calib::fingerprint(module, *input->weights);
    if (!model)
      return model.takeError();
    if (*model != statistics->model)
      return Error{text(options.stats, ": statistics of another model (", statistics->modelName,
                        ") or of other weights; gather them again with qcc-calibrate")};
    // Smoothing and clipping change what layers read.
    if (!readsWorkFile(module, "smooth-") && !readsWorkFile(module, "awq-"))
      return statistics;
    if (options.calib.empty())
      return Error{text(options.stats, ": what layers read has changed since, by smoothing; give tokens with --calib")};
  }
  if (options.calib.empty())
    return Error{"statistics need calibration: give tokens with --calib, or a file of qcc-calibrate with --stats",
                 ExitCode::Usage};
  OwningOpRef<ModuleOp> observed = module.clone();
  calib::observeInputs(*observed, {"absmax", "mean_abs", "histogram"});
  calib::CollectOptions collect;
  collect.threads = options.threads;
  collect.progress = options.progress;
  if (!options.workDir.empty())
    collect.directory = options.workDir;
  return calib::collectStatistics(*observed, *input->weights, input->tokens, collect);
}

} // namespace qcc
