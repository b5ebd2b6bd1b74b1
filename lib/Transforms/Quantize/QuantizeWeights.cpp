//===- QuantizeWeights.cpp - Round-to-nearest weights of linears ----------===//

#include "LinearRewriter.h"
#include "PassOptions.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace qcc {
#define GEN_PASS_DEF_QUANTIZEWEIGHTSPASS
#include "qcc/Transforms/Quantize/Passes.h.inc"

namespace {

/// Rows of an embedding's table are its channels: a scale each. Eight bits for every preset: a row is read whole.
PresetSchemes embeddingSchemes(MLIRContext *context, QuantPreset preset) {
  Type f32 = Float32Type::get(context);
  switch (preset) {
  case QuantPreset::Fp8:
  case QuantPreset::Fp8Tensor:
  case QuantPreset::Fp8Block:
    return {graph::SchemeAttr::getSimple(Float8E4M3FNType::get(context), graph::Granularity::channel, f32), {}, "fp8"};
  default:
    return {graph::SchemeAttr::getSimple(IntegerType::get(context, 8), graph::Granularity::channel, f32), {}, "w8"};
  }
}

struct QuantizeWeightsPass : OfQuantizeOptions<impl::QuantizeWeightsPassBase<QuantizeWeightsPass>> {
  using OfQuantizeOptions::OfQuantizeOptions;
  QuantizeWeightsPass(const QuantizeOptions &options, bool searches) : OfQuantizeOptions(options) { search = searches; }

  void runOnOperation() override {
    QuantizeOptions asked = readOptions();
    Expected<std::vector<LayerPlan>> layers = planLayers(getOperation(), asked);
    if (!layers) {
      getOperation().emitError() << layers.error().message;
      return signalPassFailure();
    }
    LinearRewriter rewriter(getOperation());
    for (LayerPlan &layer : *layers)
      if (layer.schemes.weights && failed(quantize(rewriter, layer)))
        return signalPassFailure();
    if (asked.quantizeEmbeddings && failed(quantizeEmbeddings(rewriter, presetsOf(asked).front())))
      return signalPassFailure();
    rewriter.eraseReplaced();
    getOperation().walk([&](graph::LinearOp linear) {
      if (!linear.getW().getDefiningOp<graph::DequantizeOp>())
        ++excluded;
    });
  }

  LogicalResult quantize(LinearRewriter &rewriter, LayerPlan &layer) {
    if (layer.linear.getW().getDefiningOp<graph::DequantizeOp>())
      return success();
    if (failed(rewriter.quantizeActivations(layer.linear, layer.schemes.activations)) ||
        failed(rewriter.deriveWeight(layer.linear.getWMutable(), layer.schemes, search)))
      return failure();
    ++quantized;
    return success();
  }

  LogicalResult quantizeEmbeddings(LinearRewriter &rewriter, QuantPreset asked) {
    PresetSchemes schemes = embeddingSchemes(&getContext(), asked);
    WalkResult result = getOperation().walk([&](graph::EmbeddingOp embedding) {
      if (embedding.getTable().getDefiningOp<graph::DequantizeOp>())
        return WalkResult::advance();
      return WalkResult(rewriter.deriveWeight(embedding.getTableMutable(), schemes, search));
    });
    return failure(result.wasInterrupted());
  }
};

} // namespace

std::unique_ptr<Pass> createQuantizeWeightsPass(const QuantizeOptions &options, bool search) {
  return std::make_unique<QuantizeWeightsPass>(options, search);
}

} // namespace qcc
