//===- QuantDerivationTest.cpp - Codes, scales and layouts of weights -----===//
//
// Oracles: the formulas of docs/spec.md in double precision; the packers of lib/Quant on the whole weight, whose own
// oracle is the PTX ISA (test/unit/Quant); and every tiling must give the bytes of every other.
//
//===----------------------------------------------------------------------===//

#include "TestModule.h"
#include "Tiles.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"

#include <cmath>
#include <limits>

using namespace qcc;
using interp::Derivation;
using test::assemble;
using test::bytesOf;

namespace {

constexpr int64_t rows = 300, cols = 80;

struct Scheme {
  std::string text;
  int bits; ///< 0: e4m3
  int64_t blockRows, blockCols;
  std::string shape, scaleType; ///< of the scales
  bool zeros = false;
};

int64_t divideUp(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }

class QuantDerivations : public testing::Test {
protected:
  void SetUp() override { w = source.addRandom("w", {rows, cols}, 1, 7); }

  Derivation create(test::TestModule &module, llvm::StringRef name) {
    auto derivation = Derivation::create(module.symbol(name), source);
    EXPECT_TRUE(derivation) << derivation.error().message;
    return *derivation;
  }

  std::vector<float> values(const Derivation &derivation, unsigned result) {
    auto tensor = derivation.values(result);
    EXPECT_TRUE(tensor) << tensor.error().message;
    return {tensor->data().begin(), tensor->data().end()};
  }

  std::string moduleOf(const Scheme &scheme, const std::string &attributes) {
    std::string storage = scheme.bits ? "i" + std::to_string(scheme.bits) : "f8E4M3FN";
    std::string codes = "tensor<300x80x" + storage + ">", scales = "tensor<" + scheme.shape + scheme.scaleType + ">",
                types = codes + ", " + scales + (scheme.zeros ? ", tensor<" + scheme.shape + storage + ">" : ""),
                names = scheme.zeros ? "%c, %s, %z" : "%c, %s";
    return R"(
graph.parameter @w : tensor<300x80xf32> from "f" tensor "w"
graph.derived @q : )" +
           types + " {\n  %w = graph.get @w : tensor<300x80xf32>\n  " + names + " = graph.quantize %w to " +
           scheme.text + attributes + " : (tensor<300x80xf32>) -> (" + types + ")\n  graph.yield " + names + " : " +
           types + "\n}";
  }

  /// Sum of squared differences of the weight and its codes.
  double errorOf(const Scheme &scheme, const std::vector<float> &codes, const std::vector<float> &scales,
                 const std::vector<float> &zeros) {
    double sum = 0;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < cols; ++col) {
        size_t block = blockOf(scheme, row, col);
        double zero = zeros.empty() ? 0 : zeros[block];
        sum += std::pow((codes[size_t(row * cols + col)] - zero) * scales[block] - w[size_t(row * cols + col)], 2);
      }
    return sum;
  }
  static size_t blockOf(const Scheme &scheme, int64_t row, int64_t col) {
    return size_t(row / scheme.blockRows * divideUp(cols, scheme.blockCols) + col / scheme.blockCols);
  }

  test::MemorySource source;
  std::vector<float> w;
};

const Scheme kSchemes[] = {
    {"<i8, channel, scale = f32>", 8, 1, cols, "300x", "f32"},
    {"<i8, tensor, scale = f32>", 8, rows, cols, "", "f32"},
    {"<i8, group = 32, scale = bf16>", 8, 1, 32, "300x3x", "bf16"},
    {"<i4, channel, scale = bf16>", 4, 1, cols, "300x", "bf16"},
    {"<i3, group = 32, scale = bf16>", 3, 1, 32, "300x3x", "bf16"},
    {"<i2, group = 64, scale = bf16>", 2, 1, 64, "300x2x", "bf16"},
    {"<f8E4M3FN, channel, scale = f32>", 0, 1, cols, "300x", "f32"},
    {"<f8E4M3FN, tensor, scale = f32>", 0, rows, cols, "", "f32"},
    {"<f8E4M3FN, block = [128, 64], scale = f32>", 0, 128, 64, "3x2x", "f32"},
};
const Scheme kWithZeros[] = {
    {"<i4, group = 32, scale = bf16, zero_point = i4>", 4, 1, 32, "300x3x", "bf16", true},
    {"<i4, channel, scale = bf16, zero_point = i4>", 4, 1, cols, "300x", "bf16", true},
};

/// Half the distance of neighbours of a number on the e4m3 grid: 3 mantissa bits, least exponent -6.
double halfStepE4M3(double ratio) { return std::ldexp(1.0, std::max(std::ilogb(std::fabs(ratio)), -6) - 4); }

