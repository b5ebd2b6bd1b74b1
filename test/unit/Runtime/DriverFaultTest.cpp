//===- DriverFaultTest.cpp - What a failing driver leads to ---------------===//

#include "LedgerEngine.h"
#include "qccrt/qccrt.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace {

class DriverFault : public testing::Test {
protected:
  void SetUp() override {
    library = dlopen(FAKE_LIBCUDA, RTLD_NOW);
    ASSERT_NE(library, nullptr) << dlerror();
    reset = reinterpret_cast<void (*)()>(dlsym(library, "fakeReset"));
    failCall = reinterpret_cast<void (*)(const char *, int, int)>(dlsym(library, "fakeFail"));
    device = reinterpret_cast<void (*)(int, uint64_t)>(dlsym(library, "fakeDevice"));
    leaks = reinterpret_cast<int (*)()>(dlsym(library, "fakeLeaks"));
    reset();
    path = testing::TempDir() + "faults-" + std::to_string(getpid()) + ".qengine";
    open(ledger::plan());
  }
  void TearDown() override {
    qccrt_context_destroy(context);
    qccrt_engine_close(engine);
    std::filesystem::remove(path);
    EXPECT_EQ(leaks(), 0);
  }
  void open(const qcc::engine_file::Plan &plan) {
    qccrt_engine_close(engine);
    ASSERT_EQ(ledger::write(path, plan), "");
    ASSERT_EQ(qccrt_engine_open(path.c_str(), &engine, &error), QCCRT_OK) << error.message;
  }
  qccrt_status load(uint64_t kvTokens = 0) {
    qccrt_context_destroy(context);
    qccrt_context_options options{};
    options.driver = FAKE_LIBCUDA;
    options.kv_tokens = kvTokens;
    return qccrt_context_create(engine, &options, &context, &error);
  }
  qccrt_status step() {
    if (!sequence)
      EXPECT_EQ(qccrt_sequence_create(context, &sequence, &error), QCCRT_OK);
    int32_t token = 3;
    qccrt_input input{sequence, &token, 1, 1};
    return qccrt_step(context, &input, 1, 0, &output, &error);
  }
  bool says(const std::string &part) const { return std::string(error.message).find(part) != std::string::npos; }

  void *library = nullptr;
  void (*reset)() = nullptr;
  void (*failCall)(const char *, int, int) = nullptr;
  void (*device)(int, uint64_t) = nullptr;
  int (*leaks)() = nullptr;
  std::string path;
  qccrt_engine *engine = nullptr;
  qccrt_context *context = nullptr;
  qccrt_sequence sequence = 0;
  qccrt_output output{};
  qccrt_error error{};
};

TEST_F(DriverFault, EveryFailingCallWhileLoadingIsReportedAndNothingLeaks) {
  const char *functions[] = {"cuInit",
                             "cuDriverGetVersion",
                             "cuDeviceGetCount",
                             "cuDeviceGet",
                             "cuDeviceGetName",
                             "cuDeviceGetAttribute",
                             "cuDevicePrimaryCtxRetain",
                             "cuStreamCreate",
                             "load cubin",
                             "cuModuleGetFunction",
                             "cuFuncGetAttribute",
                             "cuFuncSetAttribute",
                             "cuMemGetInfo",
                             "cuMemAlloc",
                             "cuMemHostAlloc",
                             "cuEventCreate",
                             "cuEventSynchronize",
                             "cuMemcpyHtoDAsync",
                             "cuEventRecord",
                             "cuStreamSynchronize"};
  for (const char *function : functions)
    for (int call = 1; call <= 2; ++call) {
      reset();
      failCall(function, call, 999);
      qccrt_status status = load();
      if (call == 1) {
        EXPECT_NE(status, QCCRT_OK) << function;
        EXPECT_TRUE(says("CUDA_ERROR_999")) << function << ": " << error.message;
      }
      EXPECT_EQ(context == nullptr, status != QCCRT_OK); // some are called once
      qccrt_context_destroy(context);
      context = nullptr;
      EXPECT_EQ(leaks(), 0) << function << " call " << call;
    }
}

TEST_F(DriverFault, LoadsAgainAfterOutOfMemory) {
  failCall("cuMemAlloc", 3, 2);
  EXPECT_EQ(load(), QCCRT_OUT_OF_MEMORY);
  EXPECT_EQ(load(), QCCRT_OK) << error.message;
  EXPECT_EQ(step(), QCCRT_OK) << error.message;
}

TEST_F(DriverFault, NoDriverAndNoDeviceAreToldApart) {
  failCall("cuInit", 1, 100);
  EXPECT_EQ(load(), QCCRT_NO_DEVICE);
  qccrt_context_options options{};
  options.driver = "/nonexistent/libcuda.so";
  EXPECT_EQ(qccrt_context_create(engine, &options, &context, &error), QCCRT_NO_DRIVER);
  EXPECT_TRUE(says("/nonexistent/libcuda.so")) << error.message;
  options.driver = FAKE_LIBCUDA;
  options.device = 1;
  EXPECT_EQ(qccrt_context_create(engine, &options, &context, &error), QCCRT_NO_DEVICE);
  EXPECT_TRUE(says("no GPU 1: the driver sees 1")) << error.message;
}

