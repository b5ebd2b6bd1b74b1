//===- EngineFileTest.cpp - The writer, against docs/engine-format.md -----===//

#include "LedgerEngine.h"
#include "qccrt/sha256.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sys/stat.h>
#include <thread>

namespace {

using namespace qcc::engine_file;

std::string slurp(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename T> T at(const std::string &bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

class EngineFile : public testing::Test {
protected:
  void SetUp() override {
    folder = testing::TempDir() + "engine-file-" + std::to_string(getpid());
    std::filesystem::create_directory(folder);
    path = folder + "/x.qengine";
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  size_t files() const { return size_t(std::distance(std::filesystem::directory_iterator(folder), {})); }

  std::string folder, path;
};

// The published digests are tested in test/unit/Support; here that a processor without SHA instructions gives the same.
TEST(Sha256, IsTheSameWithoutShaInstructions) {
  std::string text(1000, 0);
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = char(i * 7);
  for (size_t length : {0, 1, 55, 56, 64, 127, 128, 1000}) {
    qccrt::Sha256 portable(qccrt::Sha256::Use::Portable);
    EXPECT_EQ(portable.update(text.data(), length).finish(), qccrt::sha256(text.data(), length)) << length;
  }
}

TEST_F(EngineFile, LaysTheFileOutAsSpecified) {
  ASSERT_EQ(ledger::write(path), "");
  std::string file = slurp(path);
  EXPECT_EQ(file.substr(0, 8), std::string("\x89QCC\r\n\x1a\n"));
  EXPECT_EQ(at<uint32_t>(file, 8), 1u);
  EXPECT_EQ(at<uint64_t>(file, 16), file.size());
  ASSERT_EQ(at<uint32_t>(file, 24), 4u);
  std::string rootless = file.substr(0, 128 + 4 * 64);
  std::string root = rootless.substr(32, 32);
  rootless.replace(32, 32, std::string(32, '\0'));
  qccrt::Digest digest = qccrt::sha256(rootless.data(), rootless.size());
  EXPECT_EQ(root, std::string(digest.begin(), digest.end()));

  size_t end = 4096;
  std::string covered = file.substr(128 + 4 * 64, 4096 - 128 - 4 * 64); // all that must be zero
  for (size_t i = 0; i < 4; ++i) {
    size_t entry = 128 + i * 64;
    uint64_t offset = at<uint64_t>(file, entry + 8), bytes = at<uint64_t>(file, entry + 16);
    EXPECT_EQ(offset % 4096, 0u);
    ASSERT_GE(offset, end);
    covered += file.substr(end, offset - end);
    end = offset + bytes;
    ASSERT_LE(end, file.size());
    std::string section = file.substr(offset, bytes), recorded = file.substr(entry + 24, 32);
    qccrt::Digest hash = qccrt::sha256(section.data(), section.size());
    if (at<uint32_t>(file, entry) == 3) // weights: the hash of the list of chunk hashes, here of one chunk
      hash = qccrt::sha256(hash.data(), hash.size());
    EXPECT_EQ(recorded, std::string(hash.begin(), hash.end())) << i;
  }
  EXPECT_EQ(end, file.size());
  EXPECT_EQ(covered.find_first_not_of('\0'), covered.npos);
  // The second constant starts at the next multiple of 256 of the weights section, which is the first.
  EXPECT_EQ(at<float>(file, 4096 + 1280 + 4 * 4), 1001.0f);
}

TEST_F(EngineFile, BytesDoNotDependOnThreadsOrOrder) {
  // Larger than a chunk of 4 MiB, and not a multiple of anything.
  std::vector<Constant> constants = {{"a", 6000001, "i8", {6000001}, "", "", ""},
                                     {"b", 77, "i8", {77}, "", "", ""},
                                     {"c", 5000000, "i8", {5000000}, "", "", ""}};
  auto content = [](size_t constant, uint64_t offset) {
    return std::byte((offset * 31 + (offset >> 9) + constant * 17) & 255);
  };
  Plan plan = ledger::plan();
  auto make = [&](const std::string &name, unsigned threads, uint64_t piece) {
    auto writer = EngineWriter::create(name, constants);
    ASSERT_TRUE(bool(writer));
    struct Piece {
      size_t constant;
      uint64_t begin, end;
    };
    std::vector<Piece> pieces;
    for (size_t i = 0; i < constants.size(); ++i)
      for (uint64_t begin = 0; begin < constants[i].bytes; begin += piece)
        pieces.push_back({i, begin, std::min(begin + piece, constants[i].bytes)});
    std::vector<std::thread> workers;
    for (unsigned t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        for (size_t i = pieces.size(); i-- > 0;) {
          if (i % threads != t)
            continue;
          std::vector<std::byte> bytes;
          for (uint64_t at = pieces[i].begin; at < pieces[i].end; ++at)
            bytes.push_back(content(pieces[i].constant, at));
          EXPECT_TRUE(bool(writer->writeConstant(pieces[i].constant, pieces[i].begin, bytes)));
        }
      });
    for (std::thread &worker : workers)
      worker.join();
    auto status = writer->finish(plan);
    ASSERT_TRUE(bool(status)) << status.error().message;
  };
  make(folder + "/one", 1, uint64_t(1) << 40);
  make(folder + "/many", 3, 100003);
  EXPECT_TRUE(slurp(folder + "/one") == slurp(folder + "/many"));
}

TEST_F(EngineFile, NothingStandsUnderTheNameBeforeTheEnd) {
  std::ofstream(path) << "old";
  {
    auto writer = EngineWriter::create(path, ledger::constants());
    ASSERT_TRUE(bool(writer));
    EXPECT_EQ(slurp(path), "old");
  }
  EXPECT_EQ(slurp(path), "old");
  EXPECT_EQ(files(), 1u) << "the temporary file is gone";
}

TEST_F(EngineFile, RefusesAnOutputThatIsAnInput) {
  std::ofstream(path) << "input";
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  std::vector<qcc::FileIdentity> inputs = {{info.st_dev, info.st_ino}};
  auto writer = EngineWriter::create(path, ledger::constants(), inputs);
  ASSERT_FALSE(bool(writer));
  EXPECT_NE(writer.error().message.find("one of the inputs"), std::string::npos);
  EXPECT_EQ(slurp(path), "input");
}

TEST_F(EngineFile, RefusesIncompleteAndExcessiveConstants) {
  std::vector<std::byte> bytes(1204);
  auto writer = EngineWriter::create(path, ledger::constants());
  ASSERT_TRUE(bool(writer));
  ASSERT_TRUE(bool(writer->writeConstant(0, 0, bytes)));
  ASSERT_TRUE(bool(writer->writeConstant(1, 0, std::span(bytes).first(1200))));
  auto beyond = writer->writeConstant(1, 1200, std::span(bytes).first(5));
  ASSERT_FALSE(bool(beyond));
  EXPECT_NE(beyond.error().message.find("passes its end"), std::string::npos);
  EXPECT_FALSE(bool(writer->writeConstant(0, 0, bytes))) << "written twice";
  EXPECT_FALSE(bool(writer->writeConstant(2, 0, bytes))) << "no such constant";
  auto status = writer->finish(ledger::plan());
  ASSERT_FALSE(bool(status));
  EXPECT_NE(status.error().message.find("'base_decode' lacks 4 of 1204 bytes"), std::string::npos)
      << status.error().message;
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(EngineFile, RefusesWhatTheReaderWouldRefuse) {
  Plan plan = ledger::plan();
  plan.steps[0].cases[0].launches[0].kernel = 2;
  EXPECT_EQ(ledger::write(path, plan), "engine writer: plan: step 0 case 0: kernel 2 of 2");
  EXPECT_EQ(files(), 0u);
}

} // namespace