TEST_F(QuantDerivations, ScalesFollowFromTheRangeAndCodesAreTheNearest) {
  for (const Scheme &scheme : kSchemes) {
    SCOPED_TRACE(scheme.text);
    test::TestModule module(moduleOf(scheme, ""));
    Derivation derivation = create(module, "q");
    std::vector<float> codes = values(derivation, 0), scales = values(derivation, 1);
    std::vector<double> amax(scales.size(), 0);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < cols; ++col)
        amax[blockOf(scheme, row, col)] =
            std::max(amax[blockOf(scheme, row, col)], double(std::fabs(w[size_t(row * cols + col)])));
    for (size_t block = 0; block < scales.size(); ++block) {
      float scale = float(amax[block] / (scheme.bits ? (std::ldexp(1.0, scheme.bits) - 1) / 2 : 448));
      EXPECT_EQ(scales[block], scheme.scaleType == "bf16" ? quant::roundToBF16(scale) : scale);
    }
    double largest = std::ldexp(1.0, scheme.bits - 1) - 1;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < cols; ++col) {
        double ratio = double(w[size_t(row * cols + col)]) / scales[blockOf(scheme, row, col)];
        double half = scheme.bits ? 0.5 : halfStepE4M3(ratio);
        double nearest = scheme.bits ? std::clamp(ratio, -largest - 1, largest) : std::clamp(ratio, -448.0, 448.0);
        ASSERT_LE(std::fabs(codes[size_t(row * cols + col)] - nearest), half * (1 + 1e-5)) << row << " " << col;
      }
  }
}

TEST_F(QuantDerivations, ZeroPointsCoverTheRange) {
  for (float &value : w)
    value += 1; // all ranges are lopsided
  source.add("w", DType::F32, {rows, cols}, w);
  for (const Scheme &scheme : kWithZeros) {
    SCOPED_TRACE(scheme.text);
    test::TestModule module(moduleOf(scheme, ""));
    Derivation derivation = create(module, "q");
    std::vector<float> codes = values(derivation, 0), scales = values(derivation, 1), zeros = values(derivation, 2);
    std::vector<double> low(scales.size(), 0), high(scales.size(), 0);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < cols; ++col) {
        double value = w[size_t(row * cols + col)];
        size_t block = blockOf(scheme, row, col);
        low[block] = std::min(low[block], value);
        high[block] = std::max(high[block], value);
      }
    for (size_t block = 0; block < scales.size(); ++block) {
      EXPECT_EQ(scales[block], quant::roundToBF16(float((high[block] - low[block]) / 15)));
      EXPECT_EQ(zeros[block], std::clamp(std::nearbyint(-8 - low[block] / scales[block]), -8.0, 7.0));
    }
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < cols; ++col) {
        size_t block = blockOf(scheme, row, col);
        float code = codes[size_t(row * cols + col)];
        EXPECT_TRUE(code >= -8 && code <= 7) << code;
        // Rounding of the zero point and of the scale (2^-9 over 15 steps) may clip half a step each at an end.
        EXPECT_NEAR((code - zeros[block]) * scales[block], w[size_t(row * cols + col)], scales[block] * 1.05);
      }
  }
}

TEST_F(QuantDerivations, SearchedScalesHaveASmallerError) {
  std::vector<Scheme> schemes(std::begin(kSchemes), std::end(kSchemes));
  schemes.insert(schemes.end(), std::begin(kWithZeros), std::end(kWithZeros));
  for (const Scheme &scheme : schemes) {
    SCOPED_TRACE(scheme.text);
    double errors[2];
    for (int searched : {0, 1}) {
      test::TestModule module(moduleOf(scheme, searched ? " {search}" : ""));
      Derivation derivation = create(module, "q");
      errors[searched] = errorOf(scheme, values(derivation, 0), values(derivation, 1),
                                 scheme.zeros ? values(derivation, 2) : std::vector<float>());
    }
    EXPECT_LT(errors[1], errors[0]);
  }
}

