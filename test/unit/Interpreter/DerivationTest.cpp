//===- DerivationTest.cpp - Weights by rows -------------------------------===//
//
// Oracles: the definition of each derivation written out in plain loops; and every tiling must give the bytes of every
// other.
//
//===----------------------------------------------------------------------===//

#include "qcc/Interpreter/Derivation.h"
#include "TestModule.h"
#include "Tiles.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Quant/Layout.h"
#include "qcc/Quant/ScaleSearch.h"

#include <cmath>

using namespace qcc;
using interp::Derivation;

namespace {

using test::assemble;
using test::bytesOf;

class Derivations : public testing::Test {
protected:
  Derivation create(test::TestModule &module, llvm::StringRef name) {
    auto derivation = Derivation::create(module.symbol(name), source);
    EXPECT_TRUE(derivation) << derivation.error().message;
    return *derivation;
  }
  test::MemorySource source;
};

const char *int4Text = R"(
graph.parameter @a : tensor<70x80xf32> from "f" tensor "a"
graph.parameter @b : tensor<30x80xf32> from "f" tensor "b"
graph.derived @q : tensor<100x80xi4>, tensor<100x3xbf16> {
  %a = graph.get @a : tensor<70x80xf32>
  %b = graph.get @b : tensor<30x80xf32>
  %w = graph.concat %a, %b axis 0 : (tensor<70x80xf32>, tensor<30x80xf32>) -> tensor<100x80xf32>
  %c, %s = graph.quantize %w to <i4, group = 32, scale = bf16> : (tensor<100x80xf32>) -> (tensor<100x80xi4>, tensor<100x3xbf16>)
  graph.yield %c, %s : tensor<100x80xi4>, tensor<100x3xbf16>
}
graph.derived @packed : tensor<8192xi8>, tensor<768xi8> {
  %c, %s = graph.get @q : tensor<100x80xi4>, tensor<100x3xbf16>
  %pc = graph.pack %c as <fragment, s4> : tensor<100x80xi4> -> tensor<8192xi8>
  %ps = graph.pack %s as <scales_group> : tensor<100x3xbf16> -> tensor<768xi8>
  graph.yield %pc, %ps : tensor<8192xi8>, tensor<768xi8>
})";

TEST_F(Derivations, JoinedInt4WeightsPackAlikeForEveryTiling) {
  std::vector<float> w = source.addRandom("a", {70, 80}, 1, 1), b = source.addRandom("b", {30, 80}, 1, 2);
  w.insert(w.end(), b.begin(), b.end());
  quant::CodedMatrix coded = quant::roundToNearest(w, 100, 80, quant::CodeFormat::intGroup(4, 32));
  std::vector<int8_t> codes = coded.codes;
  std::vector<uint16_t> scales;
  for (float scale : coded.scales)
    scales.push_back(quant::floatToBF16(scale));
  // The rows of the padded layout, quantized apart: 28 more rows whose codes are 0.
  codes.resize(128 * 80);
  std::vector<uint8_t> expectedCodes(size_t(quant::packedBytes(quant::FragmentFormat::S4, 128, 80)));
  quant::packFragmentsS4(codes, 128, 80, expectedCodes);
  std::vector<uint16_t> expectedScales(3 * 128);
  quant::packGroupScales(scales, 100, 3, expectedScales);

  test::TestModule module(int4Text);
  Derivation packed = create(module, "packed");
  EXPECT_EQ(packed.rows(), 128);
  EXPECT_EQ(packed.rowMultiple(), 64);
  for (int64_t rows : {64, 128}) {
    auto results = assemble(packed, rows);
    EXPECT_EQ(results[0], bytesOf(expectedCodes)) << rows;
    EXPECT_EQ(results[1], bytesOf(expectedScales)) << rows;
  }
}

TEST_F(Derivations, FoldsAVectorIntoColumnsAndRounds) {
  std::vector<float> w = source.addRandom("w", {5, 4}, 1, 3), s = source.addRandom("s", {4}, 1, 4);
  test::TestModule module(R"(
graph.parameter @w : tensor<5x4xf32> from "f" tensor "w"
graph.parameter @s : tensor<4xf32> from "f" tensor "s"
graph.derived @folded : tensor<5x4xbf16> {
  %w = graph.get @w : tensor<5x4xf32>
  %s = graph.get @s : tensor<4xf32>
  %p = graph.mul %w, %s : (tensor<5x4xf32>, tensor<4xf32>) -> tensor<5x4xf32>
  %y = graph.cast %p : tensor<5x4xf32> -> tensor<5x4xbf16>
  graph.yield %y : tensor<5x4xbf16>
})");
  std::vector<uint16_t> expected;
  for (size_t i = 0; i < w.size(); ++i)
    expected.push_back(quant::floatToBF16(w[i] * s[i % 4]));
  Derivation folded = create(module, "folded");
  for (int64_t rows : {1, 2, 5})
    EXPECT_EQ(assemble(folded, rows)[0], bytesOf(expected));
}

