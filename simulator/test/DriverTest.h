//===- DriverTest.h - the driver stand-in, as a program finds it ----------===//
//
// The library is opened with dlopen and every function resolved by name, as the runtime does it.
// QCCSIM_LIBRARY is the path of libqccsim.so.
//
//===----------------------------------------------------------------------===//

#ifndef QCCSIM_TEST_DRIVERTEST_H
#define QCCSIM_TEST_DRIVERTEST_H

#include <cuda.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace qccsim::test {

inline void *library() {
  static void *handle = dlopen(QCCSIM_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  return handle;
}

/// The exported function that cuda.h calls `name` after its renaming.
template <typename Function> Function *resolve(const char *name) {
  void *address = library() ? dlsym(library(), name) : nullptr;
  EXPECT_NE(address, nullptr) << name << ": " << (library() ? "not exported" : dlerror());
  return reinterpret_cast<Function *>(address);
}

#define QCCSIM_NAME(name) #name
#define QCCSIM_RENAMED(name) QCCSIM_NAME(name)
/// CU(cuMemAlloc)(&pointer, 16): a call through dlsym.
#define CU(name) ::qccsim::test::resolve<decltype(name)>(QCCSIM_RENAMED(name))

#define EXPECT_CU(call) EXPECT_EQ(call, CUDA_SUCCESS) << ::qccsim::test::lastError()
#define ASSERT_CU(call) ASSERT_EQ(call, CUDA_SUCCESS) << ::qccsim::test::lastError()

inline std::string lastError() { return resolve<const char *()>("qccsimLastError")(); }

/// A fresh context for each test, so that one that is lost harms no other.
class DriverTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_NE(library(), nullptr) << dlerror();
    ASSERT_CU(CU(cuInit)(0));
    ASSERT_CU(CU(cuDeviceGet)(&device, 0));
    ASSERT_CU(CU(cuCtxCreate)(&context, nullptr, 0, device));
  }
  void TearDown() override { EXPECT_CU(CU(cuCtxDestroy)(context)); }

  CUfunction load(const char *ptx, const char *name) {
    CUmodule module = nullptr;
    CUfunction function = nullptr;
    EXPECT_CU(CU(cuModuleLoadData)(&module, ptx));
    if (module) {
      EXPECT_CU(CU(cuModuleGetFunction)(&function, module, name));
    }
    return function;
  }

  template <typename T> CUdeviceptr upload(const std::vector<T> &values) {
    CUdeviceptr address = 0;
    EXPECT_CU(CU(cuMemAlloc)(&address, values.size() * sizeof(T)));
    EXPECT_CU(CU(cuMemcpyHtoD)(address, values.data(), values.size() * sizeof(T)));
    return address;
  }

  template <typename T> std::vector<T> download(CUdeviceptr address, size_t count) {
    std::vector<T> values(count);
    EXPECT_CU(CU(cuMemcpyDtoH)(values.data(), address, count * sizeof(T)));
    return values;
  }

  CUresult launch(CUfunction function, unsigned grid, unsigned block, std::vector<void *> parameters,
                  CUstream stream = nullptr) {
    return CU(cuLaunchKernel)(function, grid, 1, 1, block, 1, 1, 0, stream, parameters.data(), nullptr);
  }

  CUdevice device = 0;
  CUcontext context = nullptr;
};

/// add(a, b, c, n): c[i] = a[i] + b[i] in f32 for i < n.
inline const char *const addPtx = R"(
.version 8.0
.target sm_80
.address_size 64
.global .align 4 .u32 counter = 7;
.visible .entry add(.param .u64 pa, .param .u64 pb, .param .u64 pc, .param .u32 pn)
{
  .reg .pred %p<2>;
  .reg .b32 %r<6>;
  .reg .f32 %f<4>;
  .reg .b64 %rd<9>;
  ld.param.u64 %rd1, [pa];
  ld.param.u64 %rd2, [pb];
  ld.param.u64 %rd3, [pc];
  ld.param.u32 %r1, [pn];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.s32 %p1, %r5, %r1;
  @%p1 bra done;
  cvta.to.global.u64 %rd1, %rd1;
  cvta.to.global.u64 %rd2, %rd2;
  cvta.to.global.u64 %rd3, %rd3;
  mul.wide.s32 %rd4, %r5, 4;
  add.s64 %rd5, %rd1, %rd4;
  add.s64 %rd6, %rd2, %rd4;
  add.s64 %rd7, %rd3, %rd4;
  ld.global.f32 %f1, [%rd5];
  ld.global.f32 %f2, [%rd6];
  add.f32 %f3, %f1, %f2;
  st.global.f32 [%rd7], %f3;
done:
  ret;
}
)";

} // namespace qccsim::test

#endif // QCCSIM_TEST_DRIVERTEST_H
