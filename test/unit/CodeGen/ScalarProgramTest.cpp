//===- ScalarProgramTest.cpp - Meaning, printing and checks ---------------===//

#include "qcc/CodeGen/ScalarProgram.h"
#include "TestDevice.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace qcc;
using namespace qcc::codegen;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();
const float kValues[] = {0.0f,    -0.0f,  1.0f,        -1.0f,       0.5f,  3.0f, -7.25f, 0.1f, 88.0f,
                         -100.0f, 1e-40f, 1.00390625f, 1.01171875f, 3e38f, kInf, -kInf,  kNan};

struct Meaning {
  ScalarOp op;
  int operands;
  double (*exact)(double, double);
  double ulps; ///< of the CUDA function (CUDA C++ Programming Guide, "Mathematical functions"); 0: exactly rounded
};

double largest(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : a > b ? a : b; }
double smallest(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : a < b ? a : b; }

const Meaning kMeanings[] = {
    {ScalarOp::Add, 2, [](double a, double b) { return a + b; }, 0},
    {ScalarOp::Sub, 2, [](double a, double b) { return a - b; }, 0},
    {ScalarOp::Mul, 2, [](double a, double b) { return a * b; }, 0},
    {ScalarOp::Div, 2, [](double a, double b) { return a / b; }, 0},
    {ScalarOp::Max, 2, largest, 0},
    {ScalarOp::Min, 2, smallest, 0},
    {ScalarOp::Neg, 1, [](double a, double) { return -a; }, 0},
    {ScalarOp::Exp, 1, [](double a, double) { return std::exp(a); }, 2},
    {ScalarOp::Tanh, 1, [](double a, double) { return std::tanh(a); }, 2},
    {ScalarOp::Erf, 1, [](double a, double) { return std::erf(a); }, 2},
    {ScalarOp::Sqrt, 1, [](double a, double) { return std::sqrt(a); }, 0},
    {ScalarOp::Rsqrt, 1, [](double a, double) { return 1 / std::sqrt(a); }, 2},
};

/// Distance in units of the last place of f32; 0 for equal values, also infinite ones, and for two NaN.
double ulps(float actual, double exact) {
  float rounded = float(exact);
  if (std::isnan(actual) || std::isnan(exact))
    return std::isnan(actual) && std::isnan(exact) ? 0 : INFINITY;
  if (actual == rounded)
    return 0;
  double unit = std::max(std::exp2(std::ilogb(rounded) - 23), 0x1p-149);
  return std::fabs(actual - exact) / unit;
}

/// Runs the printed functor of a program of two inputs on the device.
std::vector<float> runOnDevice(const ScalarProgram &program, const std::vector<float> &a, const std::vector<float> &b) {
  KernelInstance instance;
  instance.symbol = "k_functor";
  instance.source = "#include \"common/types.cuh\"\n" + printFunctor(program, "Body") +
                    "\nextern \"C\" __global__ void k_functor(const float *a, const float *b, float *y) {\n"
                    "  y[blockIdx.x] = Body::apply(a[blockIdx.x], b[blockIdx.x]);\n}\n";
  instance.args = {{"a"}, {"b"}, {"y", ArgKind::Pointer, Size::T, true}};
  instance.grid[0].multiplier = int64_t(a.size());
  bench::HostData data;
  auto bytes = [](const std::vector<float> &values) {
    std::vector<uint8_t> result(values.size() * 4);
    std::memcpy(result.data(), values.data(), result.size());
    return result;
  };
  data.buffers = {{"a", bytes(a)}, {"b", bytes(b)}, {"y", std::vector<uint8_t>(a.size() * 4)}};
  Status status = bench::runOnce(test::testDevice(), instance, 90, data);
  EXPECT_TRUE(bool(status)) << (status ? "" : status.error().message);
  std::vector<float> y(a.size());
  std::memcpy(y.data(), data.buffers["y"].data(), y.size() * 4);
  return y;
}

