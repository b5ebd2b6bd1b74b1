//===- StatisticsFile.cpp - Statistics as safetensors ---------------------===//
//
// Of the value NAME: NAME.absmax F32 [channels], NAME.mean_abs and NAME.mean_square F64 [channels], NAME.histogram I64
// [2048] with NAME.histogram_exponent I64 [1], and NAME.rows I64 [1]. Those that were not gathered are missing.
//
//===----------------------------------------------------------------------===//

#include "qcc/Calibration/Statistics.h"
#include "qcc/Import/HuggingFace/Safetensors.h"
#include "qcc/Support/SafetensorsWriter.h"
#include "qcc/Support/Text.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace qcc::calib {
namespace {
constexpr std::string_view kFormat = "qcc-statistics-1";

/// Checkpoints are fetched again where they are damaged; statistics are gathered again.
Error withRemedy(Error error) {
  size_t remedy = error.message.rfind("; ");
  if (remedy != std::string::npos && error.message.find("download", remedy) != std::string::npos)
    error.message.replace(remedy, std::string::npos, "; gather the statistics again with qcc-calibrate");
  return error;
}
} // namespace

class StatisticsCodec {
public:
  static void write(const std::string &name, const ValueStatistics &value, SafetensorsWriter &writer) {
    const unsigned kinds = value.kinds();
    if (kinds & ValueStatistics::AbsMax)
      writer.add(name + ".absmax", {value.channels()}, value.absMax());
    auto means = [&](const char *suffix, const std::vector<double> &sums) {
      std::vector<double> divided = sums;
      for (double &sum : divided)
        sum /= double(std::max<int64_t>(value.rows(), 1));
      writer.add(name + suffix, DType::F64, {value.channels()}, std::as_bytes(std::span(divided)));
    };
    if (kinds & ValueStatistics::MeanAbs)
      means(".mean_abs", value.sumAbs);
    if (kinds & ValueStatistics::MeanSquare)
      means(".mean_square", value.sumSquare);
    if (kinds & ValueStatistics::Distribution) {
      const Histogram &histogram = value.histogram();
      writer.add(name + ".histogram", DType::I64, {int64_t(Histogram::kBins)}, std::as_bytes(histogram.bins()));
      addNumber(writer, name + ".histogram_exponent", histogram.exponent());
    }
    addNumber(writer, name + ".rows", value.rows());
  }

  /// All tensors of the value `name`, whose `.rows` is `rows`.
  static Expected<ValueStatistics> read(const std::string &path, const std::string &name,
                                        const hf::SafetensorsFile &file) {
    StatisticsCodec codec{path, file, name, {}};
    codec.value.rowCount = codec.number("rows", 1, INT64_MAX);
    codec.value.largest = codec.floats<float>("absmax", DType::F32, ValueStatistics::AbsMax);
    codec.value.sumAbs = codec.floats<double>("mean_abs", DType::F64, ValueStatistics::MeanAbs);
    codec.value.sumSquare = codec.floats<double>("mean_square", DType::F64, ValueStatistics::MeanSquare);
    for (std::vector<double> *sums : {&codec.value.sumAbs, &codec.value.sumSquare})
      for (double &mean : *sums)
        mean *= double(codec.value.rowCount);
    codec.readHistogram();
    if (codec.value.channelCount == 0)
      codec.fail("rows", "there is neither absmax, mean_abs nor mean_square of this value");
    if (!codec.problem.empty())
      return Error{codec.problem};
    return std::move(codec.value);
  }

private:
  StatisticsCodec(const std::string &path, const hf::SafetensorsFile &file, const std::string &name,
                  ValueStatistics value)
      : path(path), file(file), name(name), value(std::move(value)) {}

  static void addNumber(SafetensorsWriter &writer, const std::string &name, int64_t number) {
    writer.add(name, DType::I64, {1}, std::as_bytes(std::span(&number, 1)));
  }

  void fail(const std::string &suffix, const std::string &why) {
    if (problem.empty())
      problem = text(path, ": ", quote(name + "." + suffix), ": ", why, "; gather the statistics again");
  }

