//===- WorkFile.h - Results in the work directory -----------------*- C++ -*-===//
//
// A file of the work directory has a key that follows from everything its numbers depend on, in its name and whole in
// its metadata: a run that was killed finds what it had finished, and results of other options or weights lie beside it
// under other names, so that IR which names a file goes on to read what it was made with.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_TRANSFORMS_QUANTIZE_WORKFILE_H
#define QCC_LIB_TRANSFORMS_QUANTIZE_WORKFILE_H

#include "qcc/Import/HuggingFace/Safetensors.h"
#include "qcc/Support/SafetensorsWriter.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

#include <map>

namespace qcc {

/// Metadata: the key, a JSON array of reports, and the SHA-256 of the contents.
inline constexpr const char *kWorkKey = "qcc.key", *kWorkReport = "qcc.report", *kWorkSeal = "qcc.sha256";

/// Of this version of qcc, the ops of the module, and all bytes of its parameters, stored ones included. `weights` must
/// have them.
Expected<std::string> contentKey(mlir::ModuleOp module, const ParameterSource &weights);
/// The key of what follows from `previous` and `what`.
std::string nextKey(llvm::StringRef previous, llvm::StringRef what);

/// As `graph.parameter` names it: quantized/<label>-<first digits of the key>.safetensors.
std::string workFileName(llvm::StringRef label, llvm::StringRef key);

/// What will be a file of the work directory.
class WorkFileWriter {
public:
  std::map<std::string, std::string> metadata; ///< without the seal

  /// `bytes` are copied; their number must be the shape's. `type` has at least 8 bits.
  void add(const std::string &name, DType type, std::vector<int64_t> shape, std::span<const std::byte> bytes);
  void add(const std::string &name, std::vector<int64_t> shape, std::span<const float> values) {
    add(name, DType::F32, std::move(shape), std::as_bytes(values));
  }

  /// Hash of metadata and tensors: a key for a file whose numbers are named by what they are.
  std::string contentHash() const;
  /// Atomically replaces `file` (as `workFileName` gives it), whose folder is created.
  Status write(const std::string &workDirectory, const std::string &file);

private:
  SafetensorsWriter tensors;
  std::map<std::string, std::string> lines; ///< of the seal, by tensor
};

/// The file, if it is there, whole, and has this key. One that something else damaged is like one with another key:
/// what it held is found again. Reads all of it.
std::optional<hf::SafetensorsFile> openFinished(const std::string &path, const std::string &key);

/// The reports of such a file; empty where there are none that can be read.
llvm::json::Array reportsOf(const hf::SafetensorsFile &file);

} // namespace qcc

#endif // QCC_LIB_TRANSFORMS_QUANTIZE_WORKFILE_H
