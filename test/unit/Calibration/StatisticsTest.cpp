//===- StatisticsTest.cpp - Sums, files, merging ---------------------------===//
//
// Oracle: naive sums in double precision over all rows at once.
//
//===----------------------------------------------------------------------===//
#include "qcc/Calibration/Statistics.h"
#include "qcc/Import/HuggingFace/Safetensors.h"
#include "qcc/Support/Json.h"
#include "qcc/Support/SafetensorsWriter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <random>

using namespace qcc;
using namespace qcc::calib;

namespace {

constexpr size_t channels = 6, rows = 500;

std::vector<float> rowsOf(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw;
  std::vector<float> values(rows * channels);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = draw(random) * float(1 + i % channels);
  return values;
}

Statistics statisticsOf(std::span<const float> values, const std::string &model = "m") {
  Statistics statistics{model, "small", "source", "0.1", int64_t(values.size() / channels), 2, {}};
  ValueStatistics all(channels, ValueStatistics::All), some(channels, ValueStatistics::MeanAbs);
  all.add(values);
  some.add(values);
  statistics.values.emplace("layers.0.in", all);
  statistics.values.emplace("layers.1.in", some);
  return statistics;
}

struct StatisticsTest : testing::Test {
  std::string path = testing::TempDir() + "/statistics-" + std::to_string(getpid()) + ".safetensors";
  void TearDown() override { std::filesystem::remove(path); }

  std::string readError() const {
    Expected<Statistics> read = readStatistics(path);
    EXPECT_FALSE(read);
    return read ? "" : read.error().message;
  }
};

#define EXPECT_HAS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST_F(StatisticsTest, AgreeWithNaiveSumsForAnyBatches) {
  std::vector<float> values = rowsOf(1);
  ValueStatistics pieces(channels, ValueStatistics::All);
  for (size_t row = 0; row < rows; row += 7)
    pieces.add(std::span(values).subspan(row * channels, std::min<size_t>(7, rows - row) * channels));
  EXPECT_EQ(pieces.rows(), int64_t(rows));
  for (size_t c = 0; c < channels; ++c) {
    double sumAbs = 0, sumSquare = 0, largest = 0;
    for (size_t row = 0; row < rows; ++row) {
      double x = double(values[row * channels + c]);
      sumAbs += std::fabs(x);
      sumSquare += x * x;
      largest = std::max(largest, std::fabs(x));
    }
    EXPECT_EQ(double(pieces.absMax()[c]), largest);
    EXPECT_NEAR(double(pieces.meanAbs()[c]), sumAbs / rows, 1e-6 * sumAbs / rows);
    EXPECT_NEAR(double(pieces.meanSquare()[c]), sumSquare / rows, 1e-6 * sumSquare / rows);
  }
  std::vector<float> heads = pieces.headAbsMax(2);
  EXPECT_EQ(heads[0], *std::max_element(pieces.absMax().begin(), pieces.absMax().begin() + 3));
  EXPECT_EQ(heads[1], *std::max_element(pieces.absMax().begin() + 3, pieces.absMax().end()));
}

TEST_F(StatisticsTest, FilesKeepEverything) {
  Statistics written = statisticsOf(rowsOf(2));
  ASSERT_TRUE(writeStatistics(written, path));
  Expected<Statistics> read = readStatistics(path);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(describeStatistics(*read, true), describeStatistics(written, true));
  EXPECT_EQ(read->values.at("layers.1.in").kinds(), unsigned(ValueStatistics::MeanAbs));
  const ValueStatistics &before = written.values.at("layers.0.in"), &after = read->values.at("layers.0.in");
  EXPECT_EQ(after.kinds(), unsigned(ValueStatistics::All));
  EXPECT_EQ(after.meanAbs(), before.meanAbs());
  EXPECT_TRUE(std::ranges::equal(after.absMax(), before.absMax()));
  EXPECT_TRUE(std::ranges::equal(after.histogram().bins(), before.histogram().bins()));
  EXPECT_EQ(after.histogram().exponent(), before.histogram().exponent());
}

TEST_F(StatisticsTest, MergingWeighsByTokens) {
  std::vector<float> values = rowsOf(3);
  // 100 rows against 400: a mean of means would be wrong.
  Statistics merged = statisticsOf(std::span(values).first(100 * channels)),
             rest = statisticsOf(std::span(values).subspan(100 * channels));
  ASSERT_TRUE(mergeStatistics(merged, rest));
  Statistics whole = statisticsOf(values);
  EXPECT_EQ(merged.tokens, whole.tokens);
  const ValueStatistics &a = merged.values.at("layers.0.in"), &b = whole.values.at("layers.0.in");
  EXPECT_EQ(a.rows(), b.rows());
  EXPECT_TRUE(std::ranges::equal(a.absMax(), b.absMax()));
  EXPECT_TRUE(std::ranges::equal(a.histogram().bins(), b.histogram().bins()));
  for (size_t c = 0; c < channels; ++c)
    EXPECT_FLOAT_EQ(a.meanSquare()[c], b.meanSquare()[c]);
}

