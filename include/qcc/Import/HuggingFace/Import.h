//===- Import.h - A Hugging Face directory becomes a graph ------*- C++ -*-===//
#ifndef QCC_IMPORT_HUGGINGFACE_IMPORT_H
#define QCC_IMPORT_HUGGINGFACE_IMPORT_H

#include "qcc/Import/HuggingFace/Checkpoint.h"
#include "qcc/Import/HuggingFace/Config.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace qcc::hf {

/// What a model directory says; the weights stay in the mapped files.
struct Model {
  ModelConfig config;
  std::unique_ptr<Checkpoint> checkpoint;
  std::string name;            ///< last component of the directory
  std::string directory;       ///< absolute
  bool byteVocabulary = false; ///< 256 tokens and no tokenizer: token i is byte i
};

/// Reads config.json, generation_config.json (end tokens only) and the checkpoint, and checks them against each other.
Expected<Model> readModel(const std::string &directory);

/// Emits `forward` (docs/architecture.md): f32 values, parameters in their stored type, linears named by module path;
/// module attribute graph.model = {name, architecture, vocabulary, byte_vocabulary, max_context, eos_tokens, source},
/// where source is the directory. The context must have the graph and func dialects loaded.
mlir::OwningOpRef<mlir::ModuleOp> buildGraph(mlir::MLIRContext &context, const Model &model);

} // namespace qcc::hf

#endif // QCC_IMPORT_HUGGINGFACE_IMPORT_H
