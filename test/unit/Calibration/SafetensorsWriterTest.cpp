//===- SafetensorsWriterTest.cpp - What is written is read back ------------===//
//
// Oracle: the checkpoint reader, which refuses holes, overlaps and wrong sizes.
//
//===----------------------------------------------------------------------===//
#include "qcc/Support/SafetensorsWriter.h"
#include "qcc/Import/HuggingFace/Safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

using namespace qcc;

namespace {

struct SafetensorsWriterTest : testing::Test {
  std::string path = testing::TempDir() + "/writer-" + std::to_string(getpid()) + ".safetensors";
  void TearDown() override { std::filesystem::remove(path); }

  hf::SafetensorsFile read() {
    Expected<MappedFile> file = MappedFile::open(path);
    EXPECT_TRUE(file) << file.error().message;
    Expected<hf::SafetensorsFile> parsed = hf::SafetensorsFile::open(std::move(*file));
    EXPECT_TRUE(parsed) << parsed.error().message;
    return std::move(*parsed);
  }
};

TEST_F(SafetensorsWriterTest, TensorsAndMetadataSurvive) {
  SafetensorsWriter writer;
  const std::vector<float> scales = {1.5f, -2.0f, 0.25f};
  const std::vector<int8_t> codes = {-8, 7, 0, 3, -1, 1};
  writer.add("b.scales", {3}, scales);
  writer.add("a \"quoted\"\\\n\x01", DType::I4, {2, 3}, std::as_bytes(std::span(codes)));
  writer.add("empty", {0, 4}, std::span<const float>());
  writer.metadata["format"] = "line\nbreak \"and quote\"";
  ASSERT_TRUE(writer.write(path));

  hf::SafetensorsFile file = read();
  ASSERT_EQ(file.tensors().size(), 3u);
  const hf::StoredTensor &readScales = file.tensors().find("b.scales")->second;
  EXPECT_EQ(readScales.typeName, "F32");
  EXPECT_EQ(std::memcmp(readScales.bytes.data(), scales.data(), 12), 0);
  const hf::StoredTensor &readCodes = file.tensors().find("a \"quoted\"\\\n\x01")->second;
  EXPECT_EQ(readCodes.typeName, "I8");
  EXPECT_EQ(readCodes.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(readCodes.bytes.data(), codes.data(), 6), 0);
  EXPECT_EQ(file.metadata().find("format")->second, "line\nbreak \"and quote\"");
}

TEST_F(SafetensorsWriterTest, EqualContentsAreEqualBytes) {
  auto bytesOf = [&](bool reversed) {
    SafetensorsWriter writer;
    const std::vector<float> one = {1}, two = {2};
    writer.add(reversed ? "y" : "x", {1}, reversed ? two : one);
    writer.add(reversed ? "x" : "y", {1}, reversed ? one : two);
    EXPECT_TRUE(writer.write(path));
    Expected<MappedFile> file = MappedFile::open(path);
    return std::string(file->chars());
  };
  EXPECT_EQ(bytesOf(false), bytesOf(true));
}

} // namespace