TEST_F(QuantDerivations, BytesDoNotDependOnTheTiles) {
  std::vector<Scheme> schemes(std::begin(kSchemes), std::end(kSchemes));
  schemes.insert(schemes.end(), std::begin(kWithZeros), std::end(kWithZeros));
  for (const Scheme &scheme : schemes)
    for (const char *attributes : {"", " {search}"}) {
      SCOPED_TRACE(scheme.text + attributes);
      test::TestModule module(moduleOf(scheme, attributes));
      Derivation derivation = create(module, "q");
      bool perTensor = scheme.shape.empty();
      EXPECT_EQ(derivation.rows(), perTensor ? 1 : rows);
      EXPECT_EQ(derivation.rowMultiple(), perTensor ? 1 : scheme.blockRows);
      auto whole = assemble(derivation, derivation.rows());
      auto all = derivation.values();
      ASSERT_TRUE(all) << all.error().message;
      for (unsigned result = 0; result < all->size(); ++result)
        EXPECT_TRUE(std::ranges::equal((*all)[result].data(), values(derivation, result)));
      EXPECT_EQ(assemble(derivation, derivation.rowMultiple()), whole);
      std::vector<int8_t> codes;
      for (float code : values(derivation, 0))
        codes.push_back(scheme.bits ? int8_t(code) : int8_t(quant::floatToE4M3(code)));
      EXPECT_EQ(whole[0], bytesOf(codes));
    }
}

TEST_F(QuantDerivations, EachLayoutIsItsPackersBytesForEveryTiling) {
  test::TestModule module(R"(
graph.parameter @w : tensor<300x80xf32> from "f" tensor "w"
graph.derived @q8 : tensor<300x80xi8>, tensor<f32> {
  %w = graph.get @w : tensor<300x80xf32>
  %c, %s = graph.quantize %w to <i8, channel, scale = f32> : (tensor<300x80xf32>) -> (tensor<300x80xi8>, tensor<300xf32>)
  %c1, %t = graph.quantize %w to <i8, tensor, scale = f32> : (tensor<300x80xf32>) -> (tensor<300x80xi8>, tensor<f32>)
  graph.yield %c, %t : tensor<300x80xi8>, tensor<f32>
}
graph.derived @p8 : tensor<40960xi8>, tensor<40960xi8> {
  %c, %t = graph.get @q8 : tensor<300x80xi8>, tensor<f32>
  %a = graph.pack %c as <fragment, s8> : tensor<300x80xi8> -> tensor<40960xi8>
  %b = graph.pack %c as <fragment, s8_bf16> : tensor<300x80xi8> -> tensor<40960xi8>
  graph.yield %a, %b : tensor<40960xi8>, tensor<40960xi8>
}
graph.derived @tensor_scale : tensor<1280xi8> {
  %c, %t = graph.get @q8 : tensor<300x80xi8>, tensor<f32>
  %v = graph.broadcast %t : tensor<f32> -> tensor<300xf32>
  %s = graph.pack %v as <scales_channel> : tensor<300xf32> -> tensor<1280xi8>
  graph.yield %s : tensor<1280xi8>
}
graph.derived @q4 : tensor<300x80xi4>, tensor<300xbf16>, tensor<300xi4> {
  %w = graph.get @w : tensor<300x80xf32>
  %c, %s, %z = graph.quantize %w to <i4, channel, scale = bf16, zero_point = i4> {search} : (tensor<300x80xf32>) -> (tensor<300x80xi4>, tensor<300xbf16>, tensor<300xi4>)
  graph.yield %c, %s, %z : tensor<300x80xi4>, tensor<300xbf16>, tensor<300xi4>
}
graph.derived @p4 : tensor<20480xi8>, tensor<640xi8>, tensor<640xi8> {
  %c, %s, %z = graph.get @q4 : tensor<300x80xi4>, tensor<300xbf16>, tensor<300xi4>
  %a = graph.pack %c as <fragment, s4_e4m3> : tensor<300x80xi4> -> tensor<20480xi8>
  %s1 = graph.reshape %s : tensor<300xbf16> -> tensor<300x1xbf16>
  %z1 = graph.reshape %z : tensor<300xi4> -> tensor<300x1xi4>
  %b = graph.pack %s1 as <scales_group> : tensor<300x1xbf16> -> tensor<640xi8>
  %d = graph.pack %z1 as <zeros_group> : tensor<300x1xi4> -> tensor<640xi8>
  graph.yield %a, %b, %d : tensor<20480xi8>, tensor<640xi8>, tensor<640xi8>
}
graph.derived @qb : tensor<300x80xf8E4M3FN>, tensor<3x1xf32> {
  %w = graph.get @w : tensor<300x80xf32>
  %c, %s = graph.quantize %w to <f8E4M3FN, block = [128, 128], scale = f32> : (tensor<300x80xf32>) -> (tensor<300x80xf8E4M3FN>, tensor<3x1xf32>)
  graph.yield %c, %s : tensor<300x80xf8E4M3FN>, tensor<3x1xf32>
}
graph.derived @pb : tensor<40960xi8>, tensor<12xi8> {
  %c, %s = graph.get @qb : tensor<300x80xf8E4M3FN>, tensor<3x1xf32>
  %a = graph.pack %c as <fragment, e4m3> : tensor<300x80xf8E4M3FN> -> tensor<40960xi8>
  %b = graph.pack %s as <scales_block> : tensor<3x1xf32> -> tensor<12xi8>
  graph.yield %a, %b : tensor<40960xi8>, tensor<12xi8>
})");
  auto numbers = [&](const char *name, unsigned result, auto convert) {
    std::vector<decltype(convert(0.0f))> out;
    for (float value : values(create(module, name), result))
      out.push_back(convert(value));
    return out;
  };
  auto toCode = [](float value) { return int8_t(value); };
  auto fragments = [&](quant::FragmentFormat format, auto pack, const auto &codes) {
    std::vector<uint8_t> out(size_t(quant::packedBytes(format, quant::paddedRows(rows), cols)));
    pack(codes, rows, cols, out);
    return bytesOf(out);
  };
  auto expectAlike = [&](const char *name, int64_t multiple, const std::vector<std::vector<std::byte>> &expected) {
    Derivation derivation = create(module, name);
    EXPECT_EQ(derivation.rowMultiple(), multiple) << name;
    for (int64_t tile = multiple; tile < 384; tile += multiple)
      EXPECT_EQ(assemble(derivation, tile), expected) << name << " in tiles of " << tile;
  };
  std::vector<int8_t> c8 = numbers("q8", 0, toCode), c4 = numbers("q4", 0, toCode), z4 = numbers("q4", 2, toCode);
  expectAlike("p8", 64,
              {fragments(quant::FragmentFormat::S8, quant::packFragmentsS8, c8),
               fragments(quant::FragmentFormat::S8ToBF16, quant::packFragmentsS8ToBF16, c8)});

  std::vector<float> tensorScale = values(create(module, "q8"), 1), channel(320, 1.0f);
  std::fill_n(channel.begin(), rows, tensorScale[0]);
  EXPECT_EQ(create(module, "tensor_scale").rows(), 1);
  EXPECT_EQ(assemble(create(module, "tensor_scale"), 1)[0], bytesOf(channel));

  std::vector<uint16_t> scales = numbers("q4", 1, quant::floatToBF16), packedScales(320), packedZeros(320);
  quant::packGroupScales(scales, rows, 1, packedScales);
  quant::packGroupZeros(z4, rows, 1, packedZeros);
  expectAlike("p4", 64,
              {fragments(quant::FragmentFormat::S4ToE4M3, quant::packFragmentsS4ToE4M3, c4), bytesOf(packedScales),
               bytesOf(packedZeros)});
  expectAlike("pb", 128,
              {fragments(quant::FragmentFormat::E4M3, quant::packFragmentsE4M3, numbers("qb", 0, quant::floatToE4M3)),
               bytesOf(values(create(module, "qb"), 1))});
}

