//===- driver_errors.cpp - refusals and lost contexts ---------------------===//

#include "DriverTest.h"

using namespace qccsim::test;

namespace {

using DriverErrors = DriverTest;

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

} // namespace

TEST_F(DriverErrors, CubinIsRefusedSoThatTheCallerFallsBackToPtx) {
  std::vector<char> cubin(64, 0);
  std::memcpy(cubin.data(), "\177ELF\2\1\1", 7);
  CUmodule module;
  EXPECT_EQ(CU(cuModuleLoadData)(&module, cubin.data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_EQ(CU(cuModuleLoadData)(&module, "neither"), CUDA_ERROR_INVALID_IMAGE);
}

TEST_F(DriverErrors, BadPtxFillsTheLog) {
  std::string bad = replaced(addPtx, "add.f32 %f3", "addd.f32 %f3");
  char log[512] = "untouched", small[8];
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log))};
  CUmodule module;
  EXPECT_NE(CU(cuModuleLoadDataEx)(&module, bad.c_str(), 2, options, values), CUDA_SUCCESS);
  EXPECT_NE(std::string(log).find("addd"), std::string::npos) << log;
  EXPECT_EQ(size_t(values[1]), std::strlen(log) + 1);
  void *few[] = {small, reinterpret_cast<void *>(sizeof(small))};
  EXPECT_NE(CU(cuModuleLoadDataEx)(&module, bad.c_str(), 2, options, few), CUDA_SUCCESS);
  EXPECT_EQ(std::strlen(small), 7u);

  std::string cut = std::string(addPtx).substr(0, std::strlen(addPtx) / 2);
  EXPECT_EQ(CU(cuModuleLoadData)(&module, cut.c_str()), CUDA_ERROR_INVALID_PTX);
}

