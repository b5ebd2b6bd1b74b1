//===- driver_nvrtc.cpp - CUDA C++ kernels through NVRTC and the driver ---===//
//
// The whole way a program takes: compile for each architecture, load the PTX, launch, copy back.
// Results are compared with double precision. Only where NVRTC was found.
//
//===----------------------------------------------------------------------===//

#ifdef QCCSIM_NVRTC

#include "DriverTest.h"
#include "Nvrtc.h"

#include <cmath>
#include <random>

using namespace qccsim::test;

namespace {

class DriverNvrtc : public DriverTest, public testing::WithParamInterface<const char *> {};
class DriverNvrtcFp8 : public DriverNvrtc {}; // e4m3 products need sm_89

float bf16Value(uint16_t bits) {
  uint32_t word = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &word, 4);
  return value;
}

/// bf16 numbers in (-1, 1), as bits.
std::vector<uint16_t> randomBf16(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<uint16_t> values(count);
  for (uint16_t &bits : values) {
    float x = float(int32_t(random())) * 0x1p-31f;
    uint32_t word;
    std::memcpy(&word, &x, 4);
    bits = uint16_t(word >> 16);
  }
  return values;
}

/// D[M,N] = A[M,K] B[K,N], all row-major: tiles of 64 x 64 x 32 through two stages of shared
/// memory, rows beyond M filled with zeros by cp.async.
const char *const gemmSource = R"(
#include <cuda_bf16.h>
__device__ unsigned sharedAddress(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
__device__ void copy16(void *to, const void *from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)), "l"(from), "r"(bytes) : "memory");
}
extern "C" __global__ void __launch_bounds__(128)
gemm(const __nv_bfloat16 *A, const __nv_bfloat16 *B, float *D, int M, int N, int K) {
  __shared__ alignas(128) __nv_bfloat16 sa[2][64][40];
  __shared__ alignas(128) __nv_bfloat16 sb[2][32][72];
  int m0 = blockIdx.y * 64, n0 = blockIdx.x * 64, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  float acc[8][4] = {};
  auto load = [&](int stage, int k0) {
    for (int i = threadIdx.x; i < 64 * 4; i += 128) {
      int r = i / 4, c = i % 4 * 8, row = m0 + r;
      copy16(&sa[stage][r][c], A + (size_t)(row < M ? row : 0) * K + k0 + c, row < M ? 16 : 0);
    }
    for (int i = threadIdx.x; i < 32 * 8; i += 128) {
      int r = i / 8, c = i % 8 * 8;
      copy16(&sb[stage][r][c], B + (size_t)(k0 + r) * N + n0 + c, 16);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  load(0, 0);
  for (int k0 = 0, stage = 0; k0 < K; k0 += 32, stage ^= 1) {
    if (k0 + 32 < K) {
      load(stage ^ 1, k0 + 32);
      asm volatile("cp.async.wait_group 1;" ::: "memory");
    } else {
      asm volatile("cp.async.wait_group 0;" ::: "memory");
    }
    __syncthreads();
    for (int kk = 0; kk < 32; kk += 16) {
      unsigned a[4], b[4];
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                   : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                   : "r"(sharedAddress(&sa[stage][warp * 16 + lane % 16][kk + lane / 16 * 8])));
      for (int n = 0; n < 8; n += 2) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                     : "=r"(b[0]), "=r"(b[1]), "=r"(b[2]), "=r"(b[3])
                     : "r"(sharedAddress(&sb[stage][kk + lane % 16][n * 8 + lane / 16 * 8])));
        for (int j = 0; j < 2; j++)
          asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, "
                       "{%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                       : "+f"(acc[n + j][0]), "+f"(acc[n + j][1]), "+f"(acc[n + j][2]), "+f"(acc[n + j][3])
                       : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[2 * j]), "r"(b[2 * j + 1]));
      }
    }
    __syncthreads();
  }
  for (int n = 0; n < 8; n++)
    for (int i = 0; i < 4; i++) {
      int row = m0 + warp * 16 + lane / 4 + i / 2 * 8, column = n0 + n * 8 + lane % 4 * 2 + i % 2;
      if (row < M) D[(size_t)row * N + column] = acc[n][i];
    }
}
)";