TEST_F(DriverFault, ACubinForThisGpuIsPreferred) {
  ASSERT_EQ(load(), QCCRT_OK) << error.message;
  qccrt_context_info info;
  qccrt_context_get_info(context, &info);
  EXPECT_EQ(info.cubin_kernels, 2u);
  EXPECT_EQ(info.ptx_kernels, 0u);
}

TEST_F(DriverFault, PtxServesWhereTheDriverKnowsNoBinaryOrNoCubinFits) {
  failCall("load cubin", 2, 209);
  ASSERT_EQ(load(), QCCRT_OK) << error.message;
  qccrt_context_info info;
  qccrt_context_get_info(context, &info);
  EXPECT_EQ(info.cubin_kernels, 1u);
  EXPECT_EQ(info.ptx_kernels, 1u);
  for (int other : {80, 89, 100}) { // the cubins are for 9.0
    device(other, uint64_t(8) << 30);
    ASSERT_EQ(load(), QCCRT_OK) << error.message;
    qccrt_context_get_info(context, &info);
    EXPECT_EQ(info.ptx_kernels, 2u) << other;
  }
}

TEST_F(DriverFault, AnUnsuitableGpuIsNamedBesideWhatTheEngineHas) {
  device(75, uint64_t(8) << 30);
  EXPECT_EQ(load(), QCCRT_MISMATCH);
  EXPECT_TRUE(says("engine has: cubin sm_90; PTX compute_80")) << error.message;
  EXPECT_TRUE(says("machine has: fake sm_75, driver 13.0")) << error.message;

  qcc::engine_file::Plan plan = ledger::plan();
  for (auto &kernel : plan.kernels)
    kernel.images.pop_back();
  open(plan);
  device(90, uint64_t(8) << 30);
  failCall("load cubin", 1, 209);
  EXPECT_EQ(load(), QCCRT_MISMATCH);
  EXPECT_TRUE(says("there is no PTX")) << error.message;
}

TEST_F(DriverFault, PtxThatTheDriverCannotCompileIsAMismatch) {
  device(80, uint64_t(8) << 30);
  failCall("load ptx", 1, 222);
  EXPECT_EQ(load(), QCCRT_MISMATCH);
  EXPECT_TRUE(says("CUDA_ERROR_222")) << error.message;
}

TEST_F(DriverFault, TooLittleMemoryIsRefusedWithTheBudgetBeforeAnyAllocation) {
  device(90, 100000);
  failCall("cuMemAlloc", 1, 999); // would be seen
  EXPECT_EQ(load(/*kvTokens=*/16000), QCCRT_OUT_OF_MEMORY);
  EXPECT_TRUE(says("not enough GPU memory")) << error.message;
  EXPECT_TRUE(says("16000 tokens")) << error.message;
  // 100000 bytes less a sixteenth, less weights, arena and inputs and outputs, in pages of 512 bytes for 16 tokens.
  uint64_t fixed = (1280 + 1204) + 512 + 7 * 256 + (10 * 304 * 4 + 10 * 4);
  uint64_t fitting = (100000 - 6250 - fixed) / 512 * 16;
  EXPECT_TRUE(says("--kv-tokens " + std::to_string(fitting) + ")")) << error.message;
  reset();
  device(90, 100000);
  EXPECT_EQ(load(fitting), QCCRT_OK) << error.message;
  EXPECT_EQ(load(fitting + 1), QCCRT_OUT_OF_MEMORY);
}

// The pages' bytes follow from the cache's type; an int8 cache has an f32 scale per row beside its codes.
TEST_F(DriverFault, PagesOfEveryCacheType) {
  using qcc::engine_file::KvType;
  for (auto [type, rowBytes] : {std::pair(KvType::BF16, 16), {KvType::E4M3, 8}, {KvType::I8, 8 + 4}}) {
    qcc::engine_file::Plan plan = ledger::plan();
    plan.model.kvType = type;
    open(plan);
    ASSERT_EQ(load(/*kvTokens=*/160), QCCRT_OK) << error.message;
    qccrt_context_info info;
    qccrt_context_get_info(context, &info);
    EXPECT_EQ(info.kv_tokens, 160u);
    EXPECT_EQ(info.kv_bytes, uint64_t(2 * 160 * rowBytes));
  }
}

TEST_F(DriverFault, AFailingStepLosesTheContext) {
  for (const char *function : {"cuLaunchKernel", "cuStreamSynchronize", "cuMemcpyDtoHAsync", "cuMemcpyHtoDAsync"}) {
    reset();
    sequence = 0;
    ASSERT_EQ(load(), QCCRT_OK) << error.message;
    ASSERT_EQ(step(), QCCRT_OK) << error.message;
    reset();
    failCall(function, 1, 700);
    EXPECT_EQ(step(), QCCRT_LOST) << function;
    EXPECT_TRUE(says("GPU context lost")) << error.message;
    EXPECT_TRUE(says("CUDA_ERROR_700")) << error.message;
    EXPECT_EQ(step(), QCCRT_LOST) << "and stays so";
  }
}

} // namespace
