//===- WorkFile.cpp -------------------------------------------------------===//

#include "WorkFile.h"

#include <filesystem>

namespace qcc {

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
  auto found = opened->metadata().find(kWorkKey);
  if (found == opened->metadata().end() || found->second != key)
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
