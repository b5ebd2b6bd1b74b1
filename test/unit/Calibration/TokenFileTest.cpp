//===- TokenFileTest.cpp - Each kind of file, each error -------------------===//
//
// Files are written here from the formats' descriptions (zip: zlib's raw deflate), not with the code under test.
//
//===----------------------------------------------------------------------===//
#include "qcc/Calibration/TokenFile.h"
#include "qcc/Support/Npy.h"
#include "qcc/Support/SafetensorsWriter.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <numeric>

using namespace qcc;
using namespace qcc::calib;

namespace {

std::string littleEndian(uint64_t value, unsigned bytes) {
  std::string result;
  for (unsigned i = 0; i < bytes; ++i)
    result += char(value >> (8 * i) & 0xff);
  return result;
}

std::string deflateRaw(const std::string &data) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(data.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(data.data()));
  stream.avail_in = uInt(data.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = uInt(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Member {
  std::string name, data;
  bool deflated = false;
};

std::string zipOf(const std::vector<Member> &members, uint32_t crcFlip = 0) {
  std::string body, directory;
  for (const Member &member : members) {
    std::string stored = member.deflated ? deflateRaw(member.data) : member.data;
    uint32_t crc =
        uint32_t(crc32(0, reinterpret_cast<const Bytef *>(member.data.data()), uInt(member.data.size()))) ^ crcFlip;
    std::string common = littleEndian(member.deflated ? 8 : 0, 2) + littleEndian(0, 4) + littleEndian(crc, 4) +
                         littleEndian(stored.size(), 4) + littleEndian(member.data.size(), 4) +
                         littleEndian(member.name.size(), 2) + littleEndian(0, 2);
    directory += "PK\x01\x02" + littleEndian(20, 2) + littleEndian(20, 2) + littleEndian(0, 2) + common +
                 littleEndian(0, 2) + littleEndian(0, 2) + littleEndian(0, 2) + littleEndian(0, 4) +
                 littleEndian(body.size(), 4) + member.name;
    body += "PK\x03\x04" + littleEndian(20, 2) + littleEndian(0, 2) + common + member.name + stored;
  }
  return body + directory + "PK\x05\x06" + littleEndian(0, 4) + littleEndian(members.size(), 2) +
         littleEndian(members.size(), 2) + littleEndian(directory.size(), 4) + littleEndian(body.size(), 4) +
         littleEndian(0, 2);
}

struct TokenFileTest : testing::Test {
  std::string directory = testing::TempDir() + "/tokens-" + std::to_string(getpid());
  void SetUp() override { std::filesystem::create_directories(directory); }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string put(const std::string &name, const std::string &contents) {
    std::string path = directory + "/" + name;
    std::ofstream(path, std::ios::binary) << contents;
    return path;
  }
  std::string get(const std::string &name) {
    std::ifstream file(directory + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// 0, 1, 2, … as i32 or i64 of a shape.
  std::string putNpy(const std::string &name, DType type, std::vector<int64_t> shape, int64_t last = -1) {
    int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
    std::string bytes;
    for (int64_t i = 0; i < count; ++i)
      bytes += littleEndian(uint64_t(i == count - 1 && last != -1 ? last : i), bitWidth(type) / 8);
    EXPECT_TRUE(writeNpy(directory + "/" + name, type, shape, std::as_bytes(std::span(bytes))));
    return directory + "/" + name;
  }
  static std::string messageOf(const std::string &path, int64_t vocabulary = 256, int64_t window = 32,
                               int64_t limit = 65536) {
    Expected<TokenSet> set = readTokens(path, vocabulary, window, limit);
    EXPECT_FALSE(set);
    return set ? "" : set.error().message;
  }
};

#define EXPECT_HAS(message, part) EXPECT_NE((message).find(part), std::string::npos) << (message)

TEST_F(TokenFileTest, TextIsCutIntoWindows) {
  std::string bytes;
  for (int i = 0; i < 100; ++i)
    bytes += char(255 - i);
  Expected<TokenSet> set = readTokens(put("a.txt", bytes), 256, 32, 65536);
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->sequences.size(), 4u);
  EXPECT_EQ(set->sequences[1].front(), 255 - 32);
  EXPECT_EQ(set->sequences[3].size(), 4u);
  EXPECT_EQ(set->tokens(), 100);
}

TEST_F(TokenFileTest, LinesHoldIdsOrText) {
  std::string ids = "{\"input_ids\": [";
  for (int i = 0; i < 63; ++i)
    ids += std::to_string(i) + ", ";
  Expected<TokenSet> set = readTokens(
      put("a.jsonl", ids + "63]}\n\n{\"tokens\":[5,6]}\r\n{\"text\":\"h\\u00e9\"}\n{\"content\":\"x\", \"id\": 3}"),
      256, 40, 65536);
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->sequences.size(), 5u);
  EXPECT_EQ(set->sequences[1].size(), 24u);
  EXPECT_EQ(set->sequences[2], (std::vector<int32_t>{5, 6}));
  EXPECT_EQ(set->sequences[3], (std::vector<int32_t>{'h', 0xc3, 0xa9}));
  EXPECT_EQ(set->sequences[4], (std::vector<int32_t>{'x'}));
}

TEST_F(TokenFileTest, ArraysOfEveryContainerAgree) {
  std::string reference = putNpy("a.npy", DType::I32, {4, 32}), wide = putNpy("b.npy", DType::I64, {4, 32});
  std::string flat = putNpy("c.npy", DType::I64, {128});
  std::string npy = get("b.npy"), other = get("c.npy");
  SafetensorsWriter writer;
  std::vector<int32_t> ids(128);
  std::iota(ids.begin(), ids.end(), 0);
  writer.add("tokens", DType::I32, {4, 32}, std::as_bytes(std::span(ids)));
  std::vector<int32_t> ones(128, 1);
  writer.add("attention_mask", DType::I32, {4, 32}, std::as_bytes(std::span(ones)));
  ASSERT_TRUE(writer.write(directory + "/d.safetensors"));
  Expected<TokenSet> expected = readTokens(reference, 128, 32, 65536);
  ASSERT_TRUE(expected) << expected.error().message;
  ASSERT_EQ(expected->sequences.size(), 4u);
  EXPECT_EQ(expected->sequences[3].back(), 127);
  for (const std::string &path :
       {wide, flat, directory + "/d.safetensors", put("e.npz", zipOf({{"x.npy", "junk"}, {"input_ids.npy", npy}})),
        put("f.npz", zipOf({{"tokens.npy", npy, true}, {"y.npy", "junk"}})),
        put("g.npz", zipOf({{"any.npy", npy, true}}))}) {
    Expected<TokenSet> set = readTokens(path, 128, 32, 65536);
    ASSERT_TRUE(set) << set.error().message;
    EXPECT_EQ(set->sequences, expected->sequences) << path;
    EXPECT_EQ(set->hash, expected->hash);
  }
}

TEST_F(TokenFileTest, TooManyAreTakenEvenlyOverTheFile) {
  Expected<TokenSet> set = readTokens(putNpy("a.npy", DType::I32, {100, 8}), 1000, 8, 200);
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->sequences.size(), 25u);
  for (size_t i = 1; i < set->sequences.size(); ++i)
    EXPECT_EQ(set->sequences[i].front() - set->sequences[i - 1].front(), 32);
}

TEST_F(TokenFileTest, IdsOutsideTheVocabulary) {
  std::string message = messageOf(putNpy("a.npy", DType::I64, {4, 32}, 4096), 4096);
  EXPECT_HAS(message, "sequence 3, token 31: id 4096 is outside the vocabulary of 4096 tokens");
  EXPECT_HAS(messageOf(putNpy("b.npy", DType::I64, {128}, -7), 4096), "token 127: id -7");
  EXPECT_HAS(messageOf(put("c.jsonl", "{\"tokens\": [1, 18446744073709551616]}"), 4096), "must be an integer");
}

TEST_F(TokenFileTest, TooLittle) {
  EXPECT_HAS(messageOf(put("a.txt", "")), "0 sequences and 0 tokens");
  EXPECT_HAS(messageOf(put("b.txt", std::string(63, 'x'))), "2 sequences and 63 tokens");
  EXPECT_HAS(messageOf(put("c.txt", std::string(100, 'x')), 256, 128), "1 sequences");
  EXPECT_HAS(messageOf(put("d.jsonl", "\n\n")), "at least 2 sequences and 64 tokens");
  EXPECT_HAS(messageOf(putNpy("e.npy", DType::I32, {0, 1'000'000'000'000})), "0 sequences");
  std::string message = messageOf(put("f.txt", std::string(65, 'x')), 256, 500, 64);
  EXPECT_HAS(message, "33 tokens (the file has 65, at most 64 are used, in windows of 32)");
  EXPECT_HAS(message, "give a higher --calib-tokens");
}

TEST_F(TokenFileTest, WindowsFitTheLimit) {
  std::string bytes;
  for (int i = 0; i < 999; ++i)
    bytes += char(i);
  Expected<TokenSet> set = readTokens(put("a.txt", bytes), 256, 500, 100);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_GE(set->sequences.size(), size_t(kLeastSequences));
  EXPECT_LE(set->tokens(), 100);
  EXPECT_GT(set->tokens(), 50);
  for (const std::vector<int32_t> &sequence : set->sequences)
    EXPECT_LE(sequence.size(), 50u);
}

TEST_F(TokenFileTest, PaddingIsLeftOut) {
  std::vector<int64_t> ids(4 * 40), mask(4 * 40, 1);
  std::iota(ids.begin(), ids.end(), 0);
  auto pad = [&](size_t row, size_t begin, size_t end) {
    for (size_t at = row * 40 + begin; at < row * 40 + end; ++at) {
      ids[at] = 99999; // outside the vocabulary
      mask[at] = 0;
    }
  };
  pad(0, 30, 40);
  pad(1, 0, 7);
  pad(2, 0, 40);
  pad(3, 0, 3);
  pad(3, 38, 40);
  std::string lines;
  for (size_t row = 0; row < 4; ++row) {
    std::string numbers, marks;
    for (size_t at = row * 40; at < (row + 1) * 40; ++at) {
      numbers += (numbers.empty() ? "" : ", ") + std::to_string(ids[at]);
      marks += (marks.empty() ? "" : ", ") +
               (row == 1 ? std::string(mask[at] ? "true" : "false") : std::to_string(mask[at]));
    }
    lines += "{\"input_ids\": [" + numbers + "], \"attention_mask\": [" + marks + "]}\n";
  }
  SafetensorsWriter writer;
  std::vector<int64_t> shape{4, 40};
  writer.add("input_ids", DType::I64, shape, std::as_bytes(std::span(ids)));
  writer.add("attention_mask", DType::I64, shape, std::as_bytes(std::span(mask)));
  ASSERT_TRUE(writer.write(directory + "/a.safetensors"));
  ASSERT_TRUE(writeNpy(directory + "/ids.npy", DType::I64, shape, std::as_bytes(std::span(ids))));
  ASSERT_TRUE(writeNpy(directory + "/mask.npy", DType::I64, shape, std::as_bytes(std::span(mask))));
  std::string zip = zipOf({{"attention_mask.npy", get("mask.npy"), true}, {"input_ids.npy", get("ids.npy")}});
  for (const std::string &path : {put("a.jsonl", lines), directory + "/a.safetensors", put("a.npz", zip)}) {
    Expected<TokenSet> set = readTokens(path, 256, 64, 65536);
    ASSERT_TRUE(set) << set.error().message;
    ASSERT_EQ(set->sequences.size(), 3u) << path;
    EXPECT_EQ(set->tokens(), 30 + 33 + 35);
    for (auto [row, first, last] : {std::tuple(0, 0, 29), std::tuple(1, 47, 79), std::tuple(2, 123, 157)}) {
      EXPECT_EQ(set->sequences[size_t(row)].front(), first) << path;
      EXPECT_EQ(set->sequences[size_t(row)].back(), last) << path;
    }
  }
}

TEST_F(TokenFileTest, MasksThatMarkNoPadding) {
  auto line = [&](const std::string &mask) {
    return messageOf(put("a.jsonl", "{\"tokens\": [1]}\n{\"tokens\": [1, 2, 3, 4], \"attention_mask\": " + mask + "}"));
  };
  EXPECT_HAS(line("[1, 0, 1, 1]"), "a.jsonl:2: attention_mask masks token 1 with others on both sides");
  EXPECT_HAS(line("[0, 1, 2, 0]"), "a.jsonl:2: attention_mask is 2 at token 2; must be 0 or 1");
  EXPECT_HAS(line("[1, 1, 1]"), "a.jsonl:2: attention_mask has 3 entries for 4 token ids");
  EXPECT_HAS(line("1"), "a.jsonl:2: attention_mask must be an array of 0 and 1, found an integer");
  EXPECT_HAS(line("[1, 1, 0.5, 0]"), "a.jsonl:2: attention_mask entry 2 must be 0 or 1, found a number");
  // Places are those of the file, in front of which there is padding.
  EXPECT_HAS(messageOf(put("b.jsonl", "{\"tokens\": [0, 0, 7, 256], \"attention_mask\": [0, 0, 1, 1]}")),
             "sequence 0, token 3: id 256");
  const std::string ids = (putNpy("c.npy", DType::I64, {4, 32}), get("c.npy"));
  auto archive = [&](DType type, std::vector<int64_t> shape) {
    putNpy("m.npy", type, std::move(shape));
    return messageOf(put("d.npz", zipOf({{"tokens.npy", ids}, {"attention_mask.npy", get("m.npy")}})));
  };
  EXPECT_HAS(archive(DType::I64, {4, 31}),
             "'attention_mask.npy': shape [4, 31]; must be that of the token ids, [4, 32]");
  EXPECT_HAS(archive(DType::I32, {4, 32}), "sequence 0: attention_mask is 2 at token 2");
}

TEST_F(TokenFileTest, TextNeedsBytes) {
  EXPECT_HAS(messageOf(put("a.txt", std::string(100, 'x')), 32000), "give token ids");
  EXPECT_HAS(messageOf(put("b.jsonl", "{\"tokens\":[1]}\n{\"text\":\"hello\"}"), 32000),
             "b.jsonl:2: text is only for byte");
}

TEST_F(TokenFileTest, WrongKinds) {
  EXPECT_HAS(messageOf(put("a.csv", "1,2")), "supported are .txt");
  EXPECT_HAS(messageOf(directory + "/missing.txt"), "No such file");
  ASSERT_TRUE(writeNpy(directory + "/f.npy", DType::F32, std::vector<int64_t>{1}, std::as_bytes(std::span("abc"))));
  EXPECT_HAS(messageOf(directory + "/f.npy"), "element type f32");
  EXPECT_HAS(messageOf(putNpy("g.npy", DType::I32, {2, 2, 32})), "shape [2, 2, 32]");
  EXPECT_HAS(messageOf(put("h.jsonl", "[1, 2]")), "found an array");
  EXPECT_HAS(messageOf(put("i.jsonl", "{\"tokens\": \"1 2\"}")), "must be an array of token ids, found a string");
  EXPECT_HAS(messageOf(put("j.jsonl", "{\"tokens\": [1.5]}")), "token 0 must be an integer");
  EXPECT_HAS(messageOf(put("k.jsonl", "{\"prompt\": \"x\"}")), "neither an array input_ids");
  EXPECT_HAS(messageOf(put("l.jsonl", "\n\n{\"tokens\": [1")), "l.jsonl:3: byte 13: invalid JSON");
  putNpy("m.npy", DType::I32, {4, 32});
  std::string unsignedIds = get("m.npy");
  unsignedIds.replace(unsignedIds.find("<i4"), 3, "<u4");
  std::string message = messageOf(put("n.npy", unsignedIds));
  EXPECT_HAS(message, "element type '<u4' is not read; save token ids with astype('int32')");
}

TEST_F(TokenFileTest, ByteOrderMarkIsPassedOver) {
  std::string line = "{\"text\": \"" + std::string(40, 'x') + "\"}\n";
  Expected<TokenSet> set = readTokens(put("a.jsonl", "\xEF\xBB\xBF" + line + line), 256, 64, 65536);
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->tokens(), 80);
  EXPECT_HAS(messageOf(put("b.jsonl", line + "\xEF\xBB\xBF" + line)), "b.jsonl:2: byte 0: invalid JSON");
}

TEST_F(TokenFileTest, ContainersWithoutTheArray) {
  EXPECT_HAS(messageOf(put("a.npz", zipOf({{"x.npy", "1"}, {"y.npy", "2"}}))), "2 arrays, none named input_ids");
  EXPECT_HAS(messageOf(put("b.npz", zipOf({}))), "0 arrays");
  SafetensorsWriter writer;
  writer.add("tokens", {64}, std::vector<float>(64));
  ASSERT_TRUE(writer.write(directory + "/c.safetensors"));
  EXPECT_HAS(messageOf(directory + "/c.safetensors"), "element type f32");
}

TEST_F(TokenFileTest, DamagedContainers) {
  putNpy("a.npy", DType::I32, {4, 32});
  const std::string npy = get("a.npy");
  EXPECT_HAS(messageOf(put("b.npy", npy.substr(0, npy.size() - 3))), "does not fit");
  EXPECT_HAS(messageOf(put("c.npz", zipOf({{"tokens.npy", npy, true}}, 1))), "checksum is wrong");
  EXPECT_HAS(messageOf(put("d.npz", "PK")), "is not a zip archive");
  EXPECT_HAS(messageOf(put("e.npz", std::string(100, 'x'))), "no end-of-directory record");
  EXPECT_HAS(messageOf(put("f.safetensors", "12345678")), "f.safetensors");
  // Any cut and any changed byte is either refused or changes nothing; never a crash.
  const std::string zip = zipOf({{"tokens.npy", npy, true}});
  Expected<TokenSet> whole = readTokens(put("g.npz", zip), 256, 32, 65536);
  ASSERT_TRUE(whole);
  for (size_t length = 0; length < zip.size(); length += 3)
    messageOf(put("h.npz", zip.substr(0, length)));
  for (size_t at = 0; at < zip.size(); ++at) {
    std::string changed = zip;
    changed[at] ^= char(0x81);
    if (Expected<TokenSet> set = readTokens(put("i.npz", changed), 256, 32, 65536); set)
      EXPECT_EQ(set->sequences, whole->sequences) << at;
  }
}

} // namespace
