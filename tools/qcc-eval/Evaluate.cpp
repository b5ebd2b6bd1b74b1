//===- Evaluate.cpp -------------------------------------------------------===//

#include "Evaluate.h"
#include "CommandLine.h"
#include "Compare.h"
#include "OutputCheck.h"
#include "Runnable.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Interpreter/Session.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/ExplainQuantization.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

namespace qcc::eval {
namespace {

class Evaluator {
public:
  explicit Evaluator(const Options &options) : options(options) {
    context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
  }

  Status run() {
    Expected<hf::Model> read = hf::readModel(options.model);
    if (!read)
      return read.takeError();
    model = std::move(*read);
    if (options.explainRecipe)
      return explain();
    std::vector<FileIdentity> inputs = model.checkpoint->inputs();
    for (const Variant &variant : options.variants)
      if (variant.quantize)
        if (Status s = tools::addInputs({variant.quantize->calib, variant.quantize->stats}, inputs); !s)
          return s;
    if (Status s = tools::addInputs(
            {options.model + "/config.json", options.recipeFile, options.text, options.tokensFile}, inputs);
        !s)
      return s;
    if (Status s = tools::checkOutput(options.logits, inputs); !s)
      return s;
    return options.generates ? generate() : compare();
  }

private:
  Status explain() {
    for (const Variant &variant : options.variants) {
      mlir::OwningOpRef<mlir::ModuleOp> module = hf::buildGraph(context, model);
      Expected<std::string> explained =
          explainQuantization(*module, *variant.quantize, variant.recipe ? &*variant.recipe : nullptr);
      if (!explained)
        return explained.takeError();
      llvm::outs() << (options.variants.size() > 1 ? variant.name + "\n" : "") << *explained;
    }
    return {};
  }

  Status checkTokens() const {
    for (auto [index, token] : llvm::enumerate(options.tokens))
      if (token >= model.config.vocabSize)
        return Error{text("--tokens: token ", token, " (number ", index, ") is outside the vocabulary of ",
                          model.config.vocabSize, " tokens"),
                     ExitCode::Usage};
    int64_t length = int64_t(options.tokens.size()) + options.maxNew;
    if (length > model.config.maxPositions)
      return Error{text(options.tokens.size(), " prompt tokens and --max-new ", options.maxNew,
                        " exceed the model's context of ", model.config.maxPositions),
                   ExitCode::Usage};
    return {};
  }

  Status generate() {
    if (Status s = checkTokens(); !s)
      return s;
    Expected<Runnable> runnable =
        prepare(context, model, options, options.variants.front(), int64_t(options.tokens.size()) + options.maxNew);
    if (!runnable)
      return runnable.takeError();
    interp::Session session(*runnable->interpreter);
    std::vector<int32_t> generated;
    std::vector<float> logits;
    std::vector<int32_t> input = options.tokens;
    while (true) {
      Expected<interp::StepResult> step = session.append(input);
      if (!step)
        return step.takeError();
      logits.insert(logits.end(), step->logits.begin(), step->logits.end());
      if (int64_t(generated.size()) == options.maxNew)
        break;
      generated.push_back(step->nextTokens.back());
      bool ended = !options.ignoreEos && llvm::is_contained(model.config.eosTokens, generated.back());
      // The last token is not fed back: nothing would be asked of the logits after it.
      if (ended || int64_t(generated.size()) == options.maxNew)
        break;
      input = {generated.back()};
    }
    if (!options.logits.empty()) {
      int64_t shape[] = {session.length(), model.config.vocabSize};
      if (Status s = writeNpy(options.logits, DType::F32, shape, std::as_bytes(std::span(logits))); !s)
        return s;
    }
    printGenerated(generated);
    return {};
  }

  void printGenerated(const std::vector<int32_t> &generated) const {
    if (!options.json) {
      llvm::outs() << llvm::join(llvm::map_range(generated, [](int32_t token) { return std::to_string(token); }), ",")
                   << "\n";
      return;
    }
    llvm::json::OStream json(llvm::outs(), 2);
    json.object([&] {
      json.attribute("model", model.name);
      json.attribute("quant", options.variants.front().name);
      json.attributeArray("generated", [&] {
        for (int32_t token : generated)
          json.value(token);
      });
    });
    llvm::outs() << "\n";
  }

  Status compare() {
    Expected<HeldOut> heldOut = readHeldOut(model, options);
    if (!heldOut)
      return heldOut.takeError();
    Expected<std::vector<Result>> results = compareOnHeldOut(context, model, options, *heldOut);
    if (!results)
      return results.takeError();
    if (options.json)
      printJson(model, *heldOut, *results);
    else
      printTable(*heldOut, *results);
    return {};
  }

  const Options &options;
  mlir::MLIRContext context;
  tools::PassMessages messages{context, "qcc-eval", /*remarks=*/true};
  hf::Model model;
};

} // namespace

Status evaluate(const Options &options) { return Evaluator(options).run(); }

} // namespace qcc::eval
