//===- KernelCacheTest.cpp - NVRTC and the kernel cache -------------------===//

#include "qcc/CodeGen/CompileKernels.h"
#include "qcc/CodeGen/KernelHeaders.h"
#include "qcc/Support/Parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>

using namespace qcc;
using namespace qcc::codegen;

namespace {

KernelInstance instanceOf(const std::string &symbol, const std::string &body) {
  KernelInstance instance;
  instance.symbol = symbol;
  instance.source =
      "#include \"common/types.cuh\"\nextern \"C\" __global__ void " + symbol + "(float *y) { " + body + " }\n";
  return instance;
}

KernelImage imageOf(const std::string &bytes) { return {"sm_90", bytes, {40, 0, 8, 1024}, "a warning\n"}; }

class Cache : public testing::Test {
protected:
  Cache() : directory(testing::TempDir() + "qcc-cache-" + std::to_string(getpid())), cache(directory) {}
  ~Cache() override { std::filesystem::remove_all(directory); }

  std::string onlyFile() const {
    for (const auto &entry : std::filesystem::recursive_directory_iterator(directory))
      if (entry.is_regular_file())
        return entry.path();
    return "";
  }

  std::string directory;
  KernelCache cache;
  const std::string key = std::string(64, 'a');
};

TEST_F(Cache, ReturnsWhatWasStored) {
  EXPECT_FALSE(cache.find(key));
  const std::string bytes("binary\0\n with NUL", 17);
  cache.store(key, imageOf(bytes));
  auto found = cache.find(key);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->image, bytes);
  EXPECT_EQ(found->log, "a warning\n");
  EXPECT_EQ(found->arch, "sm_90");
  EXPECT_EQ(found->resources.registers, 40);
  EXPECT_EQ(found->resources.spillBytes, 8);
  EXPECT_EQ(found->resources.sharedBytes, 1024);
}

TEST(CacheDirectory, OneThatCannotBeLookedAtIsEmpty) {
  KernelCache cache("/" + std::string(5000, 'a')); // longer than any path may be
  const std::string key(64, 'a');
  cache.store(key, imageOf("image"));
  EXPECT_FALSE(cache.find(key));
}

TEST_F(Cache, EveryFlippedByteIsNoticed) {
  cache.store(key, imageOf("image"));
  std::string path = onlyFile(), whole;
  {
    std::ifstream in(path, std::ios::binary);
    whole.assign(std::istreambuf_iterator<char>(in), {});
  }
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = char(damaged[i] ^ 1);
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_FALSE(cache.find(key)) << "byte " << i;
  }
}

TEST_F(Cache, EveryTruncationIsNoticed) {
  cache.store(key, imageOf("image"));
  std::string path = onlyFile();
  for (size_t size = std::filesystem::file_size(path); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    EXPECT_FALSE(cache.find(key)) << size << " bytes";
  }
}

TEST_F(Cache, ConcurrentWritersLeaveOneWholeEntry) {
  const std::string bytes(100000, 'x');
  std::atomic<int> broken{0};
  parallelFor(0, 64, 1, 8, [&](int64_t, int64_t) {
    cache.store(key, imageOf(bytes));
    auto found = cache.find(key);
    if (!found || found->image != bytes)
      ++broken;
  });
  EXPECT_EQ(broken, 0);
  size_t files = 0;
  for (const auto &entry : std::filesystem::recursive_directory_iterator(directory))
    files += entry.is_regular_file();
  EXPECT_EQ(files, 1u) << "temporary files are left";
}

TEST_F(Cache, DirectoryThatCannotBeWrittenIsNoError) {
  std::ofstream(directory) << "a file where the directory should be";
  cache.store(key, imageOf("image"));
  EXPECT_FALSE(cache.find(key));
  KernelCache none("");
  none.store(key, imageOf("image"));
  EXPECT_FALSE(none.find(key));
}

TEST(CacheKey, ChangesWithEverythingTheImageDependsOn) {
  KernelInstance one = instanceOf("k", "y[0] = 1;"), two = instanceOf("k", "y[0] = 2;");
  std::string key = KernelCache::key(one, "sm_90", "13.0");
  EXPECT_EQ(key.size(), 64u);
  EXPECT_EQ(key, KernelCache::key(one, "sm_90", "13.0"));
  EXPECT_NE(key, KernelCache::key(two, "sm_90", "13.0"));
  EXPECT_NE(key, KernelCache::key(one, "sm_89", "13.0"));
  EXPECT_NE(key, KernelCache::key(one, "sm_90", "13.1"));
}

