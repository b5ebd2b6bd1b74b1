//===- NumericsBoundsTest.cpp - What the checks take for healthy ----------===//
//
// Rounding, folds and inherited noise are made here, in double precision, with the sizes that the checks assume.
//
//===----------------------------------------------------------------------===//
#include "AddedNoise.h"
#include "Bounds.h"
#include "WeightFactors.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Transforms/Quantize/Passes.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using namespace qcc;

namespace {

std::vector<float> normalValues(size_t count, std::mt19937 &random) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

/// Nearest codes of 8 bits with a scale for each row.
std::vector<float> rounded(std::vector<float> w, size_t columns) {
  for (size_t row = 0; row < w.size(); row += columns) {
    float largest = 0;
    for (size_t k = 0; k < columns; ++k)
      largest = std::max(largest, std::fabs(w[row + k]));
    for (size_t k = 0; k < columns; ++k)
      w[row + k] = std::round(w[row + k] * 127 / largest) * largest / 127;
  }
  return w;
}

std::vector<float> product(const std::vector<float> &x, const std::vector<float> &w, size_t columns) {
  const size_t rows = x.size() / columns, outputs = w.size() / columns;
  std::vector<float> y(rows * outputs);
  for (size_t i = 0; i < rows; ++i)
    for (size_t n = 0; n < outputs; ++n) {
      double sum = 0;
      for (size_t k = 0; k < columns; ++k)
        sum += double(x[i * columns + k]) * w[n * columns + k];
      y[i * outputs + n] = float(sum);
    }
  return y;
}

constexpr size_t kOutputs = 96, kColumns = 64;

TEST(WeightFactors, TheWeightTellsWhatNoisyValuesDoNot) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> exponent(-2, 2);
  std::vector<float> w = normalValues(kOutputs * kColumns, random), held = w;
  std::vector<double> r(kOutputs), c(kColumns), columns(kColumns), rows(kOutputs);
  for (size_t n = 0; n < kOutputs; ++n)
    rows[n] = (r[n] = std::exp2(exponent(random))) * (1 + 0.03 * normal(random));
  for (size_t k = 0; k < kColumns; ++k)
    columns[k] = (c[k] = std::exp2(exponent(random))) * (1 + 0.03 * normal(random));
  for (size_t i = 0; i < w.size(); ++i)
    held[i] = float(r[i / kColumns] * w[i] / c[i % kColumns]);
  numerics::WeightFactors fitted =
      numerics::fitFactors(w, rounded(held, kColumns), kOutputs, rows, columns, HUGE_VAL, 0.1);
  for (size_t k = 0; k < kColumns; ++k)
    // Errors of the values' row factors, 3 %, over 96 rows, and of rounding, up to 12 % of a small column's entries.
    EXPECT_NEAR(fitted.columns[k] / c[k], 1, 0.05) << k;
  for (size_t n = 0; n < kOutputs; ++n)
    for (size_t k = 0; k < kColumns; k += 7)
      EXPECT_NEAR(fitted.rows[n] / fitted.columns[k] * c[k] / r[n], 1, 0.05) << n << " " << k;
}

TEST(WeightFactors, AWrongWeightIsNoFold) {
  std::mt19937 random(2);
  std::normal_distribution<double> normal;
  std::vector<float> w = normalValues(kOutputs * kColumns, random), held = w;
  std::vector<double> columns(kColumns), rows(kOutputs, 1.0);
  for (double &column : columns)
    column = 1 + 0.03 * normal(random);
  for (size_t n = 0; n < kOutputs; ++n)
    for (size_t k = 0; k < kColumns; ++k)
      held[n * kColumns + k] *= (k == 5 ? 1.5f : 1.0f) * (n == 7 ? 0.8f : 1.0f);
  numerics::WeightFactors fitted = numerics::fitFactors(w, held, kOutputs, rows, columns, 0.02, 0.1);
  for (size_t k = 0; k < kColumns; ++k)
    EXPECT_EQ(fitted.columns[k], 1) << k;
  EXPECT_EQ(fitted.rows[7], 1); // as the values had it before
}

struct Linear {
  std::vector<float> w, held, x, original;
  std::vector<double> columns;
  bool isSolved = false;

  numerics::AddedNoise noise() {
    mlir::MLIRContext context;
    context.loadDialect<graph::GraphDialect>();
    auto scheme = graph::SchemeAttr::getSimple(mlir::IntegerType::get(&context, 8), graph::Granularity::channel,
                                               mlir::Float32Type::get(&context));
    std::vector<float> y = product(x, held, kColumns);
    if (original.empty())
      original = product(x, w, kColumns);
    return *numerics::addedNoise(scheme, {w, {}, original, held, x, y, {}, columns, HUGE_VAL, 0.1, false, isSolved},
                                 kOutputs);
  }
};

