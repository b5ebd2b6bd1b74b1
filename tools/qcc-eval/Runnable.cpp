//===- Runnable.cpp -------------------------------------------------------===//

#include "Runnable.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "mlir/Pass/PassManager.h"

namespace qcc::eval {
namespace {

constexpr int64_t pageSize = 64; ///< of imported caches; only sizes the cache

/// Each variant has a directory of its own: their calibrated weights differ.
Expected<tools::WorkDirectory> workDirectory(const Variant &variant) {
  const QuantizeOptions &quantize = *variant.quantize;
  if (quantize.workDir.empty())
    return tools::WorkDirectory::createTemporary();
  return tools::WorkDirectory::create(quantize.workDir + "/" + variant.name, /*keep=*/true);
}

} // namespace

Expected<Runnable> prepare(mlir::MLIRContext &context, const hf::Model &model, const Options &options,
                           const Variant &variant, int64_t longest, interp::Observer observer) {
  Runnable result;
  result.module = hf::buildGraph(context, model);
  mlir::PassManager passes(&context);
  passes.addPass(createVerifyImportPass());
  if (variant.quantize) {
    QuantizeOptions quantize = *variant.quantize;
    Expected<tools::WorkDirectory> work = workDirectory(variant);
    if (!work)
      return work.takeError();
    result.work = std::move(*work);
    quantize.workDir = result.work.path();
    if (Status status = variant.numerics.build(passes, *result.module, quantize, result.work.path() + "/numerics");
        !status)
      return status.takeError();
  }
  if (mlir::failed(passes.run(*result.module))) {
    if (variant.numerics.when)
      result.work.keep(); // its report is in there
    return Error{
        text(options.model, ": cannot be quantized as --quant ", variant.name, " asks, for the reasons above")};
  }
  Expected<std::unique_ptr<ModuleWeights>> weights = openWeights(*result.module, options.model);
  if (!weights)
    return weights.takeError();
  result.weights = std::move(*weights);
  interp::Options interpreter;
  interpreter.precision = options.precision;
  interpreter.pages = (longest + pageSize - 1) / pageSize;
  interpreter.observer = std::move(observer);
  auto created = interp::Interpreter::create(*result.module, *result.weights, interpreter);
  if (!created)
    return created.takeError();
  result.interpreter = std::move(*created);
  return result;
}

} // namespace qcc::eval