const char *const reduceSource = R"(
extern "C" __global__ void reduce(const float *x, int n, float *sum, int *largest, int *histogram, unsigned *ballots) {
  __shared__ int bins[16];
  if (threadIdx.x < 16) bins[threadIdx.x] = 0;
  __syncthreads();
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float v = i < n ? x[i] : 0.f;
  if (i < n) atomicAdd(&bins[(int)(v * 16.f)], 1);
  unsigned big = __ballot_sync(~0u, v > 0.5f);
  float s = v;
  for (int d = 16; d > 0; d /= 2) s += __shfl_down_sync(~0u, s, d);
  int m = __reduce_max_sync(~0u, __float_as_int(v));
  if (threadIdx.x % 32 == 0) {
    atomicAdd(sum, s);
    atomicMax(largest, m);
    ballots[i / 32] = big;
  }
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&histogram[threadIdx.x], bins[threadIdx.x]);
}
)";

/// One warp multiplies 16 x 32 by 32 x 8 after quantizing both to e4m3.
const char *const fp8Source = R"(
#include <cuda_fp8.h>
extern "C" __global__ void fp8(const float *A, const float *B, float *D, unsigned char *codes) {
  int lane = threadIdx.x, g = lane / 4, t = lane % 4;
  auto four = [](const float *p) {
    unsigned lo = __nv_cvt_float2_to_fp8x2(make_float2(p[0], p[1]), __NV_SATFINITE, __NV_E4M3);
    unsigned hi = __nv_cvt_float2_to_fp8x2(make_float2(p[2], p[3]), __NV_SATFINITE, __NV_E4M3);
    return lo | hi << 16;
  };
  unsigned a[4] = {four(A + g * 32 + 4 * t), four(A + (g + 8) * 32 + 4 * t),
                   four(A + g * 32 + 16 + 4 * t), four(A + (g + 8) * 32 + 16 + 4 * t)};
  unsigned b[2] = {four(B + g * 32 + 4 * t), four(B + g * 32 + 16 + 4 * t)};
  float d[4] = {};
  asm volatile("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
               "{%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  for (int i = 0; i < 4; i++) D[(g + i / 2 * 8) * 8 + t * 2 + i % 2] = d[i];
  for (int r = 0; r < 4; r++) ((unsigned *)codes)[((r % 2) * 8 + g) * 8 + r / 2 * 4 + t] = a[r];
}
)";

/// Nearest e4m3 value of |x| <= 448, from the format's definition.
double toE4m3(double x) {
  if (x == 0)
    return 0;
  int exponent = std::max(std::ilogb(x), -6);
  double step = std::ldexp(1.0, exponent - 3);
  return std::nearbyint(x / step) * step;
}

} // namespace

INSTANTIATE_TEST_SUITE_P(Architectures, DriverNvrtc, testing::Values("compute_80", "compute_89", "compute_90"));
INSTANTIATE_TEST_SUITE_P(Architectures, DriverNvrtcFp8, testing::Values("compute_89", "compute_90"));