TEST_F(DriverErrors, PtxForANewerDeviceOrToolkitIsRefused) {
  CUmodule module;
  std::string newer = replaced(addPtx, "sm_80", "sm_100");
  EXPECT_EQ(CU(cuModuleLoadData)(&module, newer.c_str()), CUDA_ERROR_INVALID_PTX);
  EXPECT_NE(lastError().find("sm_100"), std::string::npos);
  std::string version = replaced(addPtx, "8.0", "9.9");
  EXPECT_EQ(CU(cuModuleLoadData)(&module, version.c_str()), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
  std::string specific = replaced(addPtx, "sm_80", "sm_80a");
  EXPECT_EQ(CU(cuModuleLoadData)(&module, specific.c_str()), CUDA_ERROR_INVALID_PTX);
}

TEST_F(DriverErrors, MissingFunctionIsNotFound) {
  CUmodule module;
  CUfunction function;
  ASSERT_CU(CU(cuModuleLoadData)(&module, addPtx));
  EXPECT_EQ(CU(cuModuleGetFunction)(&function, module, "subtract"), CUDA_ERROR_NOT_FOUND);
  EXPECT_NE(lastError().find("subtract"), std::string::npos);
}

TEST_F(DriverErrors, StaleHandlesAreInvalidAndDoNotCrash) {
  CUmodule module;
  CUfunction add;
  CUstream stream;
  ASSERT_CU(CU(cuModuleLoadData)(&module, addPtx));
  ASSERT_CU(CU(cuModuleGetFunction)(&add, module, "add"));
  ASSERT_CU(CU(cuModuleUnload)(module));
  ASSERT_CU(CU(cuStreamCreate)(&stream, 0));
  ASSERT_CU(CU(cuStreamDestroy)(stream));
  CUdeviceptr a = upload(std::vector<float>(32, 2));
  int n = 32;
  EXPECT_EQ(launch(add, 1, 32, {&a, &a, &a, &n}), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(CU(cuModuleUnload)(module), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(CU(cuStreamSynchronize)(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(CU(cuMemsetD8Async)(a, 0, 4, stream), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverErrors, ImpossibleLaunchesAreRefusedAndTheContextSurvives) {
  CUfunction add = load(addPtx, "add");
  CUdeviceptr a = upload(std::vector<float>(32, 2));
  int n = 32;
  void *parameters[] = {&a, &a, &a, &n};
  auto *launchKernel = CU(cuLaunchKernel);
  EXPECT_EQ(launchKernel(add, 0, 1, 1, 32, 1, 1, 0, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launchKernel(add, 1, 70000, 1, 32, 1, 1, 0, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launchKernel(add, 1, 1, 1, 512, 4, 1, 0, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launchKernel(add, 1, 1, 1, 32, 1, 1, 64 * 1024, nullptr, parameters, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(launchKernel(add, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, nullptr), CUDA_ERROR_INVALID_VALUE);
  size_t bytes = 12; // of 28
  void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, parameters, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes,
                   CU_LAUNCH_PARAM_END};
  EXPECT_EQ(launchKernel(add, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra), CUDA_ERROR_INVALID_VALUE);
  ASSERT_CU(CU(cuFuncSetAttribute)(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 64 * 1024));
  EXPECT_CU(launchKernel(add, 1, 1, 1, 32, 1, 1, 64 * 1024, nullptr, parameters, nullptr));
}

TEST_F(DriverErrors, HostSideCopyOutsideAnAllocationIsAnInvalidArgument) {
  CUdeviceptr a = upload(std::vector<float>(32, 2));
  float buffer[64];
  EXPECT_EQ(CU(cuMemcpyDtoH)(buffer, a, 132), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(CU(cuMemcpyHtoD)(a + 64, buffer, 128), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(CU(cuMemsetD32)(a + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(CU(cuCtxSynchronize)()); // nothing is lost
}

TEST_F(DriverErrors, AnIllegalAccessLosesTheContext) {
  CUfunction add = load(addPtx, "add");
  CUdeviceptr a = upload(std::vector<float>(32, 2)), p;
  int n = 33;
  EXPECT_EQ(launch(add, 2, 32, {&a, &a, &a, &n}), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_NE(lastError().find("add"), std::string::npos) << lastError();
  EXPECT_EQ(CU(cuCtxSynchronize)(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(CU(cuMemAlloc)(&p, 16), CUDA_ERROR_ILLEGAL_ADDRESS);
  int m = 1;
  EXPECT_EQ(launch(add, 1, 32, {&a, &a, &a, &m}), CUDA_ERROR_ILLEGAL_ADDRESS);
  // Another context is not touched.
  CUcontext other;
  ASSERT_CU(CU(cuCtxCreate)(&other, nullptr, 0, device));
  EXPECT_CU(CU(cuMemAlloc)(&p, 16));
  EXPECT_CU(CU(cuCtxDestroy)(other));
}

TEST_F(DriverErrors, ReadingUninitialisedMemoryIsALaunchFailure) {
  CUfunction add = load(addPtx, "add");
  CUdeviceptr a = upload(std::vector<float>(32, 2)), never;
  ASSERT_CU(CU(cuMemAlloc)(&never, 128));
  int n = 32;
  EXPECT_EQ(launch(add, 1, 32, {&a, &never, &a, &n}), CUDA_ERROR_LAUNCH_FAILED);
}

TEST_F(DriverErrors, MisalignedAccessHasItsOwnCode) {
  CUfunction add = load(addPtx, "add");
  CUdeviceptr a = upload(std::vector<float>(64, 2)), odd = a + 2;
  int n = 32;
  EXPECT_EQ(launch(add, 1, 32, {&a, &odd, &a, &n}), CUDA_ERROR_MISALIGNED_ADDRESS);
}

TEST_F(DriverErrors, CallsWithoutContextSayso) {
  CUcontext popped;
  ASSERT_CU(CU(cuCtxPopCurrent)(&popped));
  CUdeviceptr p;
  EXPECT_EQ(CU(cuMemAlloc)(&p, 16), CUDA_ERROR_INVALID_CONTEXT);
  ASSERT_CU(CU(cuCtxPushCurrent)(popped));
}

TEST_F(DriverErrors, ErrorsHaveTheDriversNames) {
  const char *name = nullptr, *text = nullptr;
  EXPECT_CU(CU(cuGetErrorName)(CUDA_ERROR_ILLEGAL_ADDRESS, &name));
  EXPECT_STREQ(name, "CUDA_ERROR_ILLEGAL_ADDRESS");
  EXPECT_CU(CU(cuGetErrorString)(CUDA_ERROR_OUT_OF_MEMORY, &text));
  EXPECT_STREQ(text, "out of memory");
  EXPECT_EQ(CU(cuGetErrorName)(CUresult(4242), &name), CUDA_ERROR_INVALID_VALUE);
}
