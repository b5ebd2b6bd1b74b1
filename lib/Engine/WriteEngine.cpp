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

/// A cubin for each target that can run the kernel, and PTX of its lowest architecture for GPUs that come later.
std::vector<std::string> architecturesOf(const codegen::KernelInstance &kernel, const std::vector<int> &targets) {
  std::vector<std::string> architectures;
  for (int target : targets)
    if (target >= kernel.minTarget)
      architectures.push_back("sm_" + std::to_string(target));
  architectures.push_back("compute_" + std::to_string(std::max(kernel.minTarget, targets.front())));
  return architectures;
}

/// Fills in the images. Kernels are grouped by the list of architectures they are compiled for.
Status compileKernels(BuiltPlan &built, const WriteOptions &options, WriteReport &report) {
  std::map<std::vector<std::string>, std::vector<size_t>> groups;
  size_t total = 0;
  for (size_t i = 0; i < built.kernelSources.size(); ++i) {
    std::vector<std::string> architectures = architecturesOf(built.kernelSources[i], options.targets);
    total += architectures.size();
    groups[architectures].push_back(i);
  }
  Progress progress("kernels", total, options.progress, /*bytes=*/false);
  codegen::KernelCache cache(options.kernelCache);
  for (const auto &[architectures, members] : groups) {
    std::vector<codegen::KernelInstance> instances;
    for (size_t member : members)
      instances.push_back(built.kernelSources[member]);
    auto images = codegen::compileAll(instances, architectures, cache, options.threads, [&] { progress.advance(1); });
    if (!images)
      return images.takeError();
    for (size_t i = 0; i < members.size(); ++i)
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
          report.spilling.push_back(built.kernelSources[members[i]].symbol + " (" + image.arch + "): " + std::to_string(image.resources.spillBytes) + " bytes");
        built.plan.kernels[members[i]].images.push_back(std::move(stored));
      }
  }
  report.kernels = built.kernelSources.size();
  return {};
}

} // namespace

Expected<WriteReport> writeEngine(ModuleOp module, const ParameterSource &source, const std::string &path, const WriteOptions &options) {
  WriteReport report;
  Expected<BuiltPlan> built = buildPlan(module);
  if (!built)
    return built.takeError();
  // Space is reserved before the long work: a full disk shows at once.
  Expected<engine_file::EngineWriter> writer = engine_file::EngineWriter::create(path, built->constants, options.inputs);
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
