//===- driver_basic.cpp - devices, contexts, memory, launches -------------===//

#include "DriverTest.h"

using namespace qccsim::test;

namespace {

using DriverBasic = DriverTest;

} // namespace

TEST_F(DriverBasic, DescribesAnH200) {
  int count = 0, major = 0, minor = 0, optin = 0, warp = 0;
  EXPECT_CU(CU(cuDeviceGetCount)(&count));
  EXPECT_CU(CU(cuDeviceGetAttribute)(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device));
  EXPECT_CU(CU(cuDeviceGetAttribute)(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device));
  EXPECT_CU(CU(cuDeviceGetAttribute)(&optin, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device));
  EXPECT_CU(CU(cuDeviceGetAttribute)(&warp, CU_DEVICE_ATTRIBUTE_WARP_SIZE, device));
  EXPECT_EQ(count, 1);
  EXPECT_EQ(major, 9);
  EXPECT_EQ(minor, 0);
  EXPECT_EQ(optin, 227 * 1024);
  EXPECT_EQ(warp, 32);
  CUdevice second;
  EXPECT_EQ(CU(cuDeviceGet)(&second, 1), CUDA_ERROR_INVALID_DEVICE);
  int value;
  EXPECT_EQ(CU(cuDeviceGetAttribute)(&value, CUdevice_attribute(9999), device), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverBasic, AddsVectorsThroughBothParameterForms) {
  CUfunction add = load(addPtx, "add");
  std::vector<float> x(1000), y(1000);
  for (int i = 0; i < 1000; ++i)
    x[i] = float(i), y[i] = float(3 * i);
  CUdeviceptr a = upload(x), b = upload(y), c = upload(std::vector<float>(1000, -1));
  int n = 999; // the last element stays
  ASSERT_CU(launch(add, 8, 128, {&a, &b, &c, &n}));
  std::vector<float> sum = download<float>(c, 1000);
  for (int i = 0; i < 999; ++i)
    ASSERT_EQ(sum[i], float(4 * i));
  EXPECT_EQ(sum[999], -1);

  struct {
    CUdeviceptr a, b, c;
    int n;
  } packed = {c, c, c, 10};
  size_t bytes = 28; // the parameters, without the structure's tail padding
  void *extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
  ASSERT_CU(CU(cuLaunchKernel)(add, 1, 1, 1, 32, 1, 1, 0, nullptr, nullptr, extra));
  EXPECT_EQ(download<float>(c, 10)[9], 72);
}

TEST_F(DriverBasic, LaunchKernelExTakesHarmlessAttributesAndRefusesClusters) {
  CUfunction add = load(addPtx, "add");
  CUdeviceptr a = upload(std::vector<float>(32, 1));
  int n = 32;
  void *parameters[] = {&a, &a, &a, &n};
  CUlaunchAttribute attribute = {};
  attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
  attribute.value.programmaticStreamSerializationAllowed = 1;
  CUlaunchConfig config = {};
  config.gridDimX = config.gridDimY = config.gridDimZ = 1;
  config.blockDimX = 32, config.blockDimY = config.blockDimZ = 1;
  config.attrs = &attribute;
  config.numAttrs = 1;
  EXPECT_CU(CU(cuLaunchKernelEx)(&config, add, parameters, nullptr));
  EXPECT_EQ(download<float>(a, 32)[31], 2);
  attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  attribute.value.clusterDim.x = 2, attribute.value.clusterDim.y = attribute.value.clusterDim.z = 1;
  EXPECT_EQ(CU(cuLaunchKernelEx)(&config, add, parameters, nullptr), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_NE(lastError().find("cluster"), std::string::npos);
}

TEST_F(DriverBasic, CopiesFillsAndQueries) {
  std::vector<uint32_t> values(64);
  for (uint32_t i = 0; i < 64; ++i)
    values[i] = i;
  CUdeviceptr p = upload(values), q = 0;
  ASSERT_CU(CU(cuMemAlloc)(&q, 256));
  EXPECT_EQ(p % 256, 0u);
  EXPECT_CU(CU(cuMemcpyDtoD)(q, p + 128, 128));
  EXPECT_CU(CU(cuMemsetD32)(q + 128, 0xABCD, 16));
  EXPECT_CU(CU(cuMemsetD16)(q + 192, 0x1234, 16));
  EXPECT_CU(CU(cuMemsetD8)(q + 224, 0x77, 32));
  std::vector<uint32_t> out = download<uint32_t>(q, 64);
  EXPECT_EQ(out[0], 32u);
  EXPECT_EQ(out[31], 63u);
  EXPECT_EQ(out[32], 0xABCDu);
  EXPECT_EQ(out[48], 0x12341234u);
  EXPECT_EQ(out[63], 0x77777777u);

  // cuMemcpy tells the sides apart by the addresses.
  uint32_t host[64] = {};
  EXPECT_CU(CU(cuMemcpy)(CUdeviceptr(host), p, 256));
  EXPECT_EQ(host[63], 63u);

  CUDA_MEMCPY2D copy = {};
  copy.srcMemoryType = CU_MEMORYTYPE_DEVICE, copy.srcDevice = p, copy.srcPitch = 32;
  copy.dstMemoryType = CU_MEMORYTYPE_HOST, copy.dstHost = host, copy.dstPitch = 8;
  copy.srcXInBytes = 4, copy.WidthInBytes = 8, copy.Height = 4;
  EXPECT_CU(CU(cuMemcpy2D)(&copy));
  const uint32_t expected[] = {1, 2, 9, 10, 17, 18, 25, 26};
  EXPECT_EQ(std::memcmp(host, expected, sizeof(expected)), 0);

  unsigned type = 0;
  CUdeviceptr start = 0;
  size_t size = 0;
  EXPECT_CU(CU(cuPointerGetAttribute)(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p + 100));
  EXPECT_EQ(type, unsigned(CU_MEMORYTYPE_DEVICE));
  EXPECT_CU(CU(cuMemGetAddressRange)(&start, &size, p + 100));
  EXPECT_EQ(start, p);
  EXPECT_EQ(size, 256u);
  EXPECT_EQ(CU(cuPointerGetAttribute)(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CUdeviceptr(host)),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverBasic, AccountsForMemory) {
  size_t before = 0, during = 0, after = 0, total = 0;
  ASSERT_CU(CU(cuMemGetInfo)(&before, &total));
  CUdeviceptr p;
  ASSERT_CU(CU(cuMemAlloc)(&p, 1 << 20));
  ASSERT_CU(CU(cuMemGetInfo)(&during, &total));
  EXPECT_GE(before - during, size_t(1 << 20));
  ASSERT_CU(CU(cuMemFree)(p));
  ASSERT_CU(CU(cuMemGetInfo)(&after, &total));
  EXPECT_EQ(before, after);
  EXPECT_EQ(CU(cuMemAlloc)(&p, total + 1), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(CU(cuMemAlloc)(&p, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverBasic, RefusesToFreeWhatItDidNotGive) {
  CUdeviceptr p = upload(std::vector<int>(4, 1));
  EXPECT_EQ(CU(cuMemFree)(p + 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(CU(cuMemFree)(p));
  EXPECT_EQ(CU(cuMemFree)(p), CUDA_ERROR_INVALID_VALUE);
  int onStack;
  EXPECT_EQ(CU(cuMemFreeHost)(&onStack), CUDA_ERROR_INVALID_VALUE);
  void *host = nullptr;
  EXPECT_CU(CU(cuMemAllocHost)(&host, 100));
  EXPECT_CU(CU(cuMemFreeHost)(host));
}

TEST_F(DriverBasic, FindsVariables) {
  CUmodule module;
  ASSERT_CU(CU(cuModuleLoadData)(&module, addPtx));
  CUdeviceptr address = 0;
  size_t bytes = 0;
  ASSERT_CU(CU(cuModuleGetGlobal)(&address, &bytes, module, "counter"));
  EXPECT_EQ(bytes, 4u);
  EXPECT_EQ(download<uint32_t>(address, 1)[0], 7u);
  EXPECT_EQ(CU(cuModuleGetGlobal)(&address, &bytes, module, "nothing"), CUDA_ERROR_NOT_FOUND);
}

TEST_F(DriverBasic, KernelsOfLibrariesLaunch) {
  CUlibrary library;
  CUkernel kernel;
  CUfunction function;
  ASSERT_CU(CU(cuLibraryLoadData)(&library, addPtx, nullptr, nullptr, 0, nullptr, nullptr, 0));
  ASSERT_CU(CU(cuLibraryGetKernel)(&kernel, library, "add"));
  ASSERT_CU(CU(cuKernelGetFunction)(&function, kernel));
  CUdeviceptr a = upload(std::vector<float>(32, 2));
  int n = 32;
  EXPECT_CU(launch(function, 1, 32, {&a, &a, &a, &n}));
  EXPECT_CU(launch(reinterpret_cast<CUfunction>(kernel), 1, 32, {&a, &a, &a, &n}));
  EXPECT_EQ(download<float>(a, 32)[5], 8);
  EXPECT_CU(CU(cuLibraryUnload)(library));
  EXPECT_EQ(launch(function, 1, 32, {&a, &a, &a, &n}), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverBasic, FunctionAttributesAndOccupancy) {
  CUfunction add = load(addPtx, "add");
  int value = -1;
  EXPECT_CU(CU(cuFuncGetAttribute)(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, add));
  EXPECT_EQ(value, 1024);
  EXPECT_CU(CU(cuFuncGetAttribute)(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, add));
  EXPECT_EQ(value, 0);
  EXPECT_CU(CU(cuFuncSetAttribute)(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 227 * 1024));
  EXPECT_EQ(CU(cuFuncSetAttribute)(add, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 227 * 1024 + 1),
            CUDA_ERROR_INVALID_VALUE);
  // 2048 threads and 32 blocks per multiprocessor; 228 KB of shared memory, 1 KB of it per block.
  int blocks = 0;
  EXPECT_CU(CU(cuOccupancyMaxActiveBlocksPerMultiprocessor)(&blocks, add, 1024, 0));
  EXPECT_EQ(blocks, 2);
  EXPECT_CU(CU(cuOccupancyMaxActiveBlocksPerMultiprocessor)(&blocks, add, 32, 0));
  EXPECT_EQ(blocks, 32);
  EXPECT_CU(CU(cuOccupancyMaxActiveBlocksPerMultiprocessor)(&blocks, add, 128, 100 * 1024));
  EXPECT_EQ(blocks, 2);
}

TEST_F(DriverBasic, EntryPointsAreFoundByBaseNameAndVersion) {
  void *pointer = nullptr;
  CUdriverProcAddressQueryResult status;
  EXPECT_CU(CU(cuGetProcAddress)("cuMemAlloc", &pointer, CUDA_VERSION, 0, &status));
  EXPECT_EQ(pointer, dlsym(library(), "cuMemAlloc_v2"));
  EXPECT_CU(CU(cuGetProcAddress)("cuCtxCreate", &pointer, 11000, 0, &status));
  EXPECT_EQ(pointer, dlsym(library(), "cuCtxCreate_v2"));
  EXPECT_EQ(CU(cuGetProcAddress)("cuGraphAddKernelNode", &pointer, 11000, 0, &status), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(status, CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT);
  EXPECT_EQ(CU(cuGetProcAddress)("cuMulticastCreate", &pointer, CUDA_VERSION, 0, &status), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(status, CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND);
  EXPECT_EQ(pointer, nullptr);
}

TEST_F(DriverBasic, PrimaryContextIsCountedAndClearedOnRelease) {
  CUcontext primary = nullptr, again = nullptr;
  ASSERT_CU(CU(cuDevicePrimaryCtxRetain)(&primary, device));
  ASSERT_CU(CU(cuDevicePrimaryCtxRetain)(&again, device));
  EXPECT_EQ(primary, again);
  ASSERT_CU(CU(cuCtxPushCurrent)(primary));
  size_t before, after, total;
  ASSERT_CU(CU(cuMemGetInfo)(&before, &total));
  upload(std::vector<int>(1000, 1));
  EXPECT_CU(CU(cuDevicePrimaryCtxRelease)(device));
  EXPECT_CU(CU(cuDevicePrimaryCtxRelease)(device));
  CUdeviceptr p;
  EXPECT_EQ(CU(cuMemAlloc)(&p, 16), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  ASSERT_CU(CU(cuCtxPopCurrent)(nullptr));
  ASSERT_CU(CU(cuMemGetInfo)(&after, &total));
  EXPECT_EQ(before, after);
}