TEST_F(Cache, SecondCompilationComesFromIt) {
  KernelInstance instance = instanceOf("k_cached", "y[0] = 1;");
  auto first = compileKernel(instance, "sm_90", cache);
  ASSERT_TRUE(bool(first)) << first.error().message;
  std::string key = KernelCache::key(instance, "sm_90", (*Nvrtc::get())->version());
  KernelImage marked = *first;
  marked.log = "from the cache";
  cache.store(key, marked);
  auto second = compileKernel(instance, "sm_90", cache);
  ASSERT_TRUE(bool(second));
  EXPECT_EQ(second->log, "from the cache");
  EXPECT_EQ(second->image, first->image);
}

TEST(Compilation, GivesCubinAndPtx) {
  KernelInstance instance = instanceOf("k_both", "y[threadIdx.x] = 1;");
  auto images = compileAll({instance}, {"sm_80", "sm_90", "compute_80"}, KernelCache(""), 2);
  ASSERT_TRUE(bool(images)) << images.error().message;
  EXPECT_EQ((*images)[0][0].image.substr(0, 4), "\x7f"
                                                "ELF");
  EXPECT_EQ((*images)[0][1].image.substr(0, 4), "\x7f"
                                                "ELF");
  EXPECT_NE((*images)[0][0].image, (*images)[0][1].image);
  EXPECT_NE((*images)[0][2].image.find(".target sm_80"), std::string::npos);
  EXPECT_GT((*images)[0][0].resources.registers, 0);
}

TEST(Compilation, SeesSpills) {
  // 200 values that are all alive across a barrier, in a block that leaves 64 registers per thread.
  KernelInstance instance;
  instance.symbol = "k_spills";
  instance.source =
      "extern \"C\" __global__ void __launch_bounds__(1024) k_spills(float *y) {\n  float v[200];\n"
      "#pragma unroll\n  for (int i = 0; i < 200; ++i) v[i] = y[i * 1024 + threadIdx.x];\n  __syncthreads();\n"
      "#pragma unroll\n  for (int i = 0; i < 200; ++i) y[(199 - i) * 1024 + threadIdx.x] = v[i];\n}\n";
  auto image = compileKernel(instance, "sm_90", KernelCache(""));
  ASSERT_TRUE(bool(image)) << image.error().message;
  EXPECT_GT(image->resources.spillBytes, 0);
  EXPECT_GT(image->resources.stackBytes, 0);
}

TEST(Compilation, ErrorNamesKernelArchitectureAndLine) {
  KernelInstance wrong = instanceOf("k_wrong", "y[0] = undefined_name;");
  auto image = compileKernel(wrong, "sm_90", KernelCache(""));
  ASSERT_FALSE(bool(image));
  EXPECT_NE(image.error().message.find("kernel k_wrong for sm_90"), std::string::npos);
  EXPECT_NE(image.error().message.find("k_wrong.cu(2)"), std::string::npos);
  EXPECT_NE(image.error().message.find("undefined_name"), std::string::npos);

  auto arch = compileKernel(instanceOf("k", "y[0] = 1;"), "gfx90a", KernelCache(""));
  ASSERT_FALSE(bool(arch));
  EXPECT_NE(arch.error().message.find("must be sm_NN or compute_NN"), std::string::npos);
}

TEST(Compilation, ReportsAllErrorsInOrderAndSkipsTooOldTargets) {
  KernelInstance good = instanceOf("k_good", "y[0] = 1;");
  good.minTarget = 89;
  auto skipped = compileAll({good}, {"sm_80", "sm_90"}, KernelCache(""), 1);
  ASSERT_TRUE(bool(skipped));
  EXPECT_TRUE((*skipped)[0][0].image.empty());
  EXPECT_FALSE((*skipped)[0][1].image.empty());

  auto failed =
      compileAll({instanceOf("k_first", "a;"), good, instanceOf("k_second", "b;")}, {"sm_90"}, KernelCache(""), 3);
  ASSERT_FALSE(bool(failed));
  size_t first = failed.error().message.find("k_first"), second = failed.error().message.find("k_second");
  EXPECT_LT(first, second);
  EXPECT_NE(second, std::string::npos);
}

TEST(KernelHeaders, AreEmbeddedWhole) {
  bool seen = false;
  for (const EmbeddedFile &file : kernelHeaders()) {
    std::ifstream in(std::string(QCC_KERNELS_DIRECTORY) + "/" + file.name, std::ios::binary);
    ASSERT_TRUE(in) << file.name;
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), file.text) << file.name;
    seen |= std::string(file.name) == "gemm/gemm.cuh";
  }
  EXPECT_TRUE(seen);
  EXPECT_EQ(kernelHeadersDigest().size(), 64u);
}

} // namespace