TEST_F(StatisticsTest, MergingRefusesStrangers) {
  Statistics statistics = statisticsOf(rowsOf(4)), otherModel = statisticsOf(rowsOf(4), "another"),
             otherValues = statistics;
  EXPECT_HAS(mergeStatistics(statistics, otherModel).error().message, "different models");
  otherValues.values.erase("layers.0.in");
  EXPECT_HAS(mergeStatistics(statistics, otherValues).error().message, "2 and 1 values");
  otherValues.values.emplace("layers.0.in", ValueStatistics(channels, ValueStatistics::AbsMax));
  EXPECT_HAS(mergeStatistics(statistics, otherValues).error().message, "'layers.0.in'");
}

TEST_F(StatisticsTest, MissingValuesAreNamed) {
  Statistics statistics = statisticsOf(rowsOf(5));
  EXPECT_TRUE(statistics.find("layers.1.in", ValueStatistics::MeanAbs));
  EXPECT_HAS(statistics.find("layers.1.in", ValueStatistics::AbsMax).error().message,
             "no complete entry for 'layers.1.in'");
  EXPECT_HAS(statistics.find("layers.2.in", ValueStatistics::AbsMax).error().message, "no entry for 'layers.2.in'");
}

/// Writes statistics of one value, after a change.
void writeChanged(const std::string &path, const std::function<void(SafetensorsWriter &)> &change) {
  SafetensorsWriter writer;
  writer.metadata = {{"format", "qcc-statistics-1"}, {"tokens", "4"}, {"sequences", "2"}};
  int64_t four = 4;
  writer.add("x.rows", DType::I64, {1}, std::as_bytes(std::span(&four, 1)));
  writer.add("x.absmax", {2}, std::vector<float>{1, 2});
  change(writer);
  ASSERT_TRUE(writer.write(path));
}

TEST_F(StatisticsTest, DamagedFilesAreRefused) {
  auto errorOf = [&](const std::function<void(SafetensorsWriter &)> &change) {
    writeChanged(path, change);
    return readError();
  };
  writeChanged(path, [](SafetensorsWriter &) {});
  EXPECT_TRUE(readStatistics(path));
  EXPECT_HAS(errorOf([](auto &w) { w.metadata.erase("format"); }), "not statistics of qcc-calibrate");
  EXPECT_HAS(errorOf([](auto &w) { w.metadata["tokens"] = "-1"; }), "metadata 'tokens'");
  EXPECT_HAS(errorOf([](auto &w) {
               w.add("x.absmax", {2}, std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()});
             }),
             "'x.absmax': channel 1 is nan");
  EXPECT_HAS(errorOf([](auto &w) { w.add("x.absmax", {2}, std::vector<float>{-1, 1}); }), "channel 0 is -1");
  EXPECT_HAS(errorOf([](auto &w) { w.add("x.absmax", {1, 2}, std::vector<float>{1, 1}); }), "must be a vector of f32");
  std::vector<double> means = {1, 2, 3};
  EXPECT_HAS(errorOf([&](auto &w) { w.add("x.mean_abs", DType::F64, {3}, std::as_bytes(std::span(means))); }),
             "has 3 channels");
  int64_t zero = 0;
  EXPECT_HAS(errorOf([&](auto &w) { w.add("x.rows", DType::I64, {1}, std::as_bytes(std::span(&zero, 1))); }),
             "must be one number from 1");
  std::vector<int64_t> bins(3, 1);
  EXPECT_HAS(errorOf([&](auto &w) { w.add("x.histogram", DType::I64, {3}, std::as_bytes(std::span(bins))); }),
             "histogram_exponent");
  EXPECT_HAS(errorOf([&](auto &w) {
               w.add("x.histogram", DType::I64, {3}, std::as_bytes(std::span(bins)));
               w.add("x.histogram_exponent", DType::I64, {1}, std::as_bytes(std::span(&zero, 1)));
             }),
             "has 3 bins");
  EXPECT_HAS(errorOf([&](auto &w) { w.add("y.rows", DType::I64, {1}, std::as_bytes(std::span(bins).first(1))); }),
             "neither absmax");
}

TEST_F(StatisticsTest, CutFilesAreGatheredAgain) {
  ASSERT_TRUE(writeStatistics(statisticsOf(rowsOf(3)), path));
  for (uintmax_t size : {std::filesystem::file_size(path) - 1, uintmax_t(100), uintmax_t(4)}) {
    std::filesystem::resize_file(path, size);
    std::string message = readError();
    EXPECT_HAS(message, "; gather the statistics again with qcc-calibrate");
    EXPECT_EQ(message.find("download"), std::string::npos) << message;
  }
}

TEST_F(StatisticsTest, JsonIsJson) {
  Expected<json::Value> parsed = json::parse(describeStatistics(statisticsOf(rowsOf(6)), true), "description");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->find("values")->array().size(), 2u);
  EXPECT_EQ(parsed->find("values")->array()[0].find("rows")->integer(), int64_t(rows));
}

} // namespace
