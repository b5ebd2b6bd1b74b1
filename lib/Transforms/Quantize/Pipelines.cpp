//===- Pipelines.cpp - The quantize phase ---------------------------------===//

#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace qcc {
namespace {

/// QuantizeOptions as the text of a pass pipeline.
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<QuantPreset> preset{
      *this, "preset", llvm::cl::desc("how weights and activations are held"), llvm::cl::init(QuantPreset::None),
      llvm::cl::values(clEnumValN(QuantPreset::None, "none", "bf16"), clEnumValN(QuantPreset::Fp8, "fp8", "e4m3"),
                       clEnumValN(QuantPreset::W4A16, "w4a16", "4-bit weights"))};
  Option<int64_t> groupSize{*this, "group-size", llvm::cl::desc("columns that share a scale of 4-bit weights"),
                            llvm::cl::init(128)};
  ListOption<std::string> exclude{*this, "exclude", llvm::cl::desc("layers kept in bf16")};
  Option<KvCacheType> kvCache{
      *this, "kv-cache", llvm::cl::desc("element type of keys and values"), llvm::cl::init(KvCacheType::BF16),
      llvm::cl::values(clEnumValN(KvCacheType::BF16, "bf16", "bfloat16"), clEnumValN(KvCacheType::Fp8, "fp8", "e4m3"))};
};

} // namespace

void buildQuantizePipeline(OpPassManager &pm, const QuantizeOptions &options) {
  // First, because quantization must see which values are rounded to bf16: codes of activations are those of the
  // rounded values.
  pm.addPass(createLowerPrecisionPass());
  QuantizeWeightsPassOptions weights;
  weights.preset = options.preset;
  weights.groupSize = options.groupSize;
  weights.exclude.assign(options.exclude.begin(), options.exclude.end());
  pm.addPass(createQuantizeWeightsPass(std::move(weights)));
  SetKvCachePassOptions cache;
  cache.type = options.kvCache;
  pm.addPass(createSetKvCachePass(cache));
  pm.addPass(createVerifyQuantizePass());
}

void registerQuantizePipeline() {
  PassPipelineRegistration<PipelineOptions>("qcc-quantize-pipeline", "the quantize phase",
                                            [](OpPassManager &pm, const PipelineOptions &text) {
                                              QuantizeOptions options;
                                              options.preset = text.preset;
                                              options.groupSize = text.groupSize;
                                              options.exclude.assign(text.exclude.begin(), text.exclude.end());
                                              options.kvCache = text.kvCache;
                                              buildQuantizePipeline(pm, options);
                                            });
}

} // namespace qcc