TEST_F(QuantDerivations, SparseWeightsPackValuesAndMetadata) {
  const std::string text = R"(
graph.parameter @w : tensor<300x80xf32> from "f" tensor "w"
graph.derived @pruned : tensor<300x80xbf16> {
  %w = graph.get @w : tensor<300x80xf32>
  %y = graph.cast %w : tensor<300x80xf32> -> tensor<300x80xbf16>
  graph.yield %y : tensor<300x80xbf16>
}
graph.derived @p : tensor<40960xi8>, tensor<5120xi8>, tensor<20480xi8>, tensor<5120xi8> {
  %w = graph.get @pruned : tensor<300x80xbf16>
  %v = graph.pack %w as <fragment, bf16_24> : tensor<300x80xbf16> -> tensor<40960xi8>
  %m = graph.pack %w as <metadata24, bf16_24> : tensor<300x80xbf16> -> tensor<5120xi8>
  %c, %s = graph.quantize %w to <i8, channel, scale = f32> : (tensor<300x80xbf16>) -> (tensor<300x80xi8>, tensor<300xf32>)
  %cv = graph.pack %c as <fragment, s8_24> : tensor<300x80xi8> -> tensor<20480xi8>
  %cm = graph.pack %c as <metadata24, s8_24> : tensor<300x80xi8> -> tensor<5120xi8>
  graph.yield %v, %m, %cv, %cm : tensor<40960xi8>, tensor<5120xi8>, tensor<20480xi8>, tensor<5120xi8>
})";
  for (size_t i = 0; i < w.size(); ++i)
    if (i % 4 == i / 4 % 4 || i % 4 == (i / 4 + 1 + i / 80 % 2) % 4)
      w[i] = 0;
  source.add("w", DType::F32, {rows, cols}, w);
  std::vector<uint16_t> bf16;
  for (float value : w)
    bf16.push_back(quant::floatToBF16(value));
  std::vector<uint8_t> packed(size_t(quant::packedBytes(quant::FragmentFormat::BF16Sparse, 320, cols))),
      metadata(size_t(quant::metadataBytes(320, cols)));
  ASSERT_TRUE(quant::packFragmentsBF16Sparse(bf16, rows, cols, packed));
  ASSERT_TRUE(quant::packMetadataBF16(bf16, rows, cols, metadata));

  test::TestModule module(text);
  Derivation derivation = create(module, "p");
  auto whole = assemble(derivation, 320);
  EXPECT_EQ(whole[0], bytesOf(packed));
  EXPECT_EQ(whole[1], bytesOf(metadata));
  EXPECT_EQ(assemble(derivation, 64), whole);

  w[201 * 80 + 40] = w[201 * 80 + 41] = w[201 * 80 + 42] = 1;
  source.add("w", DType::F32, {rows, cols}, w);
  Derivation broken = create(module, "p");
  EXPECT_TRUE(broken.evaluate(0, 192));
  auto refused = broken.evaluate(192, 256);
  ASSERT_FALSE(refused);
  for (const char *part : {"'p'", "row 201", "columns 40 to 43"})
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
}

