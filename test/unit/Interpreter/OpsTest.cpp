//===- OpsTest.cpp - Each op against its formula --------------------------===//
//
// Ops run inside `forward` on rows of random tables; the observer hands out their results. Oracle: docs/spec.md's
// formulas in double precision.
//
//===----------------------------------------------------------------------===//

#include "TestModule.h"
#include "qcc/Interpreter/Session.h"
#include "qcc/Quant/Formats.h"

#include <cmath>
#include <numbers>
#include <numeric>

using namespace qcc;

namespace {

constexpr int rows = 5, columns = 6; ///< tokens 0…4 read the rows of x in order

class Ops : public testing::TestWithParam<interp::Precision> {
protected:
  void SetUp() override {
    x = source.addRandom("x", {rows, columns}, 2, 1);
    y = source.addRandom("y", {rows, columns}, 1, 2);
    w = source.addRandom("w", {3, columns}, 1, 3);
    v = source.addRandom("v", {columns}, 1, 4);
    b = source.addRandom("b", {3}, 1, 5);
  }

  /// Result 0 of the op in `text`, which may use %x, %y (f32 [T, 6]), %xh (bf16), %w [3, 6], %v [6], %b [3],
  /// %positions.
  std::vector<float> run(const std::string &text, std::vector<int64_t> shape, unsigned result = 0) {
    std::string symbols, gets;
    for (auto [name, type] : {std::pair{"x", "5x6"}, {"y", "5x6"}, {"w", "3x6"}, {"v", "6"}, {"b", "3"}}) {
      symbols +=
          std::string("graph.parameter @") + name + " : tensor<" + type + "xf32> from \"f\" tensor \"" + name + "\"\n";
      gets += std::string("  %") + name + (*type == '5' ? "t" : "") + " = graph.get @" + name + " : tensor<" + type +
              "xf32>\n";
    }
    std::string body = gets + R"(
  %x = graph.embedding %tokens, %xt : (tensor<?xi32>, tensor<5x6xf32>) -> tensor<?x6xf32>
  %y = graph.embedding %tokens, %yt : (tensor<?xi32>, tensor<5x6xf32>) -> tensor<?x6xf32>
  %xh = graph.cast %x : tensor<?x6xf32> -> tensor<?x6xbf16>
  )" + text + R"( {probe}
  %logits = graph.gather_rows %x at %rows : (tensor<?x6xf32>, tensor<?xi32>) -> tensor<?x6xf32>)";
    size_t colon = body.rfind(" : ", body.rfind("{probe}"));
    body.erase(body.rfind(" {probe}"), 8);
    body.insert(colon, " {probe}");
    test::TestModule module(test::forward(symbols, body, columns));
    std::vector<float> values;
    interp::Options options;
    options.precision = GetParam();
    options.observer = [&](mlir::Operation *op, unsigned index, std::span<const int64_t> found,
                           std::span<const float> data) {
      if (!op->hasAttr("probe") || index != result)
        return;
      values.assign(data.begin(), data.end());
      EXPECT_EQ(std::vector<int64_t>(found.begin(), found.end()), shape);
    };
    auto interpreter = interp::Interpreter::create(*module.module, source, options);
    EXPECT_TRUE(interpreter) << interpreter.error().message;
    interp::Session session(**interpreter);
    auto step = session.append(std::vector<int32_t>{0, 1, 2, 3, 4});
    EXPECT_TRUE(step) << step.error().message;
    return values;
  }

  void expectNear(const std::vector<float> &actual, const std::vector<double> &expected) {
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i)
      EXPECT_NEAR(actual[i], expected[i], 1e-6 * (1 + std::fabs(expected[i]))) << i;
  }

  test::MemorySource source;
  std::vector<float> x, y, w, v, b;
};

TEST_P(Ops, Unary) {
  const std::string type = " : tensor<?x6xf32> -> tensor<?x6xf32>";
  auto check = [&](const std::string &op, auto formula) {
    std::vector<double> expected;
    for (float value : x)
      expected.push_back(formula(double(value)));
    expectNear(run("%z = graph." + op + type, {rows, columns}), expected);
  };
  check("silu %x", [](double a) { return a / (1 + std::exp(-a)); });
  check("gelu %x", [](double a) { return a * 0.5 * std::erfc(-a / std::numbers::sqrt2); });
  check("gelu %x approximate",
        [](double a) { return 0.5 * a * (1 + std::tanh(0.7978845608028654 * (a + 0.044715 * a * a * a))); });
  check("relu %x", [](double a) { return a > 0 ? a : 0; });
  check("sigmoid %x", [](double a) { return 1 / (1 + std::exp(-a)); });
  check("tanh %x", [](double a) { return std::tanh(a); });
  check("exp %x", [](double a) { return std::exp(a); });
  check("neg %x", [](double a) { return -a; });
}