TEST(AddedNoise, HealthyWeightsPassOnAnyNumberOfRows) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  for (size_t rows : {1, 2, 4, 16, 64, 200})
    for (int trial = 0; trial < 20; ++trial) {
      Linear linear{normalValues(kOutputs * kColumns, random), {}, normalValues(rows * kColumns, random), {}, {}};
      for (float &x : linear.x)
        x += trial % 2 ? 3 : 0; // one direction that holds most
      // Inputs that differ from the float model's by 3 %, but by no fold.
      for (size_t k = 0; k < kColumns; ++k)
        linear.columns.push_back(1 + 0.03 * normal(random));
      linear.held = rounded(linear.w, kColumns);
      numerics::AddedNoise noise = linear.noise();
      EXPECT_FALSE(noise.isTooMuch()) << rows << " rows: " << noise.excess << " of " << noise.limit << " dB, channel "
                                      << noise.worstExcess << " of " << noise.channelLimit;
      EXPECT_LT(noise.limit, rows >= 64 && trial % 2 == 0 ? 6 : 10);
    }
}

TEST(AddedNoise, ScalesOfTwoRowsSwapped) {
  std::mt19937 random(4);
  for (size_t rows : {64, 4}) {
    Linear linear{normalValues(kOutputs * kColumns, random), {}, normalValues(rows * kColumns, random), {}, {}};
    linear.held = rounded(linear.w, kColumns);
    for (size_t k = 0; k < kColumns; ++k) {
      linear.held[3 * kColumns + k] *= 1.4f;
      linear.held[9 * kColumns + k] /= 1.4f;
    }
    numerics::AddedNoise noise = linear.noise();
    EXPECT_TRUE(noise.isTooMuch()) << rows << " rows";
    EXPECT_TRUE(noise.worstChannel == 3 || noise.worstChannel == 9) << noise.worstChannel;
  }
}

TEST(AddedNoise, ASolvedWeightMayUndoWhatItInherits) {
  std::mt19937 random(5);
  const size_t rows = 256;
  Linear linear{normalValues(kOutputs * kColumns, random), {}, normalValues(rows * kColumns, random), {}, {}};
  // What it reads has lost 5 % of each column, and the rounding of it 1 %: the best weight gives the 5 % back.
  std::vector<float> noise = normalValues(rows * kColumns, random);
  linear.original = product(linear.x, linear.w, kColumns);
  for (size_t i = 0; i < linear.x.size(); ++i)
    linear.x[i] = 0.95f * linear.x[i] + 0.01f * noise[i];
  linear.held = linear.w;
  for (float &w : linear.held)
    w /= 0.95f;
  linear.held = rounded(linear.held, kColumns);
  EXPECT_TRUE(linear.noise().isTooMuch());
  linear.isSolved = true;
  EXPECT_FALSE(linear.noise().isTooMuch());
  for (size_t k = 0; k < kColumns; ++k)
    linear.held[11 * kColumns + k] *= -1;
  numerics::AddedNoise damaged = linear.noise();
  EXPECT_TRUE(damaged.isTooMuch());
  EXPECT_EQ(damaged.worstChannel, 11);
}

struct Bounds : testing::Test {
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<numerics::Place> places;

  void SetUp() override {
    context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
    Expected<hf::Model> model = hf::readModel(QCC_SMALL);
    ASSERT_TRUE(model) << model.error().message;
    module = hf::buildGraph(context, *model);
    QuantizeOptions options;
    options.preset = QuantPreset::Fp8;
    mlir::PassManager pm(&context);
    pm.addPass(createLowerPrecisionPass());
    pm.addPass(createQuantizeWeightsPass(options, /*search=*/false));
    ASSERT_TRUE(mlir::succeeded(pm.run(*module)));
    places = numerics::findPlaces(module->lookupSymbol<mlir::func::FuncOp>("forward"));
  }
  bool isQuantized(const numerics::Place &place) {
    return llvm::isa<graph::LinearOp>(place.op) && place.name != "lm_head"; // which the preset leaves in bf16
  }
};

TEST_F(Bounds, AskedOnesAreForQuantizedLinears) {
  std::vector<numerics::Bound> own = numerics::findBounds(*module, places, std::nullopt);
  for (double asked : {35.0, 80.0}) {
    std::vector<numerics::Bound> bounds = numerics::findBounds(*module, places, asked);
    for (size_t i = 0; i < places.size(); ++i) {
      EXPECT_EQ(bounds[i].decibels, isQuantized(places[i]) ? asked : own[i].decibels) << places[i].key;
      EXPECT_EQ(bounds[i].channelDecibels, own[i].channelDecibels) << places[i].key;
    }
  }
}

TEST_F(Bounds, LowerOnesCarryOn) {
  std::vector<numerics::Bound> own = numerics::findBounds(*module, places, std::nullopt),
                               bounds = numerics::findBounds(*module, places, 3.0);
  bool isBehind = false;
  for (size_t i = 0; i < places.size(); ++i) {
    isBehind |= isQuantized(places[i]);
    EXPECT_EQ(bounds[i].decibels, isBehind ? 3.0 : own[i].decibels) << places[i].key;
    EXPECT_EQ(bounds[i].channelDecibels - own[i].channelDecibels, bounds[i].decibels - own[i].decibels);
  }
}

} // namespace
