//===- Checkpoint.h - The safetensors files of a model directory -*- C++ -*-===//
//
// A directory holds either one model.safetensors, or model.safetensors.index.json whose weight_map names the file of
// each tensor. Only files named there are opened (directories also hold other formats); their names are untrusted and
// must stay inside the directory (openBeneath).
//
//===----------------------------------------------------------------------===//
#ifndef QCC_IMPORT_HUGGINGFACE_CHECKPOINT_H
#define QCC_IMPORT_HUGGINGFACE_CHECKPOINT_H

#include "qcc/Import/HuggingFace/Safetensors.h"

#include <memory>

namespace qcc::hf {

/// A tensor and the file, relative to the directory, that holds it.
struct CheckpointTensor {
  const StoredTensor *stored;
  std::string file;
};

class Checkpoint : public ParameterSource {
public:
  /// All problems of index and shards at once; those of a shard's own header stop at its first.
  static Expected<std::unique_ptr<Checkpoint>> open(const std::string &directory);

  /// By tensor name.
  const std::map<std::string, CheckpointTensor, std::less<>> &tensors() const { return byName; }
  Expected<TensorView> find(std::string_view file, std::string_view tensor) const override;
  const std::string &directory() const { return path; }
  /// Files that must not be overwritten.
  std::vector<FileIdentity> inputs() const;

private:
  explicit Checkpoint(std::string path) : path(std::move(path)) {}
  Status openSingle();
  Status openSharded(const MappedFile &index);

  std::string path;
  std::map<std::string, SafetensorsFile, std::less<>> files;
  std::map<std::string, CheckpointTensor, std::less<>> byName;
};

} // namespace qcc::hf

#endif // QCC_IMPORT_HUGGINGFACE_CHECKPOINT_H
