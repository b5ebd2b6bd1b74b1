//===- CheckNumerics.cpp --------------------------------------------------===//

#include "qcc/Transforms/Numerics/CheckNumerics.h"
#include "Report.h"
#include "qcc/Calibration/Batches.h"
#include "qcc/Interpreter/SegmentRunner.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <limits>

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_CHECKNUMERICSPASS
#include "qcc/Transforms/Numerics/Passes.h.inc"

namespace {

/// Enough rows for ratios that differ by less than a decibel from those of more, and short sequences, so that there is
/// more than one.
constexpr int64_t kTokens = 512, kWindow = 256;

std::string printed(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os, OpPrintingFlags().enableDebugInfo(false));
  os << "\n";
  return text;
}

Expected<calib::TokenSet> firstTokens(ModuleOp module, const std::string &path) {
  if (path.empty())
    return Error{"values can be compared on calibration tokens only; give some with --calib FILE", ExitCode::Usage};
  auto model = module->getAttrOfType<DictionaryAttr>("graph.model");
  auto vocabulary = model ? model.getAs<IntegerAttr>("vocabulary") : IntegerAttr();
  auto context = model ? model.getAs<IntegerAttr>("max_context") : IntegerAttr();
  if (!vocabulary || !context)
    return Error{"the module's attribute graph.model lacks vocabulary or max_context; import the model with qcc"};
  Expected<calib::TokenSet> tokens = calib::readTokens(path, vocabulary.getInt(), std::min(kWindow, context.getInt()),
                                                       std::numeric_limits<int64_t>::max());
  if (!tokens)
    return tokens;
  size_t count = 0;
  for (int64_t sum = 0; count < tokens->sequences.size(); ++count)
    if ((sum += int64_t(tokens->sequences[count].size())) > kTokens)
      break;
  tokens->sequences.resize(count);
  return tokens;
}

class Check final : public NumericsCheck {
public:
  Check(ModuleOp module, const NumericsOptions &options, interp::RaggedBatch batch)
      : options(options), exact(module.clone()), exactText(printed(*exact)), previous(exactText),
        batch(std::move(batch)) {}

  LogicalResult check(ModuleOp module, StringRef pipeline) override {
    std::string now = printed(module);
    passes += (passes.empty() || pipeline.empty() ? "" : ",") + pipeline.str();
    if (now == previous)
      return success();
    std::string names = passes.empty() ? "the passes" : numerics::passNames(passes);
    const int64_t pages = int64_t(batch.blockTables.size());
    auto comparisons = numerics::compareModules(*exact, module, batch, pages, options.bound, factors);
    auto refuse = [&](const Error &error) {
      return report("after " + names + ": the module cannot be compared: " + error.message, "");
    };
    if (!comparisons)
      return refuse(comparisons.error());
    auto finding = numerics::diagnose(*comparisons, factors);
    if (finding) {
      if (Status status = numerics::compareHalfBlocks(*exact, module, batch, pages, *comparisons); !status)
        return refuse(status.error());
      finding = numerics::diagnose(*comparisons, factors);
    }
    if (finding)
      return report(numerics::summaryOf(*comparisons, *finding, names),
                    numerics::detailsOf(*comparisons, *finding) + "\n" + numerics::tableOf(*comparisons),
                    numerics::detailsOf(*comparisons, *finding));
    emitRemark(exact->getLoc()) << "numerics after " << names << ": " << numerics::worstOf(*comparisons);
    factors = numerics::factorsOf(*comparisons);
    previous = std::move(now);
    passes.clear();
    return success();
  }

private:
  /// `details` go into the file, `shown` onto the terminal.
  LogicalResult report(const std::string &summary, const std::string &details, const std::string &shown = {}) {
    // One message: notes are not shown by every handler.
    std::string message = "numerics " + summary + (shown.empty() ? "" : "\n" + shown);
    if (!options.reports.empty()) {
      numerics::Reproducer reproducer{options.reports, previous, exactText, passes, options.calib, options.bound};
      Status status =
          reproducer.write(summary + "\n\n" + details + "\nagain:\n" + reproducer.command() + "\n" + options.note);
      message += status ? text("\nall places: ", options.reports, "/report.txt; to run this again:\n",
                               reproducer.command(), options.note.empty() ? "" : "\n", options.note)
                        : "\n" + status.error().message;
    }
    emitError(exact->getLoc()) << message;
    return failure();
  }

  NumericsOptions options;
  OwningOpRef<ModuleOp> exact;
  std::string exactText, previous; ///< previous: after the last good pass
  interp::RaggedBatch batch;
  numerics::Factors factors; ///< after the last good pass
  std::string passes;        ///< since then
};

struct CheckNumericsPass : impl::CheckNumericsPassBase<CheckNumericsPass> {
  using CheckNumericsPassBase::CheckNumericsPassBase;
  CheckNumericsPass(std::shared_ptr<NumericsCheck> check, std::string pipeline)
      : shared(std::move(check)), pipeline(std::move(pipeline)) {}

  void runOnOperation() override {
    if (shared) {
      if (failed(shared->check(getOperation(), pipeline)))
        signalPassFailure();
      return;
    }
    Expected<std::unique_ptr<NumericsCheck>> check = fromText();
    if (!check) {
      emitError(getOperation().getLoc()) << check.error().message;
      return signalPassFailure();
    }
    if (failed((*check)->check(getOperation(), "")))
      signalPassFailure();
  }

  Expected<std::unique_ptr<NumericsCheck>> fromText() {
    NumericsOptions options{calib, std::nullopt, reports, ""};
    double decibels = 0;
    if (!bound.empty()) {
      if (!llvm::to_float(StringRef(bound), decibels))
        return Error{"bound: '" + bound + "' is not a number of decibels", ExitCode::Usage};
      options.bound = decibels;
    }
    if (reference.empty())
      return Error{"reference: name a file with IR of the import phase", ExitCode::Usage};
    OwningOpRef<ModuleOp> exact = parseSourceFile<ModuleOp>(reference, &getContext());
    if (!exact)
      return Error{"reference: '" + reference + "' is not IR that qcc can read"};
    return NumericsCheck::create(*exact, options);
  }

  std::shared_ptr<NumericsCheck> shared;
  std::string pipeline;
};

} // namespace

Expected<std::unique_ptr<NumericsCheck>> NumericsCheck::create(ModuleOp module, const NumericsOptions &options) {
  Expected<calib::TokenSet> tokens = firstTokens(module, options.calib);
  if (!tokens)
    return tokens.takeError();
  return std::unique_ptr<NumericsCheck>(
      std::make_unique<Check>(module, options, interp::makePrefill(tokens->sequences, calib::pageSizeOf(module))));
}

std::unique_ptr<Pass> createCheckNumericsPass(std::shared_ptr<NumericsCheck> check, std::string pipeline) {
  return std::make_unique<CheckNumericsPass>(std::move(check), std::move(pipeline));
}

} // namespace qcc
