//===- Compile.cpp - The four phases --------------------------------------===//

#include "Compile.h"
#include "CommandLine.h"
#include "DryRun.h"
#include "OutputCheck.h"
#include "QuantizeFlags.h"
#include "WorkDirectory.h"

#include "qcc/CodeGen/KernelCache.h"
#include "qcc/Engine/WriteEngine.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Transforms/Quantize/ExplainQuantization.h"
#include "qcc/Transforms/Quantize/LayerPlan.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/Weights.h"
#include "qcc/Transforms/Schedule/ModelInfo.h"
#include "qcc/Transforms/Schedule/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace qcc::driver {
namespace {

/// Diagnostics of passes go to standard error as they come; the phase then fails as a whole.
Error failed(Phase phase) {
  return {std::string("the ") + nameOf(phase) + " phase failed; see the messages above", ExitCode::BadInput};
}

/// What the engine says of how it was made. Kept in the IR from the start, so that going on from a dump gives the same
/// engine.
constexpr llvm::StringLiteral kOptionsAttr = "qcc.options";

std::string printed(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os, OpPrintingFlags().enableDebugInfo(false));
  os << "\n";
  return text;
}

/// What has the formats and sizes of the methods that are asked for, without solving for weights.
QuantizeOptions planned(QuantizeOptions options) {
  options.methods = {QuantMethod::Rtn};
  options.scales = WeightScales::MinMax;
  if (options.prune != PruneKind::None)
    options.prune = PruneKind::Magnitude;
  if (!hasStaticActivations(options)) // which are parameters
    options.calib.clear(), options.stats.clear();
  return options;
}

class Compiler {
public:
  explicit Compiler(const Options &options)
      : options(options), handler(sources, &context), messages(context, "qcc", !options.quiet) {
    context.printOpOnDiagnostic(false); // an error on the module would print all of it
    context.loadDialect<func::FuncDialect, arith::ArithDialect, math::MathDialect, graph::GraphDialect,
                        kernel::KernelDialect, engine::EngineDialect>();
  }

  Status run() {
    if (Status s = load(); !s)
      return s;
    if (options.compileFrom)
      if (Status s = checkPhase(*options.compileFrom); !s)
        return s;
    if (options.explainRecipe)
      return explain();
    if (!options.dryRun)
      if (Status s = tools::checkOutput(options.output, inputs); !s)
        return s;
    Phase last = options.compileTo.value_or(Phase::Engine);
    for (Phase phase : {Phase::Import, Phase::Quantize, Phase::Schedule, Phase::Engine}) {
      if (phase > last)
        break;
      if (!options.compileFrom || phase > *options.compileFrom)
        if (Status s = runPhase(phase); !s)
          return s;
      if (Status s = dump(phase); !s)
        return s;
    }
    if (options.dryRun)
      return printDryRun(*module, options, llvm::outs());
    if (options.compileTo)
      return writeText(options.output, printed(*module));
    return writeFile();
  }

private:
  /// IR from outside may have been edited: what its phase promises is checked before the next relies on it.
  Status checkPhase(Phase phase) {
    PassManager pm(&context);
    switch (phase) {
    case Phase::Import:
      pm.addPass(createVerifyImportPass());
      break;
    case Phase::Quantize:
      pm.addPass(createVerifyQuantizePass());
      break;
    case Phase::Schedule:
      pm.addPass(createVerifySchedulePass());
      break;
    case Phase::Engine:
      pm.addPass(createVerifyEnginePass());
      break;
    }
    if (mlir::failed(pm.run(*module)))
      return Error{"'" + options.input + "' is not IR of the " + nameOf(phase) + " phase; see the messages above",
                   ExitCode::BadInput};
    return {};
  }

  Status load() {
    if (!options.compileFrom) {
      Expected<hf::Model> model = hf::readModel(options.input);
      if (!model)
        return model.takeError();
      module = hf::buildGraph(context, *model);
      modelDirectory = model->directory;
      inputs = model->checkpoint->inputs();
      if (Status s = tools::addInputs(
              {options.input + "/config.json", options.quantize.calib, options.quantize.stats, options.recipeFile},
              inputs);
          !s)
        return s;
      (*module)->setAttr(kOptionsAttr, StringAttr::get(&context, tools::describe(options.quantize)));
      return checkContext();
    }
    module = parseSourceFile<ModuleOp>(options.input, sources, &context);
    if (!module)
      return Error{"'" + options.input + "' is not IR that qcc can read", ExitCode::BadInput};
    auto info = (*module)->getAttrOfType<DictionaryAttr>("graph.model");
    if (!info || !info.getAs<StringAttr>("source"))
      return Error{
          "'" + options.input +
              "' has no graph.model attribute; --compile-from takes what --compile-to or --dump-phases-to wrote",
          ExitCode::BadInput};
    modelDirectory = options.weightsDir.empty() ? info.getAs<StringAttr>("source").str() : options.weightsDir;
    auto opened = hf::Checkpoint::open(modelDirectory);
    if (!opened)
      return Error{opened.error().message + "\nthe IR's weights come from '" + modelDirectory +
                       "'; --weights DIR names another directory",
                   opened.error().code};
    inputs = (*opened)->inputs();
    if (Status s = tools::addInputs({options.input}, inputs); !s)
      return s;
    return checkContext();
  }

  /// The module is as imported.
  Status explain() {
    Expected<std::string> text =
        explainQuantization(*module, options.quantize, options.recipe ? &*options.recipe : nullptr);
    if (!text)
      return text.takeError();
    return writeText("-", *text);
  }