TEST(ScalarProgram, HostAndDeviceAgreeWithTheExactFunctions) {
  std::vector<float> a, b;
  for (float x : kValues)
    for (float y : kValues) {
      a.push_back(x);
      b.push_back(y);
    }
  for (const Meaning &meaning : kMeanings) {
    ScalarProgram program{2, {{meaning.op, 0, meaning.operands > 1 ? 1 : -1}}, 2};
    ASSERT_EQ(check(program), "");
    std::vector<float> device = runOnDevice(program, a, b);
    for (size_t i = 0; i < a.size(); ++i) {
      double exact = meaning.exact(a[i], b[i]);
      // Double rounding: the double result of an exactly rounded f32 op rounds to the same f32 (53 >= 2 * 24 + 2).
      EXPECT_LE(ulps(device[i], exact), meaning.ulps)
          << "device op " << int(meaning.op) << " of " << a[i] << ", " << b[i];
      EXPECT_LE(ulps(evaluate(program, {a[i], b[i]}), exact), meaning.ulps)
          << "host op " << int(meaning.op) << " of " << a[i] << ", " << b[i];
    }
  }
}

TEST(ScalarProgram, RoundsToBF16NearestEven) {
  ScalarProgram program{2, {{ScalarOp::RoundBF16, 0}}, 2};
  // Ties between 1 and its neighbours: 1 + 2^-8 falls to the even 1, 1 + 3 * 2^-8 rises to 1 + 2^-6.
  std::vector<float> a = {1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1.01p-8f, -1 - 0x1p-8f, 3.4e38f, 0.0f};
  std::vector<float> expected = {1, 1 + 0x1p-6f, 1 + 0x1p-7f, -1, kInf, 0.0f};
  EXPECT_EQ(runOnDevice(program, a, a), expected);
  for (size_t i = 0; i < a.size(); ++i)
    EXPECT_EQ(evaluate(program, {a[i], 0}), expected[i]);
}

TEST(ScalarProgram, ProductsAndSumsAreRoundedSeparately) {
  // (1 + 2^-12)^2 - 1: fused it would keep 2^-24.
  ScalarProgram program{2, {{ScalarOp::Mul, 0, 0}, {ScalarOp::Add, 2, 1}}, 3};
  float x = 1 + 0x1p-12f;
  EXPECT_EQ(runOnDevice(program, {x}, {-1.0f})[0], 0x1p-11f);
  EXPECT_EQ(evaluate(program, {x, -1.0f}), 0x1p-11f);
}

TEST(ScalarProgram, ConstantsKeepTheirBits) {
  for (float constant : {0.1f, -0.0f, 1e-40f, 3.4028235e38f, 16777217.0f}) {
    ScalarProgram program{2, {{ScalarOp::Constant, -1, -1, constant}}, 2};
    EXPECT_EQ(std::bit_cast<uint32_t>(runOnDevice(program, {1}, {1})[0]), std::bit_cast<uint32_t>(constant));
  }
}

TEST(ScalarProgram, CheckNamesTheMistake) {
  EXPECT_EQ(check({1, {}, 0}), "");
  EXPECT_NE(check({1, {}, 1}).find("result 1"), std::string::npos);
  EXPECT_NE(check({1, {{ScalarOp::Add, 0, 1}}, 1}).find("reads value 1"), std::string::npos);
  EXPECT_NE(check({1, {{ScalarOp::Neg, -1}}, 1}).find("reads value -1"), std::string::npos);
  EXPECT_NE(check({1, {{ScalarOp::Constant, -1, -1, kInf}}, 1}).find("finite"), std::string::npos);
}

TEST(ScalarProgram, EqualityIsByBits) {
  ScalarProgram plus{0, {{ScalarOp::Constant, -1, -1, 0.0f}}, 0}, minus{0, {{ScalarOp::Constant, -1, -1, -0.0f}}, 0};
  EXPECT_TRUE(plus == plus);
  EXPECT_FALSE(plus == minus);
}

} // namespace
