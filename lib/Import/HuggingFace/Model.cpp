//===- Model.cpp - Reading a model directory ------------------------------===//

#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Import/HuggingFace/TensorPlan.h"
#include "qcc/Support/Text.h"

#include <filesystem>

namespace qcc::hf {
namespace {

namespace fs = std::filesystem;

bool exists(const fs::path &path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// generation_config.json says where generation ends; where it is silent config.json's end tokens stay.
Status readGenerationConfig(const std::string &path, ModelConfig &config) {
  if (!exists(path))
    return {};
  Expected<MappedFile> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  return parseEndTokens(file->chars(), path, config);
}

} // namespace

Expected<Model> readModel(const std::string &directory) {
  std::error_code error;
  fs::path absolute = fs::canonical(directory, error);
  if (error || !fs::is_directory(absolute, error))
    return Error{
        text(directory, ": not a directory; give the directory that holds config.json and the safetensors files"),
        ExitCode::IoError};
  std::string configPath = directory + "/config.json";
  if (!exists(configPath))
    return Error{text(configPath, ": missing; a Hugging Face model directory holds config.json")};
  Expected<MappedFile> configFile = MappedFile::open(configPath);
  if (!configFile)
    return configFile.takeError();
  Expected<ModelConfig> config = parseConfig(configFile->chars(), configPath);
  Expected<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::open(directory);
  ErrorList problems;
  if (!config)
    problems.errors.push_back(config.takeError());
  if (!checkpoint)
    problems.errors.push_back(checkpoint.takeError());
  if (!problems.empty())
    return problems.joined();
  if (Status status = readGenerationConfig(directory + "/generation_config.json", *config); !status)
    return status.takeError();
  if (Status status = checkTensors(*config, **checkpoint); !status)
    return status.takeError();
  Model model;
  model.byteVocabulary =
      config->vocabSize == 256 && !exists(directory + "/tokenizer.json") && !exists(directory + "/tokenizer.model");
  model.config = std::move(*config);
  model.checkpoint = std::move(*checkpoint);
  model.name = absolute.filename().string();
  model.directory = absolute.string();
  return model;
}

} // namespace qcc::hf
