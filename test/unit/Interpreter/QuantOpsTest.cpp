//===- QuantOpsTest.cpp - Codes of activations and products of codes ------===//
//
// Oracles: the formulas of docs/spec.md; integer arithmetic.
//
//===----------------------------------------------------------------------===//

#include "TestModule.h"
#include "qcc/Interpreter/Session.h"
#include "qcc/Quant/Formats.h"

#include <cmath>

using namespace qcc;

namespace {

constexpr int tokens = 5;

/// Results of ops marked {probe}, in order, or the error's text.
struct Outcome {
  std::vector<std::vector<float>> probes;
  std::string error;
};

class QuantOps : public testing::TestWithParam<interp::Precision> {
protected:
  /// `body` may use %x: rows 0 … 4 of the parameter x, f32 [T, columns].
  Outcome run(int columns, const std::string &symbols, const std::string &body) {
    std::string width = std::to_string(columns);
    std::string all = "graph.parameter @x : tensor<5x" + width + "xf32> from \"f\" tensor \"x\"\n" + symbols;
    std::string text = "  %xt = graph.get @x : tensor<5x" + width + "xf32>\n" +
                       "  %x = graph.embedding %tokens, %xt : (tensor<?xi32>, tensor<5x" + width +
                       "xf32>) -> tensor<?x" + width + "xf32>\n" + body +
                       "\n  %logits = graph.gather_rows %x at %rows : (tensor<?x" + width +
                       "xf32>, tensor<?xi32>) -> tensor<?x" + width + "xf32>";
    test::TestModule module(test::forward(all, text, columns));
    Outcome outcome;
    interp::Options options;
    options.precision = GetParam();
    options.observer = [&](mlir::Operation *op, unsigned, std::span<const int64_t>, std::span<const float> data) {
      if (op->hasAttr("probe"))
        outcome.probes.emplace_back(data.begin(), data.end());
    };
    auto interpreter = interp::Interpreter::create(*module.module, source, options);
    if (!interpreter) {
      outcome.error = interpreter.error().message;
      return outcome;
    }
    interp::Session session(**interpreter);
    auto step = session.append(std::vector<int32_t>{0, 1, 2, 3, 4});
    if (!step)
      outcome.error = step.error().message;
    return outcome;
  }

