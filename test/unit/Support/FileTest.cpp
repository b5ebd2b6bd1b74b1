//===- FileTest.cpp - Names from files stay inside, outputs are whole -----===//

#include "qcc/Support/File.h"
#include "qcc/Support/AtomicFile.h"
#include "qcc/Support/Npy.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace qcc;
namespace fs = std::filesystem;

namespace {

class Files : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "qcc-file-test-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root); }

  void put(const fs::path &path, std::string_view content) const {
    fs::create_directories((root / path).parent_path());
    std::ofstream(root / path) << content;
  }
  std::string get(const fs::path &path) const {
    std::ifstream in(root / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto &entry : fs::directory_iterator(root))
      result.push_back(entry.path().filename());
    return result;
  }
  /// Content behind a name that a file gave, or the refusal.
  static std::string read(const fs::path &directory, std::string_view name) {
    Expected<FileDescriptor> fd = openBeneath(directory.string(), name);
    if (!fd)
      return "refused: " + fd.error().message;
    Expected<MappedFile> file = MappedFile::open(std::move(*fd), std::string(name));
    return file ? std::string(file->chars()) : "refused: " + file.error().message;
  }

  fs::path root;
};

void expectRefused(const std::string &result) { EXPECT_TRUE(result.starts_with("refused")) << result; }

TEST_F(Files, NamesStayInTheDirectory) {
  put("secret", "secret");
  put("model/a", "a");
  put("model/sub/b", "b");
  EXPECT_EQ(read(root / "model", "a"), "a");
  EXPECT_EQ(read(root / "model", "sub/b"), "b");
  for (std::string_view name :
       {"../secret", "sub/../../secret", "", ".", "..", "/etc/passwd", "sub//b", "./a", "a/", "sub"})
    expectRefused(read(root / "model", name));
  expectRefused(read(root / "model", std::string_view("a\0b", 3)));
  expectRefused(read(root / "model", (root / "secret").string()));
}

TEST_F(Files, LinksAreNotFollowed) {
  put("secret", "secret");
  put("model/a", "a");
  fs::create_symlink("../secret", root / "model/link");
  fs::create_directory_symlink("..", root / "model/up");
  fs::create_symlink("a", root / "model/inside");
  for (std::string_view name : {"link", "up/secret", "inside"})
    expectRefused(read(root / "model", name));
}

TEST_F(Files, OnlySnapshotLinksIntoBlobsAreFollowed) {
  put("repo/blobs/0123", "weights");
  put("repo/other/x", "other");
  fs::create_directories(root / "repo/snapshots/rev");
  fs::create_symlink("../../blobs/0123", root / "repo/snapshots/rev/good");
  fs::create_symlink("../../other/x", root / "repo/snapshots/rev/elsewhere");
  fs::create_symlink("../../blobs/../other/x", root / "repo/snapshots/rev/around");
  fs::create_symlink("../../other/x", root / "repo/blobs/chained");
  fs::create_symlink("../../blobs/chained", root / "repo/snapshots/rev/chain");
  EXPECT_EQ(read(root / "repo/snapshots/rev", "good"), "weights");
  for (std::string_view name : {"elsewhere", "around", "chain"})
    expectRefused(read(root / "repo/snapshots/rev", name));
  // The same link in a directory that is no snapshot.
  fs::create_directories(root / "repo/models/rev");
  fs::create_symlink("../../blobs/0123", root / "repo/models/rev/good");
  expectRefused(read(root / "repo/models/rev", "good"));
}

TEST_F(Files, OnlyRegularFilesAreRead) {
  ASSERT_EQ(mkfifo((root / "fifo").c_str(), 0600), 0);
  for (const fs::path &path : {root / "fifo", root, fs::path("/dev/zero"), root / "absent"})
    EXPECT_FALSE(MappedFile::open(path.string())) << path;
}

TEST_F(Files, NothingStandsUnderTheNameBeforeCommit) {
  put("out", "old");
  {
    Expected<AtomicFile> file = AtomicFile::create((root / "out").string());
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new content"));
    EXPECT_EQ(get("out"), "old");
  }
  EXPECT_EQ(get("out"), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"out"}) << "the temporary file must be gone";
  Expected<AtomicFile> file = AtomicFile::create((root / "out").string());
  ASSERT_TRUE(file);
  ASSERT_TRUE(file->reserve(3));
  ASSERT_TRUE(file->write("ne"));
  ASSERT_TRUE(file->write("w"));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(get("out"), "new");
  EXPECT_EQ(names().size(), 1u);
}

TEST_F(Files, AnInputIsNoOutput) {
  put("in", "weights");
  fs::create_hard_link(root / "in", root / "alias");
  Expected<MappedFile> input = MappedFile::open((root / "in").string());
  ASSERT_TRUE(input);
  FileIdentity inputs[] = {input->identity()};
  for (const char *name : {"in", "alias"})
    EXPECT_FALSE(AtomicFile::create((root / name).string(), inputs)) << name;
  EXPECT_TRUE(AtomicFile::create((root / "out").string(), inputs));
  EXPECT_FALSE(AtomicFile::create(root.string())) << "a directory";
  EXPECT_FALSE(AtomicFile::create((root / "no/such/dir").string()));
}

TEST_F(Files, NpyRoundTrips) {
  std::vector<float> values{1.5f, -2, 3, 4, 5, 6};
  int64_t shape[] = {2, 3};
  std::string path = (root / "x.npy").string();
  ASSERT_TRUE(writeNpy(path, DType::F32, shape, std::as_bytes(std::span(values))));
  // Bytes as numpy.save writes them (format version 1.0).
  std::string bytes = get("x.npy");
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  EXPECT_TRUE(bytes.substr(10).starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, ), }"));
  EXPECT_EQ(bytes.size(), 128 + 24u);
  Expected<NpyArray> read = readNpy(path);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::vector<float>(read->as<float>().begin(), read->as<float>().end()), values);
}

TEST_F(Files, NpyRefusesOtherArrays) {
  auto file = [&](std::string dict, std::string data) {
    dict += '\n';
    put("bad.npy", std::string("\x93NUMPY\x01\x00", 8) + char(dict.size()) + '\0' + dict + data);
    return readNpy((root / "bad.npy").string());
  };
  EXPECT_TRUE(file("{'shape': (1,), 'fortran_order': False, 'descr': '<i4'}", "abcd"));
  EXPECT_FALSE(file("{'descr': '<i4', 'fortran_order': True, 'shape': (1,), }", "abcd"));
  EXPECT_FALSE(file("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", "abcdabcd"));
  EXPECT_FALSE(file("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", "abcd"));
  EXPECT_FALSE(file("{'descr': '<i4', 'fortran_order': False, 'shape': (-1,), }", "abcd"));
  EXPECT_FALSE(file("{'descr': '<i4', 'fortran_order': False, 'shape': (4611686018427387904, 4,), }", ""));
  EXPECT_FALSE(file("{'descr': '<i4', 'fortran_order': False, 'extra': 1, 'shape': (1,), }", "abcd"));
  put("text", "hello");
  EXPECT_FALSE(readNpy((root / "text").string()));
}

} // namespace
