//===- StepFile.h - Solved weights of one step ------------------*- C++ -*-===//
//
// Linears that read one value are one step; its weights lie in `quantized/<number>-<first layer>-<key>.safetensors` of
// the work directory (WorkFile.h). The file is written whole or not at all: a run that was killed finds the steps it
// had finished and gives the same bytes.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_STEPFILE_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_STEPFILE_H

#include "SolveLayer.h"
#include "WorkFile.h"

#include "llvm/ADT/StringRef.h"

namespace qcc {

class StepFile {
public:
  /// Creates `quantized/` in the work directory.
  static Expected<StepFile> create(const std::string &workDirectory, size_t number, llvm::StringRef layer,
                                   std::string key);

  /// As `graph.parameter` names it.
  const std::string &name() const { return file; }
  /// Whether a file with this key is there already. Its reports then stand for those of `add`.
  bool isDone();
  /// What was chosen for each layer, in the words of a recipe.
  SearchedValues searched() const;
  /// "layer to damping" for each whose damping was raised, because its moments were not positive definite.
  std::vector<std::string> raisedDampings() const;

  /// `weight`: the symbol the layer's weight is read from.
  void add(llvm::StringRef weight, llvm::StringRef layer, const SolvedLayer &solved);
  /// A norm's weight with column scales in it.
  void addFolded(llvm::StringRef norm, std::span<const float> weight);
  /// Whether there is one, in a file that was done as in one that was solved for.
  bool isFolded(llvm::StringRef norm) const { return folded == norm; }
  Status write();

private:
  void addBF16(const std::string &name, std::vector<int64_t> shape, std::span<const float> values);

  std::string directory, file, key;
  std::string folded; ///< the norm; empty: none
  WorkFileWriter writer;
  llvm::json::Array reports; ///< an object for each layer
};

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_STEPFILE_H