  test::MemorySource source;
};

TEST_P(QuantOps, Int8PerToken) {
  std::vector<float> x = source.addRandom("x", {tokens, 6}, 2, 1);
  x[6] = -x[7];                 // equal codes but for the sign
  std::fill_n(&x[12], 6, 0.0f); // the scale would be zero
  source.add("x", DType::F32, {tokens, 6}, x);
  Outcome outcome = run(6, "", R"(
  %r = graph.sqrt %x : tensor<?x6xf32> -> tensor<?x6xf32>
  %c, %s = graph.quantize %x to <i8, token, scale = f32, dynamic> {probe} : (tensor<?x6xf32>) -> (tensor<?x6xi8>, tensor<?xf32>)
  %cn, %sn = graph.quantize %r to <i8, token, scale = f32, dynamic> {probe} : (tensor<?x6xf32>) -> (tensor<?x6xi8>, tensor<?xf32>))");
  ASSERT_EQ(outcome.probes.size(), 4u) << outcome.error;
  for (int t = 0; t < tokens; ++t) {
    float amax = 0;
    bool hasNegative = false;
    for (int i = 0; i < 6; ++i) {
      amax = std::max(amax, std::fabs(x[size_t(t * 6 + i)]));
      hasNegative |= x[size_t(t * 6 + i)] < 0;
    }
    float scale = amax == 0 ? 1.0f : amax / 127;
    EXPECT_EQ(outcome.probes[1][size_t(t)], scale);
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(outcome.probes[0][size_t(t * 6 + i)], std::nearbyint(x[size_t(t * 6 + i)] / scale));
    // The square root of a negative number is NaN, which makes its whole row NaN.
    EXPECT_EQ(std::isnan(outcome.probes[3][size_t(t)]), hasNegative);
    for (int i = 0; hasNegative && i < 6; ++i)
      EXPECT_EQ(outcome.probes[2][size_t(t * 6 + i)], 0);
  }
}

TEST_P(QuantOps, E4M3PerGroupWithAShortLastOne) {
  std::vector<float> x = source.addRandom("x", {tokens, 6}, 2, 2);
  Outcome outcome = run(6, "", R"(
  %c, %s = graph.quantize %x to <f8E4M3FN, group = 4, scale = f32, dynamic> {probe} : (tensor<?x6xf32>) -> (tensor<?x6xf8E4M3FN>, tensor<?x2xf32>)
  %y = graph.dequantize %c scale %s from <f8E4M3FN, group = 4, scale = f32, dynamic> {probe} : (tensor<?x6xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xf32>)");
  ASSERT_EQ(outcome.probes.size(), 3u) << outcome.error;
  for (int t = 0; t < tokens; ++t)
    for (int group = 0; group < 2; ++group) {
      float amax = 0;
      for (int i = group * 4; i < std::min(6, group * 4 + 4); ++i)
        amax = std::max(amax, std::fabs(x[size_t(t * 6 + i)]));
      float scale = amax / 448;
      EXPECT_EQ(outcome.probes[1][size_t(t * 2 + group)], scale);
      for (int i = group * 4; i < std::min(6, group * 4 + 4); ++i) {
        float code = quant::e4m3ToFloat(quant::floatToE4M3(x[size_t(t * 6 + i)] / scale));
        EXPECT_EQ(outcome.probes[0][size_t(t * 6 + i)], code);
        EXPECT_EQ(outcome.probes[2][size_t(t * 6 + i)], code * scale);
      }
    }
}

TEST_P(QuantOps, StaticScalesSaturate) {
  std::vector<float> x = source.addRandom("x", {tokens, 6}, 100, 3);
  x[0] = -1e6f;
  x[1] = 1e6f;
  source.add("x", DType::F32, {tokens, 6}, x);
  source.add<float>("s", DType::F32, {}, {0.75f});
  Outcome outcome = run(6, "graph.parameter @s : tensor<f32> from \"f\" tensor \"s\"\n", R"(
  %s = graph.get @s : tensor<f32>
  %a = graph.quantize %x scale %s to <i8, tensor, scale = f32> {probe} : (tensor<?x6xf32>, tensor<f32>) -> tensor<?x6xi8>
  %b = graph.quantize %x scale %s to <f8E4M3FN, tensor, scale = f32> {probe} : (tensor<?x6xf32>, tensor<f32>) -> tensor<?x6xf8E4M3FN>)");
  ASSERT_EQ(outcome.probes.size(), 2u) << outcome.error;
  for (size_t i = 0; i < x.size(); ++i) {
    EXPECT_EQ(outcome.probes[0][i], std::clamp(std::nearbyint(x[i] / 0.75f), -127.0f, 127.0f));
    EXPECT_EQ(outcome.probes[1][i], quant::e4m3ToFloat(quant::floatToE4M3(x[i] / 0.75f)));
  }
}

TEST_P(QuantOps, ZeroPointsAreSubtractedFromStoredCodes) {
  source.addRandom("x", {tokens, 8}, 1, 4);
  std::vector<int8_t> codes, zeros{-8, 7, 3, 0, 1, -1, 2, 4, -3, 5};
  for (int i = 0; i < tokens * 8; ++i)
    codes.push_back(int8_t(i % 16 - 8));
  std::vector<float> scales{0.5f, -0.25f, 2, 1, -1, 3, 0.125f, 4, -2, 1}; // a searched scale may be negative
  source.add("c", DType::I8, {tokens, 8}, codes);
  source.add("z", DType::I8, {tokens, 2}, zeros);
  source.add("s", DType::F32, {tokens, 2}, scales);
  Outcome outcome = run(8, R"(
graph.parameter @c : tensor<5x8xi4> from "quantized/f" tensor "c"
graph.parameter @z : tensor<5x2xi4> from "quantized/f" tensor "z"
graph.parameter @s : tensor<5x2xf32> from "quantized/f" tensor "s"
)",
                        R"(
  %c = graph.get @c : tensor<5x8xi4>
  %z = graph.get @z : tensor<5x2xi4>
  %s = graph.get @s : tensor<5x2xf32>
  %w = graph.dequantize %c scale %s zero %z from <i4, group = 4, scale = f32, zero_point = i4> : (tensor<5x8xi4>, tensor<5x2xf32>, tensor<5x2xi4>) -> tensor<5x8xf32>
  %y = graph.embedding %tokens, %w {probe} : (tensor<?xi32>, tensor<5x8xf32>) -> tensor<?x8xf32>)");
  ASSERT_EQ(outcome.probes.size(), 1u) << outcome.error;
  for (size_t i = 0; i < codes.size(); ++i)
    EXPECT_EQ(outcome.probes[0][i], float(codes[i] - zeros[i / 4]) * scales[i / 4]);
}

TEST_P(QuantOps, SumsOfInt8ProductsAreExact) {
  // Sums beyond 2^24, which f32 partial sums would round; all scales are 1.
  constexpr int k = 16384, n = 32;
  std::vector<float> x(size_t(tokens) * k);
  std::vector<int8_t> codes(size_t(n) * k);
  std::mt19937 engine(5);
  for (float &value : x)
    value = float(int(engine() % 128));
  for (int t = 0; t < tokens; ++t)
    x[size_t(t) * k] = 127; // amax, so that the scale is 1
  for (int8_t &code : codes)
    code = int8_t(engine() % 128);
  source.add("x", DType::F32, {tokens, k}, x);
  source.add("c", DType::I8, {n, k}, codes);
  source.add("s", DType::F32, {n}, std::vector<float>(n, 1.0f));
  Outcome outcome = run(k, R"(
graph.parameter @c : tensor<32x16384xi8> from "quantized/f" tensor "c"
graph.parameter @s : tensor<32xf32> from "quantized/f" tensor "s"
)",
                        R"(
  %c = graph.get @c : tensor<32x16384xi8>
  %s = graph.get @s : tensor<32xf32>
  %w = graph.dequantize %c scale %s from <i8, channel, scale = f32> : (tensor<32x16384xi8>, tensor<32xf32>) -> tensor<32x16384xf32>
  %q, %sx = graph.quantize %x to <i8, token, scale = f32, dynamic> : (tensor<?x16384xf32>) -> (tensor<?x16384xi8>, tensor<?xf32>)
  %d = graph.dequantize %q scale %sx from <i8, token, scale = f32, dynamic> : (tensor<?x16384xi8>, tensor<?xf32>) -> tensor<?x16384xf32>
  %y = graph.linear %d, %w {probe} : (tensor<?x16384xf32>, tensor<32x16384xf32>) -> tensor<?x32xf32>)");
  ASSERT_EQ(outcome.probes.size(), 1u) << outcome.error;
  for (int t = 0; t < tokens; ++t)
    for (int i = 0; i < n; ++i) {
      int64_t sum = 0;
      for (int col = 0; col < k; ++col)
        sum += int64_t(x[size_t(t * k + col)]) * codes[size_t(i * k + col)];
      EXPECT_GT(sum, 1 << 24);
      EXPECT_EQ(outcome.probes[0][size_t(t * n + i)], float(sum)) << t << " " << i;
    }
}

