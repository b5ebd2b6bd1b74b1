//===- DryRun.cpp - The plan in figures -----------------------------------===//

#include "DryRun.h"

#include "qcc/Dialect/Engine/EngineDialect.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qcc::driver {
namespace {

struct Gpu {
  int target;
  const char *name;
  double gigabytes;
};

/// Memory as NVIDIA's data sheets state it (10^9 bytes).
constexpr Gpu kGpus[] = {{80, "A100 40 GB", 40}, {80, "A100 80 GB", 80}, {89, "L4", 24},
                         {89, "L40S", 48},       {90, "H100", 80},       {90, "H200", 141}};

/// Driver context and kernels' code; what is left after it can be used.
constexpr double kReservedBytes = 0.6e9;

std::string size(double bytes) {
  if (bytes >= 1e9)
    return llvm::formatv("{0:F2} GB", bytes / 1e9);
  if (bytes >= 1e6)
    return llvm::formatv("{0:F2} MB", bytes / 1e6);
  return llvm::formatv("{0:F1} kB", bytes / 1e3);
}

} // namespace

Status printDryRun(ModuleOp module, const Options &options, llvm::raw_ostream &os) {
  engine::ModelOp model = *module.getOps<engine::ModelOp>().begin();
  auto caches = module.getOps<graph::KvCacheOp>();
  if (caches.empty())
    return Error{"--dry-run: the IR has no graph.kv_cache", ExitCode::BadInput};
  graph::KvCacheOp cache = *caches.begin();

  int64_t parameters = 0;
  for (auto parameter : module.getOps<graph::ParameterOp>())
    if (!parameter.getFile().starts_with(kWorkFiles)) // the model's own
      parameters += cast<RankedTensorType>(parameter.getType()).getNumElements();
  llvm::MapVector<StringRef, int64_t> byFormat;
  int64_t weights = 0;
  for (auto constant : module.getOps<engine::ConstantOp>()) {
    byFormat[constant.getScheme().empty() ? StringRef("tables, norms and embeddings") : constant.getScheme()] +=
        constant.getBytes();
    weights += constant.getBytes();
  }
  int64_t kernels = llvm::range_size(module.getOps<engine::KernelOp>());
  // An int8 cache holds an f32 scale with the values of each token and head.
  bool isInt8 = cache.getElementType().isInteger(8);
  int64_t rowBytes = int64_t(cache.getHeadDim()) * cache.getElementType().getIntOrFloatBitWidth() / 8 +
                     (isInt8 ? int64_t(sizeof(float)) : 0);
  int64_t perToken = 2 * int64_t(cache.getLayers() * cache.getKvHeads()) * rowBytes;
  int64_t outputs = int64_t(model.getMaxLogitRows()) * int64_t(model.getVocabulary()) * 4;
  double fixed = double(weights) + double(model.getArenaBytes()) + double(outputs) + kReservedBytes;

  os << llvm::formatv("model      {0} ({1}), {2} parameters\n", model.getName(), model.getArchitecture(), parameters);
  os << llvm::formatv("options    {0}\n", model.getOptions());
  os << llvm::formatv("engine     {0} of weights, {1} kernels\n", size(double(weights)), kernels);
  for (auto [format, bytes] : byFormat)
    os << llvm::formatv("             {0,10}  {1}\n", size(double(bytes)), format);
  os << llvm::formatv(
      "step       up to {0} tokens, {1} sequences, {2} rows of logits: {3} of buffers, {4} of outputs\n",
      model.getMaxTokens(), model.getMaxSequences(), model.getMaxLogitRows(), size(double(model.getArenaBytes())),
      size(double(outputs)));
  os << llvm::formatv("K/V cache  {0} bytes per token; a full context of {1} tokens takes {2}\n", perToken,
                      model.getMaxContext(), size(double(perToken * int64_t(model.getMaxContext()))));
  os << "fits\n";
  for (const Gpu &gpu : kGpus) {
    if (!llvm::is_contained(options.targets, gpu.target))
      continue;
    double left = gpu.gigabytes * 1e9 - fixed;
    if (left <= 0)
      os << llvm::formatv("             {0,-10}  no: {1} short\n", gpu.name, size(-left));
    else
      os << llvm::formatv("             {0,-10}  {1} left: {2} tokens of K/V, {3} full contexts\n", gpu.name,
                          size(left), int64_t(left / double(perToken)),
                          int64_t(left / double(perToken * int64_t(model.getMaxContext()))));
  }
  return {};
}

} // namespace qcc::driver