TEST_P(Ops, Binary) {
  auto check = [&](const std::string &op, auto formula) {
    std::vector<double> both, vector;
    for (size_t i = 0; i < x.size(); ++i) {
      both.push_back(formula(double(x[i]), double(y[i])));
      vector.push_back(formula(double(x[i]), double(v[i % columns])));
    }
    expectNear(
        run("%z = graph." + op + " %x, %y : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>", {rows, columns}),
        both);
    expectNear(
        run("%z = graph." + op + " %x, %v : (tensor<?x6xf32>, tensor<6xf32>) -> tensor<?x6xf32>", {rows, columns}),
        vector);
  };
  check("add", [](double l, double r) { return l + r; });
  check("sub", [](double l, double r) { return l - r; });
  check("mul", [](double l, double r) { return l * r; });
  check("div", [](double l, double r) { return l / r; });
  check("max", [](double l, double r) { return std::max(l, r); });
  check("min", [](double l, double r) { return std::min(l, r); });
}

TEST_P(Ops, LinearAddsItsBias) {
  std::vector<double> expected;
  for (int t = 0; t < rows; ++t)
    for (int n = 0; n < 3; ++n) {
      double sum = b[size_t(n)];
      for (int k = 0; k < columns; ++k)
        sum += double(x[size_t(t * columns + k)]) * w[size_t(n * columns + k)];
      expected.push_back(sum);
    }
  expectNear(
      run("%z = graph.linear %x, %w bias %b : (tensor<?x6xf32>, tensor<3x6xf32>, tensor<3xf32>) -> tensor<?x3xf32>",
          {rows, 3}),
      expected);
}

TEST_P(Ops, RmsNormOfEachRow) {
  std::vector<double> expected;
  for (int t = 0; t < rows; ++t) {
    double squares = 0;
    for (int i = 0; i < columns; ++i)
      squares += std::pow(double(x[size_t(t * columns + i)]), 2);
    for (int i = 0; i < columns; ++i)
      expected.push_back(x[size_t(t * columns + i)] / std::sqrt(squares / columns + 0.25) * v[size_t(i)]);
  }
  expectNear(run("%z = graph.rms_norm %x, %v eps 2.5e-01 : (tensor<?x6xf32>, tensor<6xf32>) -> tensor<?x6xf32>",
                 {rows, columns}),
             expected);
}

TEST_P(Ops, SoftmaxAndReduceAlongAnAxis) {
  for (int axis : {0, 1}) {
    auto lane = [&](int i) { return axis == 0 ? i % columns : i / columns; };
    std::vector<double> sums(columns, 0), totals(columns, 0), largest(columns, -1e30), softmax;
    for (int i = 0; i < rows * columns; ++i) {
      sums[size_t(lane(i))] += std::exp(double(x[size_t(i)]));
      totals[size_t(lane(i))] += x[size_t(i)];
      largest[size_t(lane(i))] = std::max(largest[size_t(lane(i))], double(x[size_t(i)]));
    }
    for (int i = 0; i < rows * columns; ++i)
      softmax.push_back(std::exp(double(x[size_t(i)])) / sums[size_t(lane(i))]);
    std::string axisText = " %x axis " + std::to_string(axis);
    expectNear(run("%z = graph.softmax" + axisText + " : tensor<?x6xf32> -> tensor<?x6xf32>", {rows, columns}),
               softmax);
    int64_t size = axis == 0 ? columns : rows;
    totals.resize(size_t(size));
    largest.resize(size_t(size));
    std::string type = std::string(" : tensor<?x6xf32> -> ") + (axis == 0 ? "tensor<6xf32>" : "tensor<?xf32>");
    expectNear(run("%z = graph.reduce sum" + axisText + type, {size}), totals);
    expectNear(run("%z = graph.reduce max" + axisText + type, {size}), largest);
    for (double &total : totals)
      total /= axis == 0 ? rows : columns;
    expectNear(run("%z = graph.reduce mean" + axisText + type, {size}), totals);
  }
}

TEST_P(Ops, RopeTurnsHalvesByThePosition) {
  // x as [T, 1, 6]: pairs (i, i + 3) at frequencies 10000^(-2i/6).
  std::vector<double> expected(x.size());
  for (int t = 0; t < rows; ++t)
    for (int i = 0; i < 3; ++i) {
      double angle = t * std::pow(10000.0, -2.0 * i / 6), low = x[size_t(t * 6 + i)], high = x[size_t(t * 6 + i + 3)];
      expected[size_t(t * 6 + i)] = low * std::cos(angle) - high * std::sin(angle);
      expected[size_t(t * 6 + i + 3)] = high * std::cos(angle) + low * std::sin(angle);
    }
  expectNear(run(R"(%xr = graph.reshape %x : tensor<?x6xf32> -> tensor<?x1x6xf32>
  %z = graph.rope %xr at %positions with <default, dim = 6, theta = 1.0e+04> : (tensor<?x1x6xf32>, tensor<?xi32>) -> tensor<?x1x6xf32>)",
                 {rows, 1, 6}),
             expected);
}