TEST_P(QuantOps, ALinearMarkedSparseMustBe) {
  source.addRandom("x", {tokens, 6}, 1, 6);
  // A short last group of columns keeps at most two as well; the bias is not looked at.
  std::vector<float> w{1, 0, 0, 2, 3, 4, /**/ 0, 1, 2, 0, 0, 5};
  auto outcome = [&] {
    source.add("w", DType::F32, {2, 6}, w);
    source.add<float>("b", DType::F32, {2}, {1, 2});
    return run(6, R"(
graph.parameter @w : tensor<2x6xf32> from "f" tensor "w"
graph.parameter @b : tensor<2xf32> from "f" tensor "b"
)",
               R"(
  %w = graph.get @w : tensor<2x6xf32>
  %b = graph.get @b : tensor<2xf32>
  %y = graph.linear %x, %w bias %b {name = "up_proj", sparse24} : (tensor<?x6xf32>, tensor<2x6xf32>, tensor<2xf32>) -> tensor<?x2xf32>)")
        .error;
  };
  EXPECT_EQ(outcome(), "");
  w[6] = -1;
  std::string error = outcome();
  for (const char *part : {"up_proj", "row 1", "columns 0 to 3"})
    EXPECT_NE(error.find(part), std::string::npos) << error;
}

TEST_P(QuantOps, SchemesWithoutAQuantizerAreNamed) {
  source.addRandom("x", {tokens, 6}, 1, 7);
  std::string error = run(6, "", R"(
  %c, %s = graph.quantize %x to <i4, token, scale = f32, dynamic> : (tensor<?x6xf32>) -> (tensor<?x6xi4>, tensor<?xf32>))")
                          .error;
  EXPECT_NE(error.find("no quantizer computes scales for #graph.scheme<i4, token, scale = f32, dynamic>"),
            std::string::npos)
      << error;
}

INSTANTIATE_TEST_SUITE_P(Precisions, QuantOps, testing::Values(interp::Precision::F32, interp::Precision::F64),
                         [](const auto &info) { return info.param == interp::Precision::F32 ? "f32" : "f64"; });

} // namespace