TEST_P(DriverNvrtc, PipelinedGemmMatchesDoublePrecision) {
  CUfunction gemm = load(compile(gemmSource, GetParam()).c_str(), "gemm");
  for (int M : {1, 63, 130}) {
    int N = 192, K = 160;
    std::vector<uint16_t> a = randomBf16(size_t(M) * K, 1), b = randomBf16(size_t(K) * N, 2);
    CUdeviceptr da = upload(a), db = upload(b), dd;
    ASSERT_CU(CU(cuMemAlloc)(&dd, size_t(M) * N * 4));
    void *parameters[] = {&da, &db, &dd, &M, &N, &K};
    ASSERT_CU(CU(cuLaunchKernel)(gemm, N / 64, (M + 63) / 64, 1, 128, 1, 1, 0, nullptr, parameters, nullptr));
    std::vector<float> d = download<float>(dd, size_t(M) * N);
    for (int i = 0; i < M; ++i)
      for (int j = 0; j < N; ++j) {
        double sum = 0, magnitude = 0;
        for (int k = 0; k < K; ++k) {
          double product = double(bf16Value(a[i * K + k])) * bf16Value(b[k * N + j]);
          sum += product;
          magnitude += std::fabs(product);
        }
        // Products are cut at 2^-25 of the largest term, sums at 2^-24.
        ASSERT_NEAR(d[size_t(i) * N + j], sum, magnitude * K * 0x1p-24) << i << "," << j;
      }
  }
}

TEST_P(DriverNvrtc, ReductionsVotesAndAtomics) {
  CUfunction reduce = load(compile(reduceSource, GetParam()).c_str(), "reduce");
  int n = 1000;
  std::mt19937 random(3);
  std::vector<float> x(n);
  double sum = 0;
  float largest = 0;
  std::vector<int> bins(16, 0);
  std::vector<uint32_t> ballots(32, 0);
  for (int i = 0; i < n; ++i) {
    x[i] = float(random() % 10000) / 10000.0f;
    sum += x[i];
    largest = std::max(largest, x[i]);
    ++bins[int(x[i] * 16.0f)];
    ballots[i / 32] |= uint32_t(x[i] > 0.5f) << (i % 32);
  }
  CUdeviceptr dx = upload(x), ds = upload(std::vector<float>(1, 0)), dl = upload(std::vector<int>(1, 0)),
              dh = upload(std::vector<int>(16, 0)), db = upload(std::vector<uint32_t>(32, 0));
  ASSERT_CU(launch(reduce, 4, 256, {&dx, &n, &ds, &dl, &dh, &db}));
  EXPECT_NEAR(download<float>(ds, 1)[0], sum, 1e-3);
  EXPECT_EQ(download<float>(dl, 1)[0], largest);
  EXPECT_EQ(download<int>(dh, 16), bins);
  EXPECT_EQ(download<uint32_t>(db, 32), ballots);
}

TEST_P(DriverNvrtcFp8, Fp8ProductsOfQuantizedOperands) {
  CUfunction fp8 = load(compile(fp8Source, GetParam()).c_str(), "fp8");
  std::mt19937 random(4);
  std::vector<float> a(16 * 32), b(8 * 32);
  for (auto *matrix : {&a, &b})
    for (float &x : *matrix)
      x = std::ldexp(float(int32_t(random())) * 0x1p-31f, int(random() % 12) - 6);
  CUdeviceptr da = upload(a), db = upload(b), dd = upload(std::vector<float>(128, 0)),
              dc = upload(std::vector<uint8_t>(512, 0));
  ASSERT_CU(launch(fp8, 1, 32, {&da, &db, &dd, &dc}));
  std::vector<float> d = download<float>(dd, 128);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = 0, magnitude = 0;
      for (int k = 0; k < 32; ++k) {
        double product = toE4m3(a[i * 32 + k]) * toE4m3(b[j * 32 + k]);
        sum += product;
        magnitude += std::fabs(product);
      }
      EXPECT_NEAR(d[i * 8 + j], sum, magnitude * 33 * 0x1p-25);
    }
  std::vector<uint8_t> codes = download<uint8_t>(dc, 512);
  for (int i = 0; i < 512; ++i) {
    int magnitude = codes[i] & 0x7F;
    double value = magnitude < 8 ? std::ldexp(magnitude, -9) : std::ldexp(8 + magnitude % 8, magnitude / 8 - 7 - 3);
    EXPECT_EQ(codes[i] & 0x80 ? -value : value, toE4m3(a[i])) << a[i];
  }
}

#endif // QCCSIM_NVRTC
