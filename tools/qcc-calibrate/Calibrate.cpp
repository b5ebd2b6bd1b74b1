//===- Calibrate.cpp ------------------------------------------------------===//

#include "Calibrate.h"
#include "OutputCheck.h"
#include "qcc/Calibration/CollectStatistics.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Support/Text.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <filesystem>

namespace qcc::calibrate {
namespace {

Status gather(const Options &options) {
  const std::string &directory = options.inputs.front();
  Expected<hf::Model> model = hf::readModel(directory);
  if (!model)
    return model.takeError();
  // Text is bytes only where the model has no tokenizer; ids of a tokenizer with 256 tokens are given as ids.
  if (options.calib.ends_with(".txt") && !model->byteVocabulary)
    return Error{
        text(options.calib, ": text is only for models over bytes (256 tokens, no tokenizer file); give token ids")};
  const int64_t window = std::min(calib::kWindow, model->config.maxPositions);
  Expected<calib::TokenSet> tokens =
      calib::readTokens(options.calib, model->config.vocabSize, window, options.calibTokens);
  if (!tokens)
    return tokens.takeError();
  std::vector<FileIdentity> inputs = model->checkpoint->inputs();
  if (Status status = tools::addInputs({directory + "/config.json", options.calib}, inputs); !status)
    return status;
  if (Status status = tools::checkOutput(options.output, inputs); !status)
    return status;
  mlir::MLIRContext context;
  context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
  mlir::OwningOpRef<mlir::ModuleOp> module = hf::buildGraph(context, *model);
  calib::observeInputs(*module, {"absmax", "mean_abs", "mean_square", "histogram"});
  calib::CollectOptions collect;
  collect.threads = options.threads;
  collect.progress = options.progress;
  collect.version = QCC_VERSION;
  collect.directory = std::filesystem::path(options.output).parent_path().string();
  if (collect.directory.empty())
    collect.directory = ".";
  Expected<calib::Statistics> statistics = calib::collectStatistics(*module, *model->checkpoint, *tokens, collect);
  if (!statistics)
    return statistics.takeError();
  return calib::writeStatistics(*statistics, options.output);
}

Status merge(const Options &options) {
  Expected<calib::Statistics> sum = calib::readStatistics(options.inputs.front());
  if (!sum)
    return sum.takeError();
  std::vector<FileIdentity> inputs;
  if (Status status = tools::addInputs(options.inputs, inputs); !status)
    return status;
  if (Status status = tools::checkOutput(options.output, inputs); !status)
    return status;
  for (const std::string &path : std::span(options.inputs).subspan(1)) {
    Expected<calib::Statistics> other = calib::readStatistics(path);
    if (!other)
      return other.takeError();
    if (Status status = calib::mergeStatistics(*sum, *other); !status)
      return Error{text(path, ": ", status.error().message)};
  }
  return calib::writeStatistics(*sum, options.output);
}

Status inspect(const Options &options) {
  Expected<calib::Statistics> statistics = calib::readStatistics(options.inputs.front());
  if (!statistics)
    return statistics.takeError();
  llvm::outs() << calib::describeStatistics(*statistics, options.json);
  return {};
}

} // namespace

Status run(const Options &options) {
  switch (options.mode) {
  case Mode::Gather:
    return gather(options);
  case Mode::Merge:
    return merge(options);
  case Mode::Inspect:
    return inspect(options);
  }
  return {};
}

} // namespace qcc::calibrate
