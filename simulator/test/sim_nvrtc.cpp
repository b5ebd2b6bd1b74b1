//===- sim_nvrtc.cpp - CUDA C++ through NVRTC and the simulator -----------===//
//
// Only where NVRTC was found. The expected values are computed here in double precision.
//
//===----------------------------------------------------------------------===//

#ifdef QCCSIM_NVRTC

#include "Nvrtc.h"
#include "SimTest.h"

#include <cmath>

using namespace qccsim;
using namespace qccsim::test;

namespace {

class Nvrtc : public testing::TestWithParam<const char *> {};

INSTANTIATE_TEST_SUITE_P(Architectures, Nvrtc, testing::Values("compute_80", "compute_89", "compute_90"));

TEST_P(Nvrtc, mixedFunctions) {
  std::string ptx = compile(R"(
#include <cuda_fp16.h>
#include <cuda_bf16.h>
#include <cuda_fp8.h>
__device__ int counter;
__constant__ float table[4] = {1.5f, 2.5f, 3.5f, 4.5f};
extern "C" __global__ void k(float *o, const float *a) {
  extern __shared__ float s[];
  __shared__ __nv_bfloat16 t[64];
  int i = threadIdx.x + blockIdx.x * blockDim.x;
  float local[8];
  for (int j = 0; j < 8; j++) local[j] = a[j] * (i + 1);
  float x = local[i & 7];
  s[threadIdx.x] = x + table[i & 3];
  t[threadIdx.x] = __float2bfloat16(x);
  __syncthreads();
  float v = s[(threadIdx.x + 1) % blockDim.x];
  float sum = v;
  for (int d = 16; d; d >>= 1) sum += __shfl_xor_sync(~0u, sum, d);
  float r[10];
  r[0] = v; r[1] = sum; r[2] = expf(-x); r[3] = sqrtf(x); r[4] = x / 3.f;
  switch (i % 6) {
  case 0: r[5] = sinf(x); break;
  case 1: r[5] = x * 3; break;
  case 2: r[5] = cosf(x); break;
  case 3: r[5] = logf(x); break;
  case 4: r[5] = tanhf(x); break;
  default: r[5] = powf(x, 1.5f);
  }
  __nv_fp8_e4m3 q(x); r[6] = float(q);
  r[7] = __half2float(__hmul(__float2half(x), __float2half(0.5f)));
  r[8] = __bfloat162float(t[threadIdx.x ^ 1]);
  unsigned long long p = 1000003ull * (i + 7); r[9] = (float)(p % 977) + (float)(p / 977 % 13);
  atomicAdd(&counter, 1);
  for (int j = 0; j < 10; j++) o[i * 10 + j] = r[j];
  __syncthreads();
  if (threadIdx.x == 0) o[640] = counter;
})",
                            GetParam());
  Runner runner("threads=1");
  std::vector<float> a(8);
  for (int j = 0; j < 8; ++j)
    a[j] = 0.25f + 0.125f * float(j);
  runner.machine.memory().copyIn(runner.in, a.data(), 32);
  runner.run(ptx, 64, 1, 64 * 4);
  std::vector<uint64_t> words = runner.output();
  std::vector<float> o(2048);
  std::memcpy(o.data(), words.data(), 8192);
  auto value = [&](int i) { return double(a[i & 7]) * (i + 1); };
  auto shared = [&](int i) { return value(i) + 1.5 + (i & 3); };
  for (int i = 0; i < 64; ++i) {
    double x = value(i), sum = 0;
    for (int j = i / 32 * 32; j < i / 32 * 32 + 32; ++j)
      sum += shared((j + 1) % 64);
    const float *r = &o[i * 10];
    EXPECT_NEAR(r[0], shared((i + 1) % 64), 1e-5);
    EXPECT_NEAR(r[1], sum, sum * 1e-6);
    EXPECT_NEAR(r[2], std::exp(-x), 1e-6);
    EXPECT_NEAR(r[3], std::sqrt(x), 1e-5);
    EXPECT_NEAR(r[4], x / 3, x * 1e-6);
    double five[] = {std::sin(x), x * 3, std::cos(x), std::log(x), std::tanh(x), std::pow(x, 1.5)};
    EXPECT_NEAR(r[5], five[i % 6], 1e-5 * (1 + std::fabs(five[i % 6]))) << i << " " << x;
    EXPECT_NEAR(r[6], x, x / 16);
    EXPECT_NEAR(r[7], x / 2, x / 2048);
    EXPECT_NEAR(r[8], value(i ^ 1), value(i ^ 1) / 256);
    uint64_t p = 1000003ull * (i + 7);
    EXPECT_EQ(r[9], float(p % 977) + float(p / 977 % 13));
  }
  EXPECT_EQ(o[640], 64.0f);
}

} // namespace

#endif // QCCSIM_NVRTC
