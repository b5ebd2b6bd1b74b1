//===- DamagedEngineTest.cpp - No damaged file is accepted ----------------===//

#include "EngineReader.h"
#include "Failure.h"
#include "LedgerEngine.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

namespace {

class DamagedEngine : public testing::Test {
protected:
  void SetUp() override {
    path = testing::TempDir() + "damaged-" + std::to_string(getpid()) + ".qengine";
    ASSERT_EQ(ledger::write(path), "");
    fd = open(path.c_str(), O_RDWR);
    length = std::filesystem::file_size(path);
    ASSERT_EQ(refusal(), "") << "the undamaged engine";
  }
  void TearDown() override {
    close(fd);
    std::filesystem::remove(path);
  }
  /// Why the file is refused; empty where it is accepted.
  std::string refusal() {
    try {
      qccrt::EngineReader(path).verifyWeights();
    } catch (const qccrt::Failure &failure) {
      EXPECT_TRUE(failure.status == QCCRT_DAMAGED || failure.status == QCCRT_UNSUPPORTED) << failure.message;
      return failure.message;
    }
    return "";
  }
  void flip(uint64_t bit) {
    unsigned char byte;
    ASSERT_EQ(pread(fd, &byte, 1, off_t(bit / 8)), 1);
    byte ^= static_cast<unsigned char>(1u << bit % 8);
    ASSERT_EQ(pwrite(fd, &byte, 1, off_t(bit / 8)), 1);
  }

  std::string path;
  int fd = -1;
  uint64_t length = 0;
};

TEST_F(DamagedEngine, EveryFlippedBitIsSeen) {
  qccrt::EngineReader engine(path);
  std::vector<std::pair<uint64_t, uint64_t>> sampled;
  for (const qccrt::SectionEntry &entry : engine.sections())
    if (entry.kind == uint32_t(qccrt::SectionKind::Kernels) || entry.kind == uint32_t(qccrt::SectionKind::Weights))
      sampled.push_back({entry.offset * 8, (entry.offset + entry.bytes) * 8});
  for (uint64_t bit = 0; bit < length * 8; ++bit) {
    bool inSampled = false;
    for (auto [begin, end] : sampled)
      inSampled |= bit >= begin && bit < end;
    if (inSampled && bit % 13) // one hash covers all of these bits alike
      continue;
    flip(bit);
    ASSERT_NE(refusal(), "") << "byte " << bit / 8 << " bit " << bit % 8;
    flip(bit);
  }
  EXPECT_EQ(refusal(), "");
}

TEST_F(DamagedEngine, EveryTruncationIsSeen) {
  std::vector<char> bytes(length);
  ASSERT_EQ(pread(fd, bytes.data(), length, 0), ssize_t(length));
  for (uint64_t shorter = length; shorter-- > 0;) {
    ASSERT_EQ(ftruncate(fd, off_t(shorter)), 0);
    std::string message = refusal();
    ASSERT_NE(message, "") << shorter;
    if (shorter >= 128)
      ASSERT_NE(message.find("incomplete copy"), message.npos) << message;
  }
}

TEST_F(DamagedEngine, AppendedBytesAreSeen) {
  ASSERT_EQ(pwrite(fd, "", 1, off_t(length)), 1);
  EXPECT_NE(refusal().find("the file has"), std::string::npos);
}

TEST_F(DamagedEngine, OtherFilesAreNamedForWhatTheyAre) {
  auto message = [&](const std::string &content) {
    std::ofstream(path, std::ios::trunc) << content;
    return refusal();
  };
  EXPECT_NE(message("").find("not an engine file"), std::string::npos);
  EXPECT_NE(message("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n").find("git-LFS pointer"),
            std::string::npos);
  std::string other("\x89QCC\r\n\x1a\n\x02", 9);
  EXPECT_NE(message(other + std::string(200, '\0')).find("engine format version 2.0"), std::string::npos);
}

TEST_F(DamagedEngine, MissingFilesAndFoldersAreInputErrors) {
  for (const char *name : {"/nonexistent/x.qengine", "/tmp", "/dev/null"}) {
    try {
      qccrt::EngineReader engine(name);
      FAIL() << name;
    } catch (const qccrt::Failure &failure) {
      EXPECT_EQ(failure.status, QCCRT_IO) << failure.message;
    }
  }
}

TEST_F(DamagedEngine, ASignatureIsNotIgnored) {
  flip((qccrt::kSignatureOffset + 5) * 8);
  EXPECT_NE(refusal().find("signature"), std::string::npos);
}

} // namespace