  /// The numbers of a tensor of rank one; empty when it is missing.
  template <typename T> std::vector<T> numbers(const std::string &suffix, DType type) {
    auto found = file.tensors().find(name + "." + suffix);
    if (found == file.tensors().end())
      return {};
    const hf::StoredTensor &tensor = found->second;
    if (tensor.type != type || tensor.shape.size() != 1 || tensor.shape[0] == 0) {
      fail(suffix,
           text("must be a vector of ", nameOf(type), ", found ", tensor.typeName, " ", shapeText(tensor.shape)));
      return {};
    }
    std::vector<T> result(size_t(tensor.shape[0]));
    std::memcpy(result.data(), tensor.bytes.data(), tensor.bytes.size());
    return result;
  }

  int64_t number(const std::string &suffix, int64_t least, int64_t most) {
    std::vector<int64_t> found = numbers<int64_t>(suffix, DType::I64);
    if (found.size() == 1 && found[0] >= least && found[0] <= most)
      return found[0];
    fail(suffix, text("must be one number from ", least, " to ", most));
    return least;
  }

  template <typename T> std::vector<T> floats(const std::string &suffix, DType type, ValueStatistics::Kind kind) {
    std::vector<T> result = numbers<T>(suffix, type);
    if (result.empty())
      return result;
    for (size_t c = 0; c < result.size(); ++c)
      if (!std::isfinite(result[c]) || result[c] < 0)
        fail(suffix, text("channel ", c, " is ", result[c], ", not a finite magnitude"));
    if (value.channelCount != 0 && value.channelCount != int64_t(result.size()))
      fail(suffix, text("has ", result.size(), " channels, other statistics of the value have ", value.channelCount));
    value.channelCount = int64_t(result.size());
    value.kindBits |= kind;
    return result;
  }

  void readHistogram() {
    std::vector<int64_t> counts = numbers<int64_t>("histogram", DType::I64);
    if (counts.empty())
      return;
    value.kindBits |= ValueStatistics::Distribution;
    int64_t exponent = number("histogram_exponent", Histogram::kSmallest, 127);
    if (counts.size() != Histogram::kBins)
      return fail("histogram", text("has ", counts.size(), " bins, must have ", Histogram::kBins));
    for (int64_t count : counts)
      if (count < 0)
        return fail("histogram", text("a bin counts ", count, " values"));
    value.distribution = Histogram(int(exponent), {counts.begin(), counts.end()});
  }

  const std::string &path;
  const hf::SafetensorsFile &file;
  const std::string &name;
  ValueStatistics value;
  std::string problem; ///< the first
};

Status writeStatistics(const Statistics &statistics, const std::string &path) {
  SafetensorsWriter writer;
  writer.metadata = {{"format", std::string(kFormat)},
                     {"model", statistics.model},
                     {"model_name", statistics.modelName},
                     {"source", statistics.source},
                     {"qcc", statistics.version},
                     {"tokens", std::to_string(statistics.tokens)},
                     {"sequences", std::to_string(statistics.sequences)}};
  for (const auto &[name, value] : statistics.values)
    StatisticsCodec::write(name, value, writer);
  return writer.write(path);
}

Expected<Statistics> readStatistics(const std::string &path) {
  Expected<MappedFile> mapped = MappedFile::open(path);
  if (!mapped)
    return mapped.takeError();
  Expected<hf::SafetensorsFile> file = hf::SafetensorsFile::open(std::move(*mapped));
  if (!file)
    return withRemedy(file.takeError());
  auto field = [&](std::string_view key) {
    auto found = file->metadata().find(key);
    return found == file->metadata().end() ? std::string() : found->second;
  };
  if (field("format") != kFormat)
    return Error{text(path, ": not statistics of qcc-calibrate: metadata 'format' is ", quote(field("format")),
                      ", must be '", kFormat, "'")};
  Statistics statistics{field("model"), field("model_name"), field("source"), field("qcc"), 0, 0, {}};
  for (auto [key, number] : {std::pair("tokens", &statistics.tokens), std::pair("sequences", &statistics.sequences)}) {
    std::string digits = field(key);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), *number);
    if (error != std::errc() || end != digits.data() + digits.size() || *number <= 0)
      return Error{text(path, ": metadata '", key, "' is ", quote(digits), ", must be a positive number")};
  }
  for (const auto &[tensor, stored] : file->tensors()) {
    constexpr std::string_view suffix = ".rows";
    if (!tensor.ends_with(suffix))
      continue;
    std::string name = tensor.substr(0, tensor.size() - suffix.size());
    Expected<ValueStatistics> value = StatisticsCodec::read(path, name, *file);
    if (!value)
      return value.takeError();
    statistics.values.emplace(std::move(name), std::move(*value));
  }
  return statistics;
}

} // namespace qcc::calib
