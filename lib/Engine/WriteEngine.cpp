//===- WriteEngine.cpp - Engine IR to an engine file ----------------------===//

#include "qcc/Engine/WriteEngine.h"

#include "Materialize.h"

#include "qcc/CodeGen/CompileKernels.h"

#include <chrono>

using namespace mlir;

namespace qcc {
namespace {

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A cubin for each target, and PTX of the lowest for GPUs that come later.
std::vector<std::string> architecturesOf(const std::vector<int> &targets) {
  std::vector<std::string> architectures;
  for (int target : targets)
    architectures.push_back("sm_" + std::to_string(target));
  architectures.push_back("compute_" + std::to_string(targets.front()));
  return architectures;
}

/// The schedule is made for the lowest target; IR that was made for a higher one must not lose a target in silence.
Status checkTargets(const BuiltPlan &built, const std::vector<int> &targets) {
  for (const codegen::KernelInstance &kernel : built.kernelSources)
    if (kernel.minTarget > targets.front())
      return Error{"target sm_" + std::to_string(targets.front()) + ": kernel '" + kernel.symbol + "' needs sm_" +
                       std::to_string(kernel.minTarget) + "; schedule for the lower target, or leave it out",
                   ExitCode::Unavailable};
  return {};
}

/// Fills in the images.
Status compileKernels(BuiltPlan &built, const WriteOptions &options, WriteReport &report) {
  std::vector<std::string> architectures = architecturesOf(options.targets);
  Progress progress("kernels", built.kernelSources.size() * architectures.size(), options.progress, /*bytes=*/false);
  codegen::KernelCache cache(options.kernelCache);
  auto images =
      codegen::compileAll(built.kernelSources, architectures, cache, options.threads, [&] { progress.advance(1); });
  if (!images)
    return images.takeError();
  for (size_t i = 0; i < built.kernelSources.size(); ++i)
    for (const codegen::KernelImage &image : (*images)[i]) {
      bool isPtx = image.arch.starts_with("compute_");
      engine_file::Image stored;
      stored.kind = isPtx ? engine_file::Image::Kind::Ptx : engine_file::Image::Kind::Cubin;
      stored.target = uint32_t(codegen::capabilityOf(image.arch));
      stored.bytes = image.image;
      stored.registers = uint32_t(image.resources.registers);
      stored.spillBytes = uint32_t(image.resources.spillBytes);
      stored.staticShared = uint32_t(image.resources.sharedBytes);
      report.maxRegisters = std::max(report.maxRegisters, image.resources.registers);
      if (image.resources.spillBytes)
        report.spilling.push_back(built.kernelSources[i].symbol + " (" + image.arch +
                                  "): " + std::to_string(image.resources.spillBytes) + " bytes");
      built.plan.kernels[i].images.push_back(std::move(stored));
    }
  report.kernels = built.kernelSources.size();
  return {};
}

} // namespace

Expected<WriteReport> writeEngine(ModuleOp module, const ParameterSource &source, const std::string &path,
                                  const WriteOptions &options) {
  WriteReport report;
  Expected<BuiltPlan> built = buildPlan(module);
  if (!built)
    return built.takeError();
  if (Status s = checkTargets(*built, options.targets); !s)
    return s.takeError();
  // Space is reserved before the long work: a full disk shows at once.
  Expected<engine_file::EngineWriter> writer =
      engine_file::EngineWriter::create(path, built->constants, options.inputs);
  if (!writer)
    return writer.takeError();
  auto start = std::chrono::steady_clock::now();
  if (Status s = compileKernels(*built, options, report); !s)
    return s.takeError();
  report.kernelSeconds = secondsSince(start);
  start = std::chrono::steady_clock::now();
  if (Status s = materialize(module, *built, source, *writer, options.threads, options.progress); !s)
    return s.takeError();
  if (Status s = writer->finish(built->plan); !s)
    return s.takeError();
  report.weightSeconds = secondsSince(start);
  for (const engine_file::Constant &constant : built->constants)
    report.weightBytes += constant.bytes;
  return report;
}

} // namespace qcc
