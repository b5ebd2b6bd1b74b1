//===- SafetensorsTest.cpp - The format's rules, one violation at a time --===//

#include "qcc/Import/HuggingFace/Safetensors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

using namespace qcc;

namespace {

/// A mapped anonymous file with these bytes.
MappedFile fileOf(const std::string &bytes) {
  char path[] = "/tmp/qcc-safetensors-XXXXXX";
  FileDescriptor fd(mkstemp(path));
  unlink(path);
  EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
  Expected<MappedFile> file = MappedFile::open(std::move(fd), "m.safetensors");
  EXPECT_TRUE(file);
  return std::move(*file);
}

std::string container(const std::string &header, size_t dataBytes) {
  std::string bytes(8, '\0');
  for (unsigned i = 0; i < 8; ++i)
    bytes[i] = char(header.size() >> (8 * i));
  return bytes + header + std::string(dataBytes, '\x01');
}

std::string refusal(const std::string &bytes) {
  Expected<hf::SafetensorsFile> file = hf::SafetensorsFile::open(fileOf(bytes));
  return file ? "accepted" : file.error().message;
}

void expectRefused(const std::string &bytes, std::string_view part) {
  std::string message = refusal(bytes);
  EXPECT_NE(message.find(part), std::string::npos) << message;
  EXPECT_TRUE(message.starts_with("m.safetensors")) << message;
}

std::string tensor(const std::string &name, const std::string &type, const std::string &shape, uint64_t begin,
                   uint64_t end) {
  return "\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

TEST(Safetensors, ReadsTensorsInAnyOrderOfTheHeader) {
  std::string header = "{\"__metadata__\":{\"format\":\"pt\"}," + tensor("b", "BF16", "[2,3]", 4, 16) + "," +
                       tensor("a", "F32", "[]", 0, 4) + "," + tensor("empty", "F16", "[0,7]", 16, 16) + "}   ";
  Expected<hf::SafetensorsFile> file = hf::SafetensorsFile::open(fileOf(container(header, 16)));
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->tensors().size(), 3u);
  const hf::StoredTensor &b = file->tensors().at("b");
  EXPECT_EQ(b.type, DType::BF16);
  EXPECT_EQ(b.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(b.bytes.data(), file->file().bytes().data() + 8 + header.size() + 4);
  EXPECT_EQ(b.bytes.size(), 12u);
  EXPECT_TRUE(file->tensors().at("empty").bytes.empty());
}

TEST(Safetensors, RefusesBrokenFraming) {
  expectRefused("", "truncated");
  expectRefused("1234567", "truncated");
  expectRefused("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git-LFS pointer");
  expectRefused(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + "{}", "exceeds the limit");
  expectRefused(container("{}", 0).substr(0, 9), "truncated");
  expectRefused(container("[]", 0), "must start with '{'");
  expectRefused(container(" {}", 0), "must start with '{'");
  expectRefused(container("{}\n", 0), "after the end");
  expectRefused(container("{}", 1), "belong to no tensor");
}

TEST(Safetensors, RefusesRangesThatDoNotTile) {
  expectRefused(container("{" + tensor("a", "U8", "[4]", 0, 4) + "," + tensor("b", "U8", "[4]", 3, 7) + "}", 7),
                "overlap");
  expectRefused(container("{" + tensor("a", "U8", "[4]", 0, 4) + "," + tensor("b", "U8", "[4]", 0, 4) + "}", 4),
                "overlap");
  expectRefused(container("{" + tensor("a", "U8", "[4]", 1, 5) + "}", 5), "hole");
  expectRefused(container("{" + tensor("a", "U8", "[4]", 0, 4) + "}", 3), "past the end");
  expectRefused(container("{" + tensor("a", "U8", "[4]", 4, 0) + "}", 4), "data_offsets");
  expectRefused(container("{" + tensor("a", "U8", "[4]", 0, 3) + "}", 3), "do not hold the 4 bytes");
}

TEST(Safetensors, RefusesShapesThatOverflow) {
  // 2^32 × 2^32 elements wrap to 0 bytes in 64 bits; so does any product hidden behind a zero dimension.
  expectRefused(container("{" + tensor("a", "F32", "[4294967296,4294967296]", 0, 0) + "}", 0), "overflows");
  expectRefused(container("{" + tensor("a", "F32", "[0,4294967296,4294967296]", 0, 0) + "}", 0), "overflows");
  expectRefused(container("{" + tensor("a", "F4", "[3]", 0, 2) + "}", 2), "whole number of bytes");
  expectRefused(container("{" + tensor("a", "U8", "[1,1,1,1,1,1,1,1,1]", 0, 1) + "}", 1), "rank 9");
}

TEST(Safetensors, RefusesMalformedEntries) {
  expectRefused(container("{" + tensor("a", "F33", "[1]", 0, 4) + "}", 4), "unknown dtype 'F33'");
  expectRefused(container("{" + tensor("", "U8", "[1]", 0, 1) + "}", 1), "name");
  expectRefused(container("{" + tensor("a\\u0000b", "U8", "[1]", 0, 1) + "}", 1), "NUL");
  expectRefused(container("{" + tensor("a", "U8", "[\"1\"]", 0, 1) + "}", 1), "integers");
  expectRefused(container("{" + tensor("a", "U8", "[1.0]", 0, 1) + "}", 1), "unsigned integers");
  expectRefused(container("{" + tensor("a", "U8", "[-1]", 0, 1) + "}", 1), "unsigned integers");
  expectRefused(container("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1), "data_offsets");
  expectRefused(container("{\"a\":7}", 1), "must be an object");
  expectRefused(container("{\"__metadata__\":{\"x\":1}}", 0), "must be a string");
  expectRefused(container("{" + tensor("a", "U8", "[1]", 0, 1) + "," + tensor("\\u0061", "U8", "[1]", 0, 1) + "}", 1),
                "duplicate key 'a'");
}

/// The rules of the format, checked on an accepted file by other means than the reader's: names differ, and sorted
/// views tile the data.
void expectTiles(const hf::SafetensorsFile &file, size_t dataBytes) {
  std::vector<std::span<const std::byte>> views;
  for (const auto &[name, tensor] : file.tensors())
    views.push_back(tensor.bytes);
  std::sort(views.begin(), views.end(),
            [](auto a, auto b) { return std::pair(a.data(), a.size()) < std::pair(b.data(), b.size()); });
  const std::byte *end = file.file().bytes().data() + file.file().bytes().size(), *at = end - dataBytes;
  for (std::span<const std::byte> view : views) {
    EXPECT_EQ(view.data(), at);
    at += view.size();
  }
  EXPECT_EQ(at, end);
}

TEST(Safetensors, EveryChangedByteIsRefusedOrStillTiles) {
  std::string header = "{" + tensor("a", "F32", "[2,3]", 0, 24) + "," + tensor("b\u0041", "I8", "[]", 24, 25) + "}  ";
  std::string sound = container(header, 25);
  int accepted = 0;
  for (size_t i = 0; i < 8 + header.size(); ++i)
    for (int value : {0x00, 0x20, 0x22, 0x2c, 0x2d, 0x30, 0x39, 0x5c, 0x5d, 0x7b, 0x7d, 0x80, 0xff}) {
      std::string bytes = sound;
      bytes[i] = char(value);
      Expected<hf::SafetensorsFile> file = hf::SafetensorsFile::open(fileOf(bytes));
      if (!file)
        continue;
      ++accepted;
      expectTiles(*file, 25);
    }
  EXPECT_GT(accepted, 13) << "changed names and spaces are legal";
  for (size_t length = 0; length < sound.size(); ++length)
    EXPECT_NE(refusal(sound.substr(0, length)), "accepted") << length;
}

} // namespace