  Status checkContext() {
    int64_t limit = modelContext(*module);
    if (options.maxContext > limit)
      return Error{"--max-context: " + std::to_string(options.maxContext) +
                       " exceeds the model's max_position_embeddings " + std::to_string(limit),
                   ExitCode::Usage};
    return {};
  }

  ModelLimits limits() {
    auto text = (*module)->getAttrOfType<StringAttr>(kOptionsAttr);
    return {options.maxContext, options.maxTokens, options.maxSequences, options.maxLogitRows,
            text ? text.str() : std::string()};
  }

  Status runPhase(Phase phase) {
    PassManager pm(&context);
    if (mlir::failed(applyPassManagerCLOptions(pm)))
      return failed(phase);
    switch (phase) {
    case Phase::Import:
      pm.addPass(createVerifyImportPass());
      break;
    case Phase::Quantize: {
      if (options.compileTo.value_or(Phase::Engine) > Phase::Quantize)
        if (Status s = checkProducts(*module, options.quantize); !s)
          return s;
      QuantizeOptions quantize = options.dryRun ? planned(options.quantize) : options.quantize;
      quantize.threads = options.threads ? options.threads : defaultThreads();
      if (Status s = makeWorkDirectory(); !s)
        return s;
      quantize.workDir = work.path();
      if (Status s = options.numerics.build(pm, *module, quantize, reportDirectory()); !s)
        return s;
      break;
    }
    case Phase::Schedule:
      buildSchedulePipeline(pm, options.targets, limits());
      break;
    case Phase::Engine:
      buildEnginePipeline(pm, limits());
      break;
    }
    if (mlir::failed(pm.run(*module))) {
      if (options.numerics.when)
        work.keep(); // the report's IR refers to it
      return failed(phase);
    }
    return {};
  }

  /// Where a failed check leaves its report.
  std::string reportDirectory() const {
    bool hasFile = !options.output.empty() && options.output != "-";
    return hasFile ? options.output + ".numerics" : work.path() + "/numerics";
  }

  /// Solved weights, calibrated or pruned, lie beside the output until the engine has them. IR that refers to them
  /// keeps them.
  Status makeWorkDirectory() {
    bool needed =
        !options.quantize.calib.empty() || !options.quantize.stats.empty() || options.quantize.prune != PruneKind::None;
    if (!needed)
      return {};
    std::string path = options.quantize.workDir;
    bool keep = !path.empty() || options.compileTo || !options.dumpDir.empty();
    if (options.dryRun || (path.empty() && (options.output.empty() || options.output == "-"))) {
      if (options.compileTo)
        return Error{
            "the IR would refer to calibrated weights in a directory that nobody named; give -o FILE or --work-dir DIR",
            ExitCode::Usage};
      Expected<tools::WorkDirectory> temporary = tools::WorkDirectory::createTemporary();
      if (!temporary)
        return temporary.takeError();
      work = std::move(*temporary);
      return {};
    }
    Expected<tools::WorkDirectory> created =
        tools::WorkDirectory::create(path.empty() ? options.output + ".work" : path, keep);
    if (!created)
      return created.takeError();
    work = std::move(*created);
    return {};
  }

  Status dump(Phase phase) {
    if (options.dumpDir.empty())
      return {};
    if (std::error_code error = llvm::sys::fs::create_directories(options.dumpDir))
      return Error{"'" + options.dumpDir + "': " + error.message(), ExitCode::IoError};
    llvm::SmallString<256> path(options.dumpDir);
    llvm::sys::path::append(path, std::to_string(int(phase) + 1) + "." + nameOf(phase) + ".mlir");
    return writeText(path.str().str(), printed(*module));
  }

  Status writeText(const std::string &path, const std::string &text) {
    if (path.empty() || path == "-") {
      llvm::outs() << text;
      llvm::outs().flush();
      return {};
    }
    Expected<AtomicFile> file = AtomicFile::create(path, inputs);
    if (!file)
      return file.takeError();
    if (Status s = file->write(text); !s)
      return s;
    return file->commit();
  }

  Status writeFile() {
    WriteOptions write;
    write.targets = options.targets;
    write.threads = options.threads ? options.threads : defaultThreads();
    write.kernelCache = options.kernelCache.empty() ? codegen::KernelCache::defaultDirectory() : options.kernelCache;
    write.progress = options.quantize.progress;
    write.inputs = inputs;
    Expected<std::unique_ptr<ModuleWeights>> weights = openWeights(*module, modelDirectory);
    if (!weights)
      return weights.takeError();
    Expected<WriteReport> report = writeEngine(*module, **weights, options.output, write);
    if (!report)
      return report.takeError();
    work.discard();
    for (const std::string &line : report->spilling)
      llvm::errs() << "qcc: warning: registers spill in " << line << "\n";
    if (!options.quiet)
      llvm::errs() << llvm::formatv("qcc: {0}: {1:F1} MB of weights, {2} kernels ({3:F1} s), weights in {4:F1} s\n",
                                    options.output, report->weightBytes / 1e6, report->kernels, report->kernelSeconds,
                                    report->weightSeconds);
    return {};
  }

  const Options &options;
  MLIRContext context;
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler; ///< shows the line of an edited IR file
  tools::PassMessages messages;
  OwningOpRef<ModuleOp> module;
  std::string modelDirectory;
  tools::WorkDirectory work;
  std::vector<FileIdentity> inputs; ///< files that were read: no output may replace them
};

} // namespace

Status compile(const Options &options) { return Compiler(options).run(); }

} // namespace qcc::driver
