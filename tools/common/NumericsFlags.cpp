//===- NumericsFlags.cpp --------------------------------------------------===//

#include "NumericsFlags.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace llvm;

namespace qcc::tools {

NumericsFlags::NumericsFlags(std::string name, cl::OptionCategory &category)
    : tool(std::move(name)),
      when("verify-numerics", cl::cat(category), cl::value_desc("final|each"),
           cl::desc("Run calibration tokens (at most 512) through the float and the quantized model, after the last "
                    "pass of the quantize phase or after each, and fail where values differ by more than their formats "
                    "explain: names pass, layer and op, and leaves a command that shows it again")),
      bound(
          "verify-numerics-bound", cl::cat(category), cl::value_desc("DB"),
          cl::desc("Least signal to noise ratio of linears with quantized weights in dB; a lower one than the format's "
                   "holds for what is behind them, too. Default: that of the formats in use")) {}

const cl::Option *NumericsFlags::firstGiven() const {
  for (const cl::Option *option : std::initializer_list<const cl::Option *>{&when, &bound})
    if (option->getNumOccurrences())
      return option;
  return nullptr;
}

Expected<Numerics> NumericsFlags::read(const QuantizeOptions &options) const {
  auto usage = [&](const Twine &message) {
    return Error{(message + "; see " + tool + " --help").str(), ExitCode::Usage};
  };
  Numerics result;
  if (!when.getNumOccurrences()) {
    if (bound.getNumOccurrences())
      return usage("--verify-numerics-bound: is for --verify-numerics; give that too");
    return result;
  }
  result.when = StringSwitch<std::optional<VerifyNumerics>>(StringRef(when).lower())
                    .Case("final", VerifyNumerics::Final)
                    .Case("each", VerifyNumerics::Each)
                    .Default(std::nullopt);
  if (!result.when)
    return usage("--verify-numerics: unknown time '" + when + "'; must be final or each");
  if (options.calib.empty())
    return usage("--verify-numerics: runs calibration tokens; add --calib FILE");
  if (bound.getNumOccurrences()) {
    double decibels = 0;
    if (!to_float(StringRef(bound), decibels) || !std::isfinite(decibels))
      return usage("--verify-numerics-bound: '" + bound + "' is not a number of decibels");
    result.bound = decibels;
  }
  return result;
}

Status Numerics::build(mlir::OpPassManager &pm, mlir::ModuleOp module, const QuantizeOptions &options,
                       const std::string &reports) const {
  if (!when) {
    buildQuantizePipeline(pm, options);
    return {};
  }
  std::string note = options.rules.empty() ? "" : "(the rules of the recipe are not part of this command)";
  Expected<std::unique_ptr<NumericsCheck>> check =
      NumericsCheck::create(module, {options.calib, bound, reports, std::move(note)});
  if (!check)
    return check.takeError();
  buildCheckedQuantizePipeline(pm, options, *when, std::move(*check));
  return {};
}

} // namespace qcc::tools
