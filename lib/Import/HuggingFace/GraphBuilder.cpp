//===- GraphBuilder.cpp - A decoder as graph IR ---------------------------===//

#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Import/HuggingFace/TensorPlan.h"
#include "qcc/Support/Text.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;

namespace qcc::hf {
namespace {

/// Positions of one page of the K/V cache; kernels are written for this size.
constexpr int64_t pageSize = 64;
constexpr llvm::StringLiteral cacheName = "kv";

/// The step's arguments that layers read.
struct Batch {
  Value tokens, positions, slots, seqStarts, contextLens, blockTables, logitRows;
};

class GraphBuilder {
public:
  GraphBuilder(MLIRContext &context, const Model &model)
      : model(model), config(model.config), builder(&context), f32(builder.getF32Type()) {}

  OwningOpRef<ModuleOp> build() {
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToEnd(module->getBody());
    describeModel(*module);
    declareSymbols();
    buildForward();
    return module;
  }

private:
  static constexpr int64_t dynamic = ShapedType::kDynamic;

  Location at(const std::string &path) { return NameLoc::get(builder.getStringAttr(path)); }
  RankedTensorType tensor(llvm::ArrayRef<int64_t> shape, Type element) { return RankedTensorType::get(shape, element); }

  Type typeOf(DType type) {
    switch (type) {
    case DType::F32:
      return f32;
    case DType::F16:
      return builder.getF16Type();
    case DType::BF16:
      return builder.getBF16Type();
    default:
      llvm_unreachable("checkTensors admits floating-point tensors only");
    }
  }

  void describeModel(ModuleOp module) {
    NamedAttrList info;
    info.set("name", builder.getStringAttr(model.name));
    info.set("architecture", builder.getStringAttr(nameOf(config.family)));
    info.set("vocabulary", builder.getI64IntegerAttr(config.vocabSize));
    info.set("byte_vocabulary", builder.getBoolAttr(model.byteVocabulary));
    info.set("max_context", builder.getI64IntegerAttr(config.maxPositions));
    info.set("eos_tokens", builder.getDenseI64ArrayAttr(config.eosTokens));
    info.set("source", builder.getStringAttr(model.directory));
    module->setAttr("graph.model", info.getDictionary(builder.getContext()));
  }

  void declareSymbols() {
    for (const ExpectedTensor &expected : expectedTensors(config)) {
      const CheckpointTensor &found = model.checkpoint->tensors().find(expected.name)->second;
      graph::ParameterOp::create(builder, at(expected.name), expected.name,
                                 tensor(expected.shape, typeOf(*found.stored->type)), found.file, expected.name);
    }
    graph::KvCacheOp::create(builder, at("kv_cache"), cacheName, config.layers, config.kvHeads, config.headDim,
                             pageSize, f32, DenseF32ArrayAttr(), DenseF32ArrayAttr());
  }

  /// The parameter's values as f32.
  Value parameter(const std::string &name) {
    Location loc = at(name);
    const StoredTensor &stored = *model.checkpoint->tensors().find(name)->second.stored;
    RankedTensorType type = tensor(stored.shape, typeOf(*stored.type));
    Value value = graph::GetOp::create(builder, loc, TypeRange{type}, llvm::StringRef(name)).getResult(0);
    return type.getElementType() == f32 ? value : graph::CastOp::create(builder, loc, tensor(stored.shape, f32), value);
  }

  Value linear(Value x, const std::string &name, int64_t outFeatures, bool hasBias) {
    Value weight = parameter(name + ".weight");
    Value bias = hasBias ? parameter(name + ".bias") : Value();
    return graph::LinearOp::create(builder, at(name), tensor({dynamic, outFeatures}, f32), x, weight, bias,
                                   builder.getStringAttr(name));
  }

  Value norm(Value x, const std::string &name) {
    Value weight = parameter(name + ".weight");
    return graph::RmsNormOp::create(builder, at(name), x.getType(), x, weight,
                                    builder.getF64FloatAttr(config.rmsNormEps));
  }

  Value add(Value a, Value b, const std::string &name) {
    return graph::AddOp::create(builder, at(name), a.getType(), a, b);
  }

  Value reshape(Value x, llvm::ArrayRef<int64_t> shape, const std::string &name) {
    return graph::ReshapeOp::create(builder, at(name), tensor(shape, f32), x);
  }

