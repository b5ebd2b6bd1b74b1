//===- WorkFile.cpp -------------------------------------------------------===//

#include "WorkFile.h"
#include "qcc/Dialect/Graph/GraphDialect.h"
#include "qcc/Support/Sha256.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "llvm/Support/raw_ostream.h"

#include <filesystem>

using namespace mlir;

namespace qcc {
namespace {

/// Digits of the key in a file's name: enough to tell the variants in one directory apart.
constexpr size_t kNameDigits = 8;

/// A tensor's line of the seal: name, type, shape, and the SHA-256 of its bytes.
std::string sealLine(std::string_view name, DType type, std::span<const int64_t> shape,
                     std::span<const std::byte> bytes) {
  std::string line = text(name, " ", nameOf(type));
  for (int64_t extent : shape)
    line += text(" ", extent);
  return line + " " + hexadecimal(sha256(bytes)) + "\n";
}

/// Lines `key=value` in the order of the keys, without the seal itself.
template <typename Map> std::string metadataLines(const Map &metadata) {
  std::string lines;
  for (const auto &[key, value] : metadata)
    if (key != kWorkSeal)
      lines += text(key, "=", value, "\n");
  return lines;
}

std::string sealOf(const hf::SafetensorsFile &file) {
  std::string lines = metadataLines(file.metadata());
  for (const auto &[name, tensor] : file.tensors())
    if (tensor.type)
      lines += sealLine(name, *tensor.type, tensor.shape, tensor.bytes);
  return hexadecimal(sha256(lines));
}

} // namespace

Expected<std::string> contentKey(ModuleOp module, const ParameterSource &weights) {
  Sha256 hash;
  auto add = [&](std::string_view chars) {
    hash.update(text(chars.size(), ":"));
    hash.update(chars);
  };
  add(QCC_VERSION);
  for (Operation &op : module.getBody()->getOperations()) {
    std::string printed;
    llvm::raw_string_ostream stream(printed);
    op.print(stream);
    add(printed);
    if (auto parameter = dyn_cast<graph::ParameterOp>(op)) {
      Expected<TensorView> view = weights.find(parameter.getFile().str(), parameter.getTensor().str());
      if (!view)
        return view.takeError();
      hash.update(view->bytes);
    }
  }
  return hexadecimal(hash.finish());
}

std::string nextKey(StringRef previous, StringRef what) {
  Sha256 hash;
  hash.update(std::string_view(previous));
  hash.update(std::string_view("\n"));
  hash.update(std::string_view(what));
  return hexadecimal(hash.finish());
}

std::string workFileName(StringRef label, StringRef key) {
  return (kWorkFiles + label + "-" + key.take_front(kNameDigits) + ".safetensors").str();
}

void WorkFileWriter::add(const std::string &name, DType type, std::vector<int64_t> shape,
                         std::span<const std::byte> bytes) {
  lines[name] = sealLine(name, type, shape, bytes);
  tensors.add(name, type, std::move(shape), bytes);
}

std::string WorkFileWriter::contentHash() const {
  std::string all = metadataLines(metadata);
  for (const auto &[name, line] : lines)
    all += line;
  return hexadecimal(sha256(all));
}

Status WorkFileWriter::write(const std::string &workDirectory, const std::string &file) {
  tensors.metadata = metadata;
  tensors.metadata[kWorkSeal] = contentHash();
  const std::filesystem::path path = std::filesystem::path(workDirectory) / file;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error)
    return Error{text(path.parent_path().string(), ": cannot create: ", error.message()), ExitCode::IoError};
  return tensors.write(path.string());
}

std::optional<hf::SafetensorsFile> openFinished(const std::string &path, const std::string &key) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return std::nullopt;
  Expected<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return std::nullopt;
  Expected<hf::SafetensorsFile> opened = hf::SafetensorsFile::open(std::move(*mapped));
  if (!opened)
    return std::nullopt;
  auto says = [&](const char *name, const std::string &expected) {
    auto found = opened->metadata().find(name);
    return found != opened->metadata().end() && found->second == expected;
  };
  if (!says(kWorkKey, key) || !says(kWorkSeal, sealOf(*opened)))
    return std::nullopt;
  return std::move(*opened);
}

llvm::json::Array reportsOf(const hf::SafetensorsFile &file) {
  auto written = file.metadata().find(kWorkReport);
  if (written == file.metadata().end())
    return {};
  llvm::Expected<llvm::json::Value> parsed = llvm::json::parse(written->second);
  if (!parsed) {
    llvm::consumeError(parsed.takeError());
    return {};
  }
  llvm::json::Array *array = parsed->getAsArray();
  return array ? std::move(*array) : llvm::json::Array();
}

} // namespace qcc
