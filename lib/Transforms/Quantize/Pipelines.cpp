//===- Pipelines.cpp - The quantize phase ---------------------------------===//

#include "qcc/Transforms/Quantize/LayerPlan.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace qcc {
namespace {

bool has(const QuantizeOptions &options, QuantMethod method) { return llvm::is_contained(options.methods, method); }

/// QuantizeOptions as the text of a pass pipeline.
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<QuantPreset> preset{
      *this, "preset", llvm::cl::desc("how weights and activations are held"), llvm::cl::init(QuantPreset::None),
      llvm::cl::values(clEnumValN(QuantPreset::None, "none", "bf16"),
                       clEnumValN(QuantPreset::Fp8, "fp8", "e4m3 per channel"),
                       clEnumValN(QuantPreset::Fp8Tensor, "fp8_tensor", "e4m3 per tensor"),
                       clEnumValN(QuantPreset::Fp8Block, "fp8_block", "e4m3 in blocks"),
                       clEnumValN(QuantPreset::W8A16, "w8a16", "8-bit weights"),
                       clEnumValN(QuantPreset::W4A16, "w4a16", "4-bit weights"),
                       clEnumValN(QuantPreset::W4A16Asym, "w4a16_asym", "4-bit weights with zero points"),
                       clEnumValN(QuantPreset::W8A8, "w8a8", "8-bit weights and activations"),
                       clEnumValN(QuantPreset::W4AFp8, "w4afp8", "4-bit weights, e4m3 activations"),
                       clEnumValN(QuantPreset::W3A16, "w3a16", "3-bit weights"),
                       clEnumValN(QuantPreset::W2A16, "w2a16", "2-bit weights"))};
  Option<int64_t> groupSize{*this, "group-size", llvm::cl::desc("columns that share a scale of 2- to 8-bit weights"),
                            llvm::cl::init(128)};
  ListOption<QuantMethod> methods{*this, "method", llvm::cl::desc("in order; none: the best that the data allows"),
                                  llvm::cl::values(clEnumValN(QuantMethod::Rtn, "rtn", "round to nearest"),
                                                   clEnumValN(QuantMethod::Awq, "awq", "AWQ"),
                                                   clEnumValN(QuantMethod::Gptq, "gptq", "GPTQ"),
                                                   clEnumValN(QuantMethod::SmoothQuant, "smoothquant", "SmoothQuant"))};
  Option<PruneKind> prune{*this, "prune", llvm::cl::desc("how weights become 2:4 sparse"),
                          llvm::cl::init(PruneKind::None),
                          llvm::cl::values(clEnumValN(PruneKind::None, "none", "they stay dense"),
                                           clEnumValN(PruneKind::Magnitude, "magnitude", "the largest"),
                                           clEnumValN(PruneKind::Wanda, "wanda", "by the input's size too"),
                                           clEnumValN(PruneKind::SparseGpt, "sparsegpt", "SparseGPT"),
                                           clEnumValN(PruneKind::Refit, "refit", "SparseGPT's mask, refit"))};
  ListOption<std::string> exclude{*this, "exclude", llvm::cl::desc("layers kept in bf16")};
  Option<bool> head{*this, "head", llvm::cl::desc("quantize lm_head as well"), llvm::cl::init(false)};
  Option<bool> embeddings{*this, "embeddings", llvm::cl::desc("quantize embeddings as well"), llvm::cl::init(false)};
  Option<KvCacheType> kvCache{
      *this, "kv-cache", llvm::cl::desc("element type of keys and values"), llvm::cl::init(KvCacheType::BF16),
      llvm::cl::values(clEnumValN(KvCacheType::BF16, "bf16", "bfloat16"), clEnumValN(KvCacheType::Fp8, "fp8", "e4m3"),
                       clEnumValN(KvCacheType::Int8, "int8", "i8"))};
  Option<std::string> calib{*this, "calib", llvm::cl::desc("calibration tokens")};
  Option<int64_t> calibTokens{*this, "calib-tokens", llvm::cl::desc("at most so many of them"), llvm::cl::init(65536)};
  Option<std::string> workDir{*this, "work-dir", llvm::cl::desc("directory of calibrated weights")};

  QuantizeOptions read() const {
    QuantizeOptions options;
    options.preset = preset;
    options.groupSize = groupSize;
    options.methods.assign(methods.begin(), methods.end());
    if (has(options, QuantMethod::Rtn))
      options.scales = WeightScales::MinMax;
    options.prune = prune;
    options.exclude.assign(exclude.begin(), exclude.end());
    options.pruneExclude = options.exclude;
    options.quantizeHead = head;
    options.quantizeEmbeddings = embeddings;
    options.kvCache = kvCache;
    options.calib = calib;
    options.calibTokens = calibTokens;
    options.workDir = workDir;
    return options;
  }
};

/// Adds passes and shows each to whoever wants to look at the module behind it.
class PassAdder {
public:
  PassAdder(OpPassManager &pm, AfterPass after) : pm(pm), after(after) {}
  void addPass(std::unique_ptr<Pass> pass) {
    Pass &added = *pass;
    pm.addPass(std::move(pass));
    if (after)
      after(pm, added);
  }

private:
  OpPassManager &pm;
  AfterPass after;
};

void addWeightPasses(PassAdder &pm, const QuantizeOptions &options) {
  if (has(options, QuantMethod::Gptq)) {
    pm.addPass(createGptqPass(options));
  } else if (options.prune != PruneKind::None) {
    QuantizeOptions pruning = options;
    pruning.preset = QuantPreset::None;
    pruning.rules.clear();
    pm.addPass(createGptqPass(pruning));
  }
  pm.addPass(createQuantizeWeightsPass(options, /*search=*/options.scales != WeightScales::MinMax));
}

} // namespace

void buildQuantizePipeline(OpPassManager &passes, const QuantizeOptions &asked, AfterPass after) {
  const QuantizeOptions options = resolved(asked);
  PassAdder pm(passes, after);
  // On the float graph, so that what is folded is rounded once.
  for (QuantMethod method : options.methods)
    if (method == QuantMethod::SmoothQuant)
      pm.addPass(createSmoothPass(options));
    else if (method == QuantMethod::Awq)
      pm.addPass(createAwqPass(options));
  // Before the rest, because quantization must see which values are rounded to bf16: codes of activations are those of
  // the rounded values.
  pm.addPass(createLowerPrecisionPass());
  // Both before weights are solved for, so that they can make up for what cache and activations lose.
  pm.addPass(createSetKvCachePass(options));
  if (hasStaticActivations(options))
    pm.addPass(createStaticScalesPass(options));
  addWeightPasses(pm, options);
  pm.addPass(createRecordRecipePass(options));
  pm.addPass(createVerifyQuantizePass());
}

void registerQuantizePipeline() {
  PassPipelineRegistration<PipelineOptions>(
      "qcc-quantize-pipeline", "the quantize phase",
      [](OpPassManager &pm, const PipelineOptions &text) { buildQuantizePipeline(pm, text.read()); });
}

} // namespace qcc