  Value attention(Value x, const Batch &batch, int64_t layer, const std::string &name) {
    const int64_t heads = config.heads, kvHeads = config.kvHeads, headDim = config.headDim;
    auto project = [&](const std::string &part, int64_t count) {
      Value rows = linear(x, name + "." + part + "_proj", count * headDim, config.qkvBias);
      Value perHead = reshape(rows, {dynamic, count, headDim}, name + "." + part);
      bool normalize = config.family == Family::Qwen3 && part != "v";
      return normalize ? norm(perHead, name + "." + part + "_norm") : perHead;
    };
    Value q = project("q", heads), k = project("k", kvHeads), v = project("v", kvHeads);
    Location loc = at(name);
    auto rope = graph::RopeAttr::get(builder.getContext(), config.rope);
    q = graph::RopeOp::create(builder, loc, q.getType(), q, batch.positions, rope);
    k = graph::RopeOp::create(builder, loc, k.getType(), k, batch.positions, rope);
    graph::KvAppendOp::create(builder, loc, k, v, batch.slots, cacheName, uint64_t(layer));
    std::optional<int64_t> window = config.windows[size_t(layer)];
    Value y = graph::AttentionOp::create(builder, loc, q.getType(), q, batch.seqStarts, batch.contextLens,
                                         batch.blockTables, FlatSymbolRefAttr::get(builder.getContext(), cacheName),
                                         builder.getI64IntegerAttr(layer),
                                         builder.getF64FloatAttr(1 / std::sqrt(double(headDim))),
                                         window ? builder.getI64IntegerAttr(*window) : IntegerAttr());
    y = reshape(y, {dynamic, heads * headDim}, name + ".heads");
    return linear(y, name + ".o_proj", config.hiddenSize, config.outputBias);
  }

  Value activate(Value x, const std::string &name) {
    Location loc = at(name + ".act_fn");
    if (config.activation == Activation::Silu)
      return graph::SiluOp::create(builder, loc, x.getType(), x);
    return graph::GeluOp::create(builder, loc, x.getType(), x, config.activation == Activation::GeluTanh);
  }

  Value feedForward(Value x, const std::string &name) {
    Value gate = linear(x, name + ".gate_proj", config.intermediateSize, config.mlpBias);
    Value up = linear(x, name + ".up_proj", config.intermediateSize, config.mlpBias);
    Value activated = activate(gate, name);
    Value product = graph::MulOp::create(builder, at(name), up.getType(), activated, up);
    return linear(product, name + ".down_proj", config.hiddenSize, config.mlpBias);
  }

  void buildForward() {
    Type i32 = builder.getI32Type();
    auto vector = tensor({dynamic}, i32);
    auto logitsType = tensor({dynamic, config.vocabSize}, f32);
    auto type = builder.getFunctionType(
        {vector, vector, vector, vector, vector, tensor({dynamic, dynamic}, i32), vector}, {logitsType, vector});
    auto forward = func::FuncOp::create(builder, at("forward"), "forward", type);
    auto dims = [&](llvm::ArrayRef<llvm::StringRef> names) { return builder.getStrArrayAttr(names); };
    const llvm::StringRef argumentDims[] = {"T", "T", "T", "B1", "B", "B", "R"};
    for (auto [index, name] : llvm::enumerate(argumentDims))
      forward.setArgAttr(index, "graph.dims", index == 5 ? dims({"B", "P"}) : dims({name}));
    for (unsigned index : {0, 1})
      forward.setResultAttr(index, "graph.dims", dims({"R"}));
    Block *block = forward.addEntryBlock();
    const char *argumentNames[] = {"tokens",       "positions",    "slots",     "seq_starts",
                                   "context_lens", "block_tables", "logit_rows"};
    for (auto [argument, name] : llvm::zip(block->getArguments(), argumentNames))
      argument.setLoc(at(name));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(block);
    Batch batch{block->getArgument(0), block->getArgument(1), block->getArgument(2), block->getArgument(3),
                block->getArgument(4), block->getArgument(5), block->getArgument(6)};
    Value logits = buildBody(batch);
    Value next = graph::ArgmaxOp::create(builder, at("next_tokens"), vector, logits);
    func::ReturnOp::create(builder, builder.getUnknownLoc(), ValueRange{logits, next});
  }

  Value buildBody(const Batch &batch) {
    const std::string embedding = "model.embed_tokens";
    Value hidden = graph::EmbeddingOp::create(builder, at(embedding), tensor({dynamic, config.hiddenSize}, f32),
                                              batch.tokens, parameter(embedding + ".weight"));
    for (int64_t layer = 0; layer < config.layers; ++layer) {
      std::string name = text("model.layers.", layer);
      Value attended = attention(norm(hidden, name + ".input_layernorm"), batch, layer, name + ".self_attn");
      hidden = add(hidden, attended, name + ".self_attn.residual");
      Value transformed = feedForward(norm(hidden, name + ".post_attention_layernorm"), name + ".mlp");
      hidden = add(hidden, transformed, name + ".mlp.residual");
    }
    // Only rows whose logits are wanted pass through the head, which is the largest product.
    hidden = graph::GatherRowsOp::create(builder, at("logit_rows"), tensor({dynamic, config.hiddenSize}, f32), hidden,
                                         batch.logitRows);
    hidden = norm(hidden, "model.norm");
    Value weight = parameter(config.tiedEmbeddings ? embedding + ".weight" : "lm_head.weight");
    return graph::LinearOp::create(builder, at("lm_head"), tensor({dynamic, config.vocabSize}, f32), hidden, weight,
                                   Value(), builder.getStringAttr("lm_head"));
  }

  const Model &model;
  const ModelConfig &config;
  OpBuilder builder;
  Type f32;
};

} // namespace

OwningOpRef<ModuleOp> buildGraph(MLIRContext &context, const Model &model) {
  return GraphBuilder(context, model).build();
}

} // namespace qcc::hf
