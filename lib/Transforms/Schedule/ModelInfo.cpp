//===- ModelInfo.cpp ------------------------------------------------------===//

#include "qcc/Transforms/Schedule/ModelInfo.h"

#include "qcc/Dialect/Engine/EngineDialect.h"

using namespace mlir;

namespace qcc {

ArrayRef<StringRef> entryInputs() {
  static const StringRef names[] = {"tokens",       "positions",    "slots",     "seq_starts",
                                    "context_lens", "block_tables", "logit_rows"};
  return names;
}

ArrayRef<StringRef> entryOutputs() {
  static const StringRef names[] = {"logits", "next_tokens"};
  return names;
}

LogicalResult requireModel(ModuleOp module) {
  if (module->hasAttr("graph.model"))
    return success();
  return module.emitError(
      "has no graph.model attribute, which the import phase writes: name, architecture, vocabulary, max_context, …");
}

int64_t modelContext(ModuleOp module) {
  return cast<IntegerAttr>(module->getAttrOfType<DictionaryAttr>("graph.model").get("max_context")).getInt();
}

void createModelOp(OpBuilder &builder, ModuleOp module, const ModelLimits &limits, int64_t arenaBytes) {
  auto model = module->getAttrOfType<DictionaryAttr>("graph.model");
  auto number = [&](StringRef key) { return cast<IntegerAttr>(model.get(key)).getInt(); };
  engine::ModelOp::create(builder, module.getLoc(), cast<StringAttr>(model.get("name")),
                          cast<StringAttr>(model.get("architecture")), builder.getI64IntegerAttr(number("vocabulary")),
                          cast<BoolAttr>(model.get("byte_vocabulary")),
                          builder.getI64IntegerAttr(limits.maxContext ? limits.maxContext : number("max_context")),
                          builder.getI64IntegerAttr(limits.maxTokens), builder.getI64IntegerAttr(limits.maxSequences),
                          builder.getI64IntegerAttr(limits.maxLogitRows), builder.getI64IntegerAttr(arenaBytes),
                          cast<DenseI64ArrayAttr>(model.get("eos_tokens")), builder.getStringAttr(limits.options));
}

} // namespace qcc