TEST_P(Ops, AResultIsRoundedOnceToItsType) {
  std::vector<float> z =
      run("%z = graph.mul %xh, %xh : (tensor<?x6xbf16>, tensor<?x6xbf16>) -> tensor<?x6xbf16>", {rows, columns});
  ASSERT_EQ(z.size(), x.size());
  for (size_t i = 0; i < z.size(); ++i) {
    float input = quant::roundToBF16(x[i]); // a product of two bf16 is exact in f32
    EXPECT_EQ(z[i], quant::roundToBF16(input * input));
  }
}

TEST_P(Ops, DynamicQuantizationIsPerRow) {
  const std::string text = "%z, %s = graph.quantize %xh to <f8E4M3FN, token, scale = f32, dynamic> : "
                           "(tensor<?x6xbf16>) -> (tensor<?x6xf8E4M3FN>, tensor<?xf32>)";
  std::vector<float> codes = run(text, {rows, columns}), scales = run(text, {rows}, 1);
  ASSERT_EQ(codes.size(), x.size());
  ASSERT_EQ(scales.size(), size_t(rows));
  for (int t = 0; t < rows; ++t) {
    float amax = 0;
    for (int i = 0; i < columns; ++i)
      amax = std::max(amax, std::fabs(quant::roundToBF16(x[size_t(t * columns + i)])));
    EXPECT_EQ(scales[size_t(t)], amax / 448);
    for (int i = 0; i < columns; ++i) {
      float ratio = quant::roundToBF16(x[size_t(t * columns + i)]) / scales[size_t(t)];
      // Within half a step of e4m3 (3 mantissa bits, least exponent -6).
      float step = std::ldexp(1.0f, std::max(std::ilogb(ratio), -6) - 3);
      EXPECT_LE(std::fabs(codes[size_t(t * columns + i)] - ratio), step / 2);
    }
  }
}

TEST_P(Ops, DequantizeUndoesQuantizeWithinHalfAStep) {
  std::vector<float> z = run(
      R"(%c, %s = graph.quantize %xh to <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x6xbf16>) -> (tensor<?x6xf8E4M3FN>, tensor<?xf32>)
  %z = graph.dequantize %c scale %s from <f8E4M3FN, token, scale = f32, dynamic> : (tensor<?x6xf8E4M3FN>, tensor<?xf32>) -> tensor<?x6xf32>)",
      {rows, columns});
  ASSERT_EQ(z.size(), x.size());
  for (int t = 0; t < rows; ++t) {
    float amax = 0;
    for (int i = 0; i < columns; ++i)
      amax = std::max(amax, std::fabs(x[size_t(t * columns + i)]));
    // 2^-4 of the value, or half the least step 2^-9 of the scale amax / 448; bf16 adds 2^-9.
    for (int i = 0; i < columns; ++i) {
      float value = x[size_t(t * columns + i)];
      EXPECT_NEAR(z[size_t(t * columns + i)], value, std::max(std::fabs(value) * 0.066f, amax / 448 * 0.00105f))
          << t << " " << i;
    }
  }
}

TEST_P(Ops, ConcatAndSlice) {
  std::vector<float> joined =
      run("%z = graph.concat %x, %y axis 1 : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x12xf32>", {rows, 12});
  ASSERT_EQ(joined.size(), 60u);
  for (int t = 0; t < rows; ++t)
    for (int i = 0; i < 12; ++i)
      EXPECT_EQ(joined[size_t(t * 12 + i)], i < 6 ? x[size_t(t * 6 + i)] : y[size_t(t * 6 + i - 6)]);
  std::vector<float> part =
      run("%z = graph.slice %x axis 1 begin 2 size 3 : tensor<?x6xf32> -> tensor<?x3xf32>", {rows, 3});
  ASSERT_EQ(part.size(), 15u);
  for (int t = 0; t < rows; ++t)
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(part[size_t(t * 3 + i)], x[size_t(t * 6 + i + 2)]);
}

TEST_P(Ops, LargerAndSmallerKeepNaNOnEitherSide) {
  // sqrt of the negative values of x gives the NaN.
  for (const char *op : {"max", "min"})
    for (const char *operands : {"%y, %n", "%n, %y"}) {
      std::vector<float> z = run(std::string("%n = graph.sqrt %x : tensor<?x6xf32> -> tensor<?x6xf32>\n  %z = graph.") +
                                     op + " " + operands + " : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>",
                                 {rows, columns});
      ASSERT_EQ(z.size(), x.size());
      for (size_t i = 0; i < z.size(); ++i) {
        EXPECT_EQ(std::isnan(z[i]), x[i] < 0) << op << " " << operands << " " << i;
        if (x[i] >= 0) {
          double root = float(std::sqrt(double(x[i]))), other = y[i];
          EXPECT_FLOAT_EQ(z[i], float(op == std::string("max") ? std::fmax(root, other) : std::fmin(root, other)));
        }
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Precisions, Ops, testing::Values(interp::Precision::F32, interp::Precision::F64),
                         [](const auto &info) { return info.param == interp::Precision::F32 ? "f32" : "f64"; });

} // namespace