TEST_F(QuantDerivations, BroadcastGivesEachRowItsFactor) {
  std::vector<float> factors = source.addRandom("s", {rows}, 1, 9);
  test::TestModule module(R"(
graph.parameter @w : tensor<300x80xf32> from "f" tensor "w"
graph.parameter @s : tensor<300xf32> from "f" tensor "s"
graph.derived @y : tensor<300x80xf32> {
  %w = graph.get @w : tensor<300x80xf32>
  %s = graph.get @s : tensor<300xf32>
  %b = graph.broadcast %s : tensor<300xf32> -> tensor<300x80xf32>
  %y = graph.mul %w, %b : (tensor<300x80xf32>, tensor<300x80xf32>) -> tensor<300x80xf32>
  graph.yield %y : tensor<300x80xf32>
})");
  std::vector<float> expected;
  for (size_t i = 0; i < w.size(); ++i)
    expected.push_back(w[i] * factors[i / cols]);
  Derivation derivation = create(module, "y");
  for (int64_t tile : {7, 300})
    EXPECT_EQ(assemble(derivation, tile)[0], bytesOf(expected));
}

TEST_F(QuantDerivations, StoredCodesAreBytesInRange) {
  source.add<int8_t>("c", DType::I8, {2, 4}, {-4, 3, 0, 1, 2, 4, -5, -1});
  source.add<uint8_t>("e", DType::E4M3, {4}, {0x00, 0x80, 0x7e, 0x7f});
  auto outcome = [&](const std::string &type, const char *tensor, int64_t begin, int64_t end) {
    test::TestModule module("graph.parameter @w : " + type + " from \"f\" tensor \"" + tensor + "\"");
    auto derivation = Derivation::create(module.symbol("w"), source);
    if (!derivation)
      return derivation.error().message;
    auto pieces = derivation->evaluate(begin, end);
    return pieces ? std::to_string(pieces->front().bytes.size()) + " bytes" : pieces.error().message;
  };
  EXPECT_EQ(outcome("tensor<2x4xi8>", "c", 0, 2), "8 bytes");
  EXPECT_EQ(outcome("tensor<2x4xi4>", "c", 0, 2), "8 bytes");
  EXPECT_EQ(outcome("tensor<2x4xi3>", "c", 0, 1), "4 bytes");
  EXPECT_EQ(outcome("tensor<4xf8E4M3FN>", "e", 0, 3), "3 bytes");
  auto expectRefused = [](const std::string &message, const char *part) {
    EXPECT_NE(message.find(part), std::string::npos) << message;
  };
  expectRefused(outcome("tensor<2x4xi3>", "c", 1, 2), "code 4 in 'c' at [1, 1] is outside the range -4 to 3 of i3");
  expectRefused(outcome("tensor<2x4xi2>", "c", 0, 2), "code -4 in 'c' at [0, 0] is outside the range -2 to 1 of i2");
  expectRefused(outcome("tensor<4xf8E4M3FN>", "e", 0, 4), "first is NaN at [3]");
  expectRefused(outcome("tensor<2x4xf8E4M3FN>", "c", 0, 2), "is i8 [2, 4] in the file, but f8E4M3FN");
  expectRefused(outcome("tensor<4xi4>", "e", 0, 4), "is f8E4M3FN [4] in the file, but i8");
}

} // namespace
