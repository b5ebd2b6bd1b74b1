//===- Evaluate.cpp -------------------------------------------------------===//

#include "Evaluate.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Interpreter/Session.h"
#include "qcc/Support/File.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/Progress.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

namespace qcc::eval {
namespace {

constexpr int64_t pageSize = 64; ///< of imported caches; only sizes the cache

/// A model in one variant, ready to run. Members keep each other alive in this order.
struct Runnable {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<interp::Interpreter> interpreter;
};

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
    return options.text.empty() ? generate() : reportLoss();
  }

private:
  Expected<Runnable> prepare(const Variant &variant, int64_t longest) {
    Runnable result;
    result.module = hf::buildGraph(context, model);
    mlir::PassManager passes(&context);
    passes.addPass(createVerifyImportPass());
    if (variant.quantize)
      buildQuantizePipeline(passes, *variant.quantize);
    if (mlir::failed(passes.run(*result.module)))
      return Error{
          text(options.model, ": cannot be quantized as --quant ", variant.name, " asks, for the reasons above")};
    interp::Options interpreter;
    interpreter.precision = options.precision;
    interpreter.pages = (longest + pageSize - 1) / pageSize;
    auto created = interp::Interpreter::create(*result.module, *model.checkpoint, interpreter);
    if (!created)
      return created.takeError();
    result.interpreter = std::move(*created);
    return result;
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
    Expected<Runnable> runnable = prepare(options.variants.front(), int64_t(options.tokens.size()) + options.maxNew);
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

  Expected<std::vector<int32_t>> readText() const {
    if (!model.byteVocabulary)
      return Error{text(options.model,
                        ": --text needs a byte vocabulary (256 tokens, no tokenizer file), this model has ",
                        model.config.vocabSize, " tokens; give --tokens")};
    Expected<MappedFile> file = MappedFile::open(options.text);
    if (!file)
      return file.takeError();
    std::vector<int32_t> tokens;
    for (unsigned char byte : file->chars())
      tokens.push_back(byte);
    return tokens;
  }

  Expected<int64_t> chooseWindow(size_t available) const {
    int64_t limit = model.config.maxPositions, window = options.window ? options.window : std::min<int64_t>(512, limit);
    if (window > limit)
      return Error{text("--window: ", window, " exceeds the model's context of ", limit), ExitCode::Usage};
    if (size_t(window) > available)
      return Error{text(options.text, ": has ", available, " tokens, a window needs ", window,
                        "; give a longer text or a smaller --window")};
    return window;
  }

  Expected<interp::Loss> lossOf(const Variant &variant, std::span<const int32_t> tokens, int64_t window) {
    Expected<Runnable> runnable = prepare(variant, window);
    if (!runnable)
      return runnable.takeError();
    size_t windows = tokens.size() / size_t(window);
    Progress progress(variant.name, windows, options.progress ? ProgressMode::On : ProgressMode::Auto, /*bytes=*/false);
    interp::Loss loss;
    for (size_t i = 0; i < windows; ++i) {
      auto piece = tokens.subspan(i * size_t(window), size_t(window));
      interp::Session session(*runnable->interpreter);
      Expected<interp::StepResult> logits = session.append(piece);
      if (!logits)
        return logits.takeError();
      interp::addLoss(*logits, piece, loss);
      progress.advance(1);
    }
    return loss;
  }

  Status reportLoss() {
    Expected<std::vector<int32_t>> tokens = readText();
    if (!tokens)
      return tokens.takeError();
    Expected<int64_t> window = chooseWindow(tokens->size());
    if (!window)
      return window.takeError();
    std::vector<interp::Loss> losses;
    for (const Variant &variant : options.variants) {
      Expected<interp::Loss> loss = lossOf(variant, *tokens, *window);
      if (!loss)
        return loss.takeError();
      losses.push_back(*loss);
      if (!options.json)
        printLoss(variant, *loss, losses.front());
    }
    if (options.json)
      printLossJson(losses, *window);
    return {};
  }

  std::string cacheOf(const Variant &variant) const { return variant.quantize ? options.kvName : "f32"; }

  void printLoss(const Variant &variant, const interp::Loss &loss, const interp::Loss &base) const {
    llvm::outs() << llvm::formatv("{0,-6} kv {1,-4} {2:F4} nats/token over {3} tokens", variant.name, cacheOf(variant),
                                  loss.mean(), loss.predictions);
    if (variant.quantize)
      llvm::outs() << llvm::formatv("  ({0}{1:F4} against float)", loss.mean() >= base.mean() ? "+" : "",
                                    loss.mean() - base.mean());
    llvm::outs() << "\n";
    llvm::outs().flush();
  }

  void printLossJson(const std::vector<interp::Loss> &losses, int64_t window) const {
    llvm::json::OStream json(llvm::outs(), 2);
    json.object([&] {
      json.attribute("model", model.name);
      json.attribute("text", options.text);
      json.attribute("window", window);
      json.attributeArray("results", [&] {
        for (auto [variant, loss] : llvm::zip(options.variants, losses))
          json.object([&, &variant = variant, &loss = loss] {
            json.attribute("quant", variant.name);
            json.attribute("kv_cache", cacheOf(variant));
            json.attribute("nats_per_token", loss.mean());
            json.attribute("tokens", loss.predictions);
          });
      });
    });
    llvm::outs() << "\n";
  }

  const Options &options;
  mlir::MLIRContext context;
  hf::Model model;
};

} // namespace

Status evaluate(const Options &options) { return Evaluator(options).run(); }

} // namespace qcc::eval
