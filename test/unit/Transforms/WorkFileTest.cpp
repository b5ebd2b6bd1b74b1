//===- WorkFileTest.cpp - Damage of the work directory is noticed ---------===//

#include "WorkFile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace qcc;

namespace {

const std::string key(64, 'a');

struct WorkFile : testing::Test {
  std::string work = testing::TempDir() + "/work-file-" + std::to_string(getpid());
  std::string file = workFileName("000-layer", key);

  void SetUp() override {
    WorkFileWriter writer;
    writer.metadata = {{kWorkKey, key}, {kWorkReport, R"([{"layer":"a","damping":0.01}])"}};
    writer.add("a.scales", {3}, std::vector<float>{1, -2, 0.5f});
    const std::vector<int8_t> codes{1, -7, 3, 0, 5, 2};
    writer.add("a.codes", DType::I8, {3, 2}, std::as_bytes(std::span(codes)));
    ASSERT_TRUE(writer.write(work, file));
  }
  void TearDown() override { std::filesystem::remove_all(work); }

  std::string path() const { return work + "/" + file; }
};

TEST_F(WorkFile, IsFoundByItsKeyAlone) {
  EXPECT_EQ(file, "quantized/000-layer-aaaaaaaa.safetensors");
  auto opened = openFinished(path(), key);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->tensors().size(), 2u);
  EXPECT_EQ(reportsOf(*opened).size(), 1u);
  // Only eight digits are in the name.
  EXPECT_FALSE(openFinished(path(), std::string(63, 'a') + "b"));
  EXPECT_FALSE(openFinished(work + "/quantized/none.safetensors", key));
}

TEST_F(WorkFile, AnyChangedByteIsNoticed) {
  std::string whole;
  {
    std::ifstream in(path(), std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  ASSERT_GT(whole.size(), 300u);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 1);
    std::ofstream(path(), std::ios::binary) << damaged;
    EXPECT_FALSE(openFinished(path(), key)) << "byte " << at << " of " << whole;
  }
}

TEST_F(WorkFile, ContentsGiveTheHash) {
  auto hashOf = [](float value, const char *report) {
    WorkFileWriter writer;
    writer.metadata[kWorkReport] = report;
    writer.add("s", {1}, std::vector<float>{value});
    return writer.contentHash();
  };
  EXPECT_EQ(hashOf(1, "[]"), hashOf(1, "[]"));
  EXPECT_NE(hashOf(1, "[]"), hashOf(2, "[]"));
  EXPECT_NE(hashOf(1, "[]"), hashOf(1, "[1]"));
}

} // namespace
