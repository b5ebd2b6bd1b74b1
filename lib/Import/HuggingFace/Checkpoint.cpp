//===- Checkpoint.cpp -----------------------------------------------------===//

#include "qcc/Import/HuggingFace/Checkpoint.h"
#include "qcc/Support/Json.h"
#include "qcc/Support/Text.h"

#include <filesystem>
#include <set>

namespace qcc::hf {
namespace {

constexpr const char *singleName = "model.safetensors";
constexpr const char *indexName = "model.safetensors.index.json";
constexpr size_t maxFindings = 20; ///< a wrong directory would otherwise print a line per tensor

bool exists(const std::string &path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

/// tensor -> file, as the index says; checked to be strings.
Expected<std::map<std::string, std::string>> readWeightMap(const MappedFile &index) {
  Expected<json::Value> root = json::parse(index.chars(), index.name());
  if (!root)
    return root.takeError();
  const json::Value *weightMap = root->isObject() ? root->find("weight_map") : nullptr;
  if (!weightMap || !weightMap->isObject())
    return Error{text(index.name(), ": must be an object with an object 'weight_map'")};
  std::map<std::string, std::string> result;
  for (const json::Member &member : weightMap->members()) {
    if (!member.value.isString())
      return Error{text(index.name(), ": byte ", grouped(member.offset), ": weight_map entry ", quote(member.name),
                        " must be a file name, found ", json::describe(member.value.kind))};
    result.emplace(member.name, member.value.string());
  }
  if (result.empty())
    return Error{text(index.name(), ": weight_map is empty")};
  return result;
}

} // namespace

Expected<std::unique_ptr<Checkpoint>> Checkpoint::open(const std::string &directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error))
    return Error{
        text(directory, ": not a directory; give the directory that holds config.json and the safetensors files"),
        ExitCode::IoError};
  std::unique_ptr<Checkpoint> checkpoint(new Checkpoint(directory));
  std::string index = directory + "/" + indexName;
  Status status;
  if (exists(index)) {
    Expected<MappedFile> file = MappedFile::open(index);
    if (!file)
      return file.takeError();
    status = checkpoint->openSharded(*file);
  } else {
    status = checkpoint->openSingle();
  }
  if (!status)
    return status.takeError();
  return checkpoint;
}

Status Checkpoint::openSingle() {
  std::string name = path + "/" + singleName;
  if (!exists(name))
    return Error{text(path, ": holds neither ", singleName, " nor ", indexName,
                      "; convert other formats with save_pretrained(safe_serialization=True)")};
  Expected<MappedFile> mapped = MappedFile::open(name);
  if (!mapped)
    return mapped.takeError();
  Expected<SafetensorsFile> file = SafetensorsFile::open(std::move(*mapped));
  if (!file)
    return file.takeError();
  SafetensorsFile &kept = files.emplace(singleName, std::move(*file)).first->second;
  for (const auto &[tensorName, tensor] : kept.tensors())
    byName.emplace(tensorName, CheckpointTensor{&tensor, singleName});
  return {};
}

Status Checkpoint::openSharded(const MappedFile &index) {
  Expected<std::map<std::string, std::string>> weightMap = readWeightMap(index);
  if (!weightMap)
    return weightMap.takeError();
  std::set<std::string> names;
  for (const auto &[tensor, file] : *weightMap)
    names.insert(file);
  ErrorList problems;
  for (const std::string &name : names) {
    Expected<FileDescriptor> fd = openBeneath(path, name);
    if (!fd) {
      problems.errors.push_back(fd.takeError());
      problems.errors.back().message += text(" (named by ", indexName, ")");
      continue;
    }
    Expected<MappedFile> mapped = MappedFile::open(std::move(*fd), path + "/" + name);
    Expected<SafetensorsFile> file = mapped ? SafetensorsFile::open(std::move(*mapped)) : mapped.takeError();
    if (file)
      files.emplace(name, std::move(*file));
    else
      problems.errors.push_back(file.takeError());
  }
  if (!problems.empty())
    return problems.joined();
  for (const auto &[tensor, file] : *weightMap) {
    const SafetensorsFile &shard = files.find(file)->second;
    auto found = shard.tensors().find(tensor);
    if (found == shard.tensors().end())
      problems.add(text(shard.file().name(), ": tensor ", quote(tensor), " is missing, though ", indexName,
                        " places it there; download index and shard from the same revision"));
    else
      byName.emplace(tensor, CheckpointTensor{&found->second, file});
  }
  for (const auto &[name, shard] : files)
    for (const auto &[tensorName, tensor] : shard.tensors()) {
      auto listed = weightMap->find(tensorName);
      if (listed == weightMap->end())
        problems.add(text(shard.file().name(), ": tensor ", quote(tensorName), " is not listed in ", indexName));
      else if (listed->second != name)
        problems.add(text(shard.file().name(), ": tensor ", quote(tensorName), " also stands in ",
                          quote(listed->second), ", where ", indexName, " places it"));
    }
  if (size_t count = problems.errors.size(); count > maxFindings) {
    problems.errors.resize(maxFindings);
    problems.add(text(path, ": and ", count - maxFindings, " more like these"));
  }
  if (!problems.empty())
    return problems.joined();
  return {};
}

Expected<TensorView> Checkpoint::find(std::string_view file, std::string_view tensor) const {
  auto found = files.find(file);
  if (found == files.end())
    return Error{text(path, ": the checkpoint has no file ", quote(file))};
  auto stored = found->second.tensors().find(tensor);
  if (stored == found->second.tensors().end())
    return Error{text(path, "/", file, ": tensor ", quote(tensor), " is missing")};
  const StoredTensor &entry = stored->second;
  if (!entry.type)
    return Error{text(path, "/", file, ": tensor ", quote(tensor), " has the unsupported dtype ", entry.typeName)};
  return TensorView{*entry.type, entry.shape, entry.bytes};
}

std::vector<FileIdentity> Checkpoint::inputs() const {
  std::vector<FileIdentity> result;
  for (const auto &[name, file] : files)
    result.push_back(file.file().identity());
  return result;
}

} // namespace qcc::hf
