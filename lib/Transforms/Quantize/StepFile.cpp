//===- StepFile.cpp -------------------------------------------------------===//

#include "StepFile.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Support/Text.h"
#include "qcc/Transforms/Quantize/SearchedValues.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <filesystem>

namespace qcc {
namespace {

constexpr const char *kFolded = "qcc.folded";

/// Codes of one layer under the names that graph.parameter gives them.
void addCodes(WorkFileWriter &writer, const std::string &weight, const quant::CodedMatrix &coded) {
  const quant::CodeFormat &format = coded.format;
  bool isInteger = format.kind == quant::CodeFormat::Kind::Int;
  std::vector<int64_t> shape{coded.rows, coded.cols}, scales;
  if (format.blockRows != 0)
    scales.push_back(format.scaleRows(coded.rows));
  if (format.blockCols != 0)
    scales.push_back(format.scaleCols(coded.cols));
  writer.add(weight + ".codes", isInteger ? DType::I8 : DType::E4M3, shape, std::as_bytes(std::span(coded.codes)));
  if (format.scale == quant::CodeFormat::ScaleType::F32) {
    writer.add(weight + ".scales", scales, std::span(coded.scales));
  } else {
    std::vector<uint16_t> bits(coded.scales.size());
    std::transform(coded.scales.begin(), coded.scales.end(), bits.begin(), quant::floatToBF16);
    writer.add(weight + ".scales", DType::BF16, scales, std::as_bytes(std::span(bits)));
  }
  if (format.zeroPoint)
    writer.add(weight + ".zeros", DType::I8, scales, std::as_bytes(std::span(coded.zeros)));
}

llvm::json::Object reportOf(llvm::StringRef layer, const SolvedLayer &solved) {
  const quant::GptqReport &report = solved.report;
  llvm::json::Object object{{"layer", layer.str()}, {"held_out_error", report.heldOutError}};
  if (solved.pruned.empty()) {
    object["damping"] = report.damping;
    object["escalations"] = report.escalations;
    object["correction"] = report.correction;
    object["order"] = report.order == quant::ColumnOrder::Activation ? "activation" : "natural";
    object["dead_columns"] = report.deadColumns;
    object["train_error"] = report.trainError;
  }
  return object;
}

} // namespace

Expected<StepFile> StepFile::create(const std::string &workDirectory, size_t number, llvm::StringRef layer,
                                    std::string key) {
  StepFile step;
  std::string safe = layer.str();
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return !llvm::isAlnum(c) && c != '.' && c != '_' && c != '-'; }, '_');
  step.file = workFileName(llvm::formatv("{0,0+3}-{1}", number, safe).str(), key);
  step.directory = workDirectory;
  step.key = std::move(key);
  std::error_code error;
  std::filesystem::create_directories(workDirectory + "/" + kWorkFiles.str(), error);
  if (error)
    return Error{text(workDirectory, ": cannot be used as the work directory: ", error.message()), ExitCode::IoError};
  return step;
}

bool StepFile::isDone() {
  std::optional<hf::SafetensorsFile> opened = openFinished(directory + "/" + file, key);
  if (!opened)
    return false;
  reports = reportsOf(*opened);
  if (auto norm = opened->metadata().find(kFolded); norm != opened->metadata().end())
    folded = norm->second;
  return true;
}

void StepFile::addBF16(const std::string &name, std::vector<int64_t> shape, std::span<const float> values) {
  std::vector<uint16_t> bits(values.size());
  std::transform(values.begin(), values.end(), bits.begin(), quant::floatToBF16);
  writer.add(name, DType::BF16, std::move(shape), std::as_bytes(std::span(bits)));
}

void StepFile::addFolded(llvm::StringRef norm, std::span<const float> weight) {
  folded = norm.str();
  addBF16(folded + ".folded", {int64_t(weight.size())}, weight);
}

SearchedValues StepFile::searched() const {
  SearchedValues values;
  for (const llvm::json::Value &report : reports) {
    const llvm::json::Object *object = report.getAsObject();
    std::optional<llvm::StringRef> layer = object ? object->getString("layer") : std::nullopt;
    if (!layer || !object->get("damping"))
      continue;
    std::map<std::string, std::string> &ofLayer = values[layer->str()];
    ofLayer["damping"] = exactly(object->getNumber("damping").value_or(0));
    ofLayer["correction"] = exactly(object->getNumber("correction").value_or(0));
    ofLayer["order"] = object->getString("order").value_or("natural").str();
  }
  return values;
}

std::vector<std::string> StepFile::raisedDampings() const {
  std::vector<std::string> raised;
  for (const llvm::json::Value &report : reports)
    if (const llvm::json::Object *object = report.getAsObject();
        object && object->getInteger("escalations").value_or(0))
      raised.push_back(
          text(object->getString("layer").value_or("").str(), " to ", object->getNumber("damping").value_or(0)));
  return raised;
}

void StepFile::add(llvm::StringRef weight, llvm::StringRef layer, const SolvedLayer &solved) {
  reports.push_back(reportOf(layer, solved));
  if (solved.pruned.empty())
    return addCodes(writer, weight.str(), solved.coded);
  addBF16(weight.str() + ".pruned", {solved.coded.rows, solved.coded.cols}, solved.pruned);
}

Status StepFile::write() {
  writer.metadata[kWorkKey] = key;
  if (!folded.empty())
    writer.metadata[kFolded] = folded;
  writer.metadata[kWorkReport] = llvm::formatv("{0}", llvm::json::Value(llvm::json::Array(reports))).str();
  return writer.write(directory, file);
}

} // namespace qcc