TEST_F(Derivations, ShapeOpsTakeTheirRows) {
  std::vector<float> w = source.addRandom("w", {6, 4}, 1, 5);
  test::TestModule module(R"(
graph.parameter @w : tensor<6x4xf32> from "f" tensor "w"
graph.derived @part : tensor<3x2xf32>, tensor<4x6xf32>, tensor<12x2xf32> {
  %w = graph.get @w : tensor<6x4xf32>
  %rows = graph.slice %w axis 0 begin 2 size 3 : tensor<6x4xf32> -> tensor<3x4xf32>
  %cols = graph.slice %rows axis 1 begin 1 size 2 : tensor<3x4xf32> -> tensor<3x2xf32>
  %t = graph.transpose %w by [1, 0] : tensor<6x4xf32> -> tensor<4x6xf32>
  %r = graph.reshape %w : tensor<6x4xf32> -> tensor<12x2xf32>
  graph.yield %cols, %t, %r : tensor<3x2xf32>, tensor<4x6xf32>, tensor<12x2xf32>
})");
  std::vector<float> part, transposed;
  for (int64_t row = 2; row < 5; ++row)
    for (int64_t col = 1; col < 3; ++col)
      part.push_back(w[size_t(row * 4 + col)]);
  for (int64_t col = 0; col < 4; ++col)
    for (int64_t row = 0; row < 6; ++row)
      transposed.push_back(w[size_t(row * 4 + col)]);
  Derivation derivation = create(module, "part");
  EXPECT_EQ(derivation.rows(), 1) << "results without a common row range are one tile";
  auto results = assemble(derivation, 1);
  EXPECT_EQ(results[0], bytesOf(part));
  EXPECT_EQ(results[1], bytesOf(transposed));
  EXPECT_EQ(results[2], bytesOf(w));
}

TEST_F(Derivations, RopeTableIsItsDefinition) {
  test::TestModule module(R"(
graph.derived @table : tensor<50x2x2xf32> {
  %t = graph.rope_table <default, dim = 4, theta = 1.0e+04> positions 50 : tensor<50x2x2xf32>
  graph.yield %t : tensor<50x2x2xf32>
})");
  std::vector<float> expected;
  for (int position = 0; position < 50; ++position)
    for (double frequency : {1.0, 0.01}) {
      expected.push_back(float(std::cos(position * frequency)));
      expected.push_back(float(std::sin(position * frequency)));
    }
  Derivation table = create(module, "table");
  for (int64_t rows : {7, 50})
    EXPECT_EQ(assemble(table, rows)[0], bytesOf(expected));
}

TEST_F(Derivations, AParameterIsItsOwnBytes) {
  std::vector<uint16_t> codes{0x3f80, 0x8000, 0x0001, 0x7f7f, 0xff7f, 0xc2c8};
  source.add("w", DType::BF16, {3, 2}, codes);
  test::TestModule module("graph.parameter @w : tensor<3x2xbf16> from \"f\" tensor \"w\"");
  EXPECT_EQ(assemble(create(module, "w"), 2)[0], bytesOf(codes));
}

TEST_F(Derivations, RefusesWhatIsNotDeclared) {
  source.addRandom("w", {3, 2}, 1, 1);
  auto refusal = [&](const std::string &type, const char *tensor) {
    test::TestModule module("graph.parameter @w : " + type + " from \"f\" tensor \"" + tensor + "\"");
    auto derivation = Derivation::create(module.symbol("w"), source);
    return derivation ? "accepted" : derivation.error().message;
  };
  EXPECT_EQ(refusal("tensor<3x2xf32>", "w"), "accepted");
  EXPECT_NE(refusal("tensor<2x3xf32>", "w").find("[3, 2] in the file"), std::string::npos);
  EXPECT_NE(refusal("tensor<3x2xbf16>", "w").find("bf16"), std::string::npos);
  EXPECT_NE(refusal("tensor<3x2xf32>", "x").find("no tensor x"), std::string::npos);
}

TEST_F(Derivations, NonFiniteWeightsAreNamedByPosition) {
  float nan = std::nanf(""), inf = INFINITY;
  source.add<float>("w", DType::F32, {3, 2}, {0, 1, 2, 3, nan, inf});
  test::TestModule module("graph.parameter @w : tensor<3x2xf32> from \"f\" tensor \"w\"");
  Derivation derivation = create(module, "w");
  EXPECT_TRUE(derivation.evaluate(0, 2));
  auto pieces = derivation.evaluate(1, 3);
  ASSERT_FALSE(pieces);
  EXPECT_NE(pieces.error().message.find("first is NaN at [2, 0], 2 of 4"), std::string::npos) << pieces.error().message;
}

} // namespace
