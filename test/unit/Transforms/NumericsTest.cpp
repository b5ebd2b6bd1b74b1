//===- NumericsTest.cpp - Planted faults are found, healthy modules pass ---===//
//
// Faults are planted in the IR or in stored weights; each must be reported behind the right pass, at the right layer.
//
//===----------------------------------------------------------------------===//
#include "Places.h"
#include "SmoothFold.h"
#include "qcc/Import/HuggingFace/Import.h"
#include "qcc/Interpreter/Derivation.h"
#include "qcc/Quant/Formats.h"
#include "qcc/Transforms/Numerics/CheckNumerics.h"
#include "qcc/Transforms/Numerics/Noise.h"
#include "qcc/Transforms/Quantize/Passes.h"
#include "qcc/Transforms/Quantize/Weights.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>
#include <random>

using namespace qcc;

namespace {

std::vector<float> randomValues(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

TEST(Noise, RatioIsThatOfTheDefinition) {
  std::vector<float> r = randomValues(64 * 8, 1), e = randomValues(64 * 8, 2), v(r.size());
  double signal = 0, noise = 0;
  for (size_t i = 0; i < r.size(); ++i) {
    v[i] = r[i] + 0.1f * e[i];
    signal += double(r[i]) * r[i];
    noise += std::pow(double(v[i]) - double(r[i]), 2);
  }
  numerics::ChannelSums sums(r, v, 8);
  EXPECT_NEAR(sums.noise().decibels, 10 * std::log10(signal / noise), 1e-9);
  EXPECT_EQ(numerics::ChannelSums(r, r, 8).noise().decibels, std::numeric_limits<double>::infinity());
}

TEST(Noise, FactorsTakeScaledChannelsOut) {
  std::vector<float> r = randomValues(64 * 8, 1), v = r;
  for (size_t i = 0; i < v.size(); ++i)
    v[i] *= i % 8 == 3 ? -0.25f : 2.0f; // powers of two: nothing is rounded
  numerics::ChannelSums sums(r, v, 8);
  EXPECT_LT(sums.noise().decibels, 1);
  std::vector<double> factors = sums.factors();
  EXPECT_NEAR(factors[3], -0.25, 1e-12);
  EXPECT_NEAR(factors[0], 2, 1e-12);
  EXPECT_EQ(sums.noise(factors).decibels, std::numeric_limits<double>::infinity());
}

TEST(Noise, NamesTheWorstChannelThatCounts) {
  std::vector<float> r = randomValues(64 * 8, 1), v = r;
  for (size_t row = 0; row < 64; ++row) {
    v[row * 8 + 5] = -r[row * 8 + 5];
    r[row * 8 + 2] *= 1e-4f; // next to no signal
    v[row * 8 + 2] = 0;
  }
  numerics::Noise noise = numerics::ChannelSums(r, v, 8).noise();
  EXPECT_EQ(noise.worstChannel, 5);
  EXPECT_NEAR(noise.worstDecibels, -10 * std::log10(4.0), 1e-9);
}

TEST(Noise, WhatIsNotFiniteIsSeen) {
  std::vector<float> r = randomValues(64 * 8, 1);
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> v = r;
    v[77] = bad;
    numerics::ChannelSums sums(r, v, 8);
    EXPECT_EQ(sums.noise().decibels, -std::numeric_limits<double>::infinity());
    EXPECT_EQ(sums.noise(sums.factors()).worstChannel, 77 % 8);
  }
}

TEST(ValueHistogram, BarsOfEachKind) {
  std::vector<float> r(1000, 1.0f), v(1000, 1.0f);
  r[0] = -1;
  v[0] = 5; // beyond the end
  std::string bars = numerics::ValueHistogram(r, v).bars();
  // A heading, the cells and a line about the scale.
  EXPECT_EQ(std::count(bars.begin(), bars.end(), '\n'), numerics::ValueHistogram::kCells + 2);
  std::string first = bars.substr(bars.find('\n') + 1), last = bars.substr(bars.rfind("+9.524e-01"));
  // One float value at -1, no quantized one, no error.
  EXPECT_EQ(first.substr(0, first.find('\n')),
            " -9.524e-01 |##                   |                     |                    ");
  // 999 float values, 1000 quantized ones, and the error of one.
  EXPECT_EQ(last.substr(0, last.find('\n')),
            "+9.524e-01 |#################### |#################### |##                  ");
}

/// A pass that damages a module, between passes that do not.
struct DamagePass : mlir::PassWrapper<DamagePass, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DamagePass)
  explicit DamagePass(std::function<void(mlir::ModuleOp)> damage) : damage(std::move(damage)) {}
  llvm::StringRef getArgument() const override { return "test-damage"; }
  void runOnOperation() override { damage(getOperation()); }
  std::function<void(mlir::ModuleOp)> damage;
};

/// Numbers of a stored tensor, [rows, columns].
using DamageNumbers = std::function<void(const std::string &name, std::vector<float> &values, int64_t columns)>;

struct Numerics : testing::Test {
  mlir::MLIRContext context;
  std::unique_ptr<mlir::ScopedDiagnosticHandler> handler;
  std::vector<std::string> errors, remarks;
  hf::Model model;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::shared_ptr<NumericsCheck> check;
  std::string work;

  void SetUp() override {
    context.loadDialect<graph::GraphDialect, mlir::func::FuncDialect>();
    handler = std::make_unique<mlir::ScopedDiagnosticHandler>(&context, [this](mlir::Diagnostic &diagnostic) {
      (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error ? errors : remarks).push_back(diagnostic.str());
    });
    Expected<hf::Model> read = hf::readModel(QCC_SMALL);
    ASSERT_TRUE(read) << read.error().message;
    model = std::move(*read);
    work = testing::TempDir() + "/numerics-" + std::to_string(getpid());
    std::filesystem::create_directories(work + "/quantized");
    module = hf::buildGraph(context, model);
    module.get()->setAttr(kWorkAttr, mlir::StringAttr::get(&context, work));
    auto created = NumericsCheck::create(*module, {QCC_SMALL "/calib.txt", std::nullopt, work + "/reports"});
    ASSERT_TRUE(created) << created.error().message;
    check = std::move(*created);
  }
  void TearDown() override { std::filesystem::remove_all(work); }

  /// Runs passes, each followed by the check.
  bool run(std::vector<std::unique_ptr<mlir::Pass>> passes) {
    mlir::PassManager pm(&context);
    for (auto &pass : passes) {
      std::string name = pass->getArgument().str();
      pm.addPass(std::move(pass));
      pm.addPass(createCheckNumericsPass(check, name));
    }
    return mlir::succeeded(pm.run(*module));
  }
  template <typename... Passes> bool run(std::unique_ptr<Passes>... passes) {
    std::vector<std::unique_ptr<mlir::Pass>> list;
    (list.push_back(std::move(passes)), ...);
    return run(std::move(list));
  }
  static std::unique_ptr<mlir::Pass> damage(std::function<void(mlir::ModuleOp)> damage) {
    return std::make_unique<DamagePass>(std::move(damage));
  }

  void expectFound(const std::string &pass, const std::string &shows, const std::string &first) {
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].rfind("numerics after " + pass + ": " + shows + " is not what the float model computes", 0), 0u)
        << errors[0];
    EXPECT_NE(errors[0].find("first op that differs: " + first), std::string::npos) << errors[0];
  }

  graph::LinearOp linear(llvm::StringRef name) {
    graph::LinearOp found;
    module->walk([&](graph::LinearOp op) {
      if (op.getName() == name)
        found = op;
    });
    return found;
  }
  graph::DerivedOp derived(llvm::StringRef name) { return module->lookupSymbol<graph::DerivedOp>(name); }

  static QuantizeOptions options(QuantPreset preset, int64_t groupSize) {
    QuantizeOptions options;
    options.preset = preset;
    options.groupSize = groupSize;
    return options;
  }

  /// Folds random vectors of up to 2^largest into every pair, as smoothing does.
  void smooth(double largest = 3) {
    mlir::SymbolTable symbols(*module);
    SmoothFold fold(symbols, "smooth", "smooth-000", "key");
    std::mt19937 random(7);
    std::uniform_real_distribution<double> exponent(-largest, largest);
    for (SmoothPair &pair : findSmoothPairs(module->lookupSymbol<mlir::func::FuncOp>("forward"))) {
      std::vector<double> s(size_t(pair.channels()));
      for (double &value : s)
        value = std::exp2(exponent(random));
      fold.fold(pair, storedSmoothing(s, {}));
    }
    ASSERT_TRUE(fold.write(work));
    ASSERT_TRUE(mlir::succeeded(fold.apply()));
  }

  /// Makes codes, scales and zero points that derivations compute stored ones, as GPTQ leaves them.
  void storeCodes(const DamageNumbers &damage) {
    Expected<std::unique_ptr<ModuleWeights>> weights = openWeights(*module, model.directory);
    ASSERT_TRUE(weights) << weights.error().message;
    SafetensorsWriter writer;
    const char *file = "quantized/codes.safetensors";
    std::vector<graph::DerivedOp> all(module->getOps<graph::DerivedOp>().begin(),
                                      module->getOps<graph::DerivedOp>().end());
    for (graph::DerivedOp op : all) {
      if (op.getTypes().size() < 2)
        continue;
      auto derivation = interp::Derivation::create(op, **weights);
      ASSERT_TRUE(derivation) << derivation.error().message;
      auto tensors = derivation->values();
      ASSERT_TRUE(tensors) << tensors.error().message;
      op.getBody().front().clear();
      mlir::OpBuilder outside(op), body = mlir::OpBuilder::atBlockEnd(&op.getBody().front());
      llvm::SmallVector<mlir::Value> results;
      const char *parts[] = {".codes", ".scales", ".zeros"};
      for (size_t i = 0; i < tensors->size(); ++i) {
        std::string name = op.getSymName().str() + parts[i];
        std::vector<float> values((*tensors)[i].data().begin(), (*tensors)[i].data().end());
        damage(name, values, (*tensors)[i].columns());
        writer.add(name, (*tensors)[i].type, (*tensors)[i].shape, interp::encode((*tensors)[i].type, values));
        graph::ParameterOp::create(outside, op.getLoc(), name, op.getDerivedType(unsigned(i)), file, name);
        results.push_back(graph::GetOp::create(body, op.getLoc(), mlir::TypeRange(op.getDerivedType(unsigned(i))), name)
                              .getResult(0));
      }
      graph::YieldOp::create(body, op.getLoc(), results);
    }
    ASSERT_TRUE(writer.write(work + "/" + file));
  }

  /// Quantizes as the preset says and stores the codes in the same pass.
  bool quantizeStored(QuantPreset preset, const DamageNumbers &damageNumbers) {
    return run(createLowerPrecisionPass(), damage([&](mlir::ModuleOp op) {
                 mlir::PassManager pm(&context);
                 pm.addPass(createQuantizeWeightsPass(options(preset, 64), /*search=*/false));
                 ASSERT_TRUE(mlir::succeeded(pm.run(op)));
                 storeCodes(damageNumbers);
               }));
  }
};

TEST_F(Numerics, PlacesAreTheSameInEveryForm) {
  auto keys = [&] {
    std::vector<std::string> keys, scalable;
    for (numerics::Place &place : numerics::findPlaces(module->lookupSymbol<mlir::func::FuncOp>("forward"))) {
      keys.push_back(place.key);
      if (place.isScalable && place.key.find("layers.1") != std::string::npos)
        scalable.push_back(place.key);
    }
    return std::pair(keys, scalable);
  };
  auto before = keys();
  // embedding; per layer norm, q, k, v, two rotations, attention, o, sum, norm, gate, up, silu, mul, down, sum; norm,
  // head.
  EXPECT_EQ(before.first.size(), size_t(1 + 16 * model.config.layers + 2));
  const std::string layer = "model.layers.1.";
  EXPECT_EQ(before.second,
            (std::vector<std::string>{layer + "self_attn.v_proj", "attention behind " + layer + "self_attn.v_proj",
                                      "rms_norm behind " + layer + "self_attn.o_proj", layer + "mlp.up_proj",
                                      "silu behind " + layer + "mlp.gate_proj", "mul behind " + layer + "mlp.up_proj",
                                      "rms_norm behind " + layer + "mlp.down_proj"}));
  smooth();
  mlir::PassManager pm(&context);
  pm.addPass(createLowerPrecisionPass());
  pm.addPass(createQuantizeWeightsPass(options(QuantPreset::W8A8, 128), true));
  ASSERT_TRUE(mlir::succeeded(pm.run(*module)));
  EXPECT_EQ(keys(), before);
}

TEST_F(Numerics, HealthyPipelinesPass) {
  ASSERT_NO_FATAL_FAILURE(smooth(0.5)); // factors at random are worse than none
  EXPECT_TRUE(run(damage([](mlir::ModuleOp) {}), createLowerPrecisionPass(),
                  createQuantizeWeightsPass(options(QuantPreset::W4A16, 64), true)))
      << errors.front();
  ASSERT_EQ(remarks.size(), 3u);
  EXPECT_EQ(remarks[2].rfind("numerics after qcc-quantize-weights: worst place ", 0), 0u) << remarks[2];
  EXPECT_FALSE(std::filesystem::exists(work + "/reports"));
}

TEST_F(Numerics, ANormMultipliedInsteadOfDivided) {
  EXPECT_FALSE(run(damage([&](mlir::ModuleOp) {
    smooth();
    graph::DerivedOp norm = derived("model.layers.1.input_layernorm.weight.smooth");
    norm.walk([](graph::DivOp op) {
      mlir::OpBuilder builder(op);
      op.getY().replaceAllUsesWith(graph::MulOp::create(builder, op.getLoc(), op.getType(), op.getA(), op.getB()));
      op.erase();
    });
  })));
  expectFound("test-damage", "model.layers.1.self_attn.q_proj", "model.layers.1.input_layernorm, by factors");
}

TEST_F(Numerics, AConsumerNotScaled) {
  EXPECT_FALSE(run(damage([&](mlir::ModuleOp) {
    smooth();
    graph::DerivedOp weight = derived("model.layers.3.self_attn.k_proj.weight.smooth");
    weight.walk([](graph::MulOp op) { op.getY().replaceAllUsesWith(op.getA()); });
  })));
  // The norm is right: q_proj undoes its factors.
  expectFound("test-damage", "model.layers.3.self_attn.k_proj", "model.layers.3.self_attn.k_proj");
}

TEST_F(Numerics, AProducerNotDivided) {
  EXPECT_FALSE(run(damage([&](mlir::ModuleOp) {
    smooth();
    graph::DerivedOp weight = derived("model.layers.2.mlp.up_proj.weight.smooth");
    weight.walk([](graph::DivOp op) { op.getY().replaceAllUsesWith(op.getA()); });
  })));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("model.layers.2.mlp.down_proj is not"), std::string::npos) << errors[0];
}

TEST_F(Numerics, ScalesOfTwoRowsSwapped) {
  EXPECT_FALSE(quantizeStored(QuantPreset::W4A16, [](const std::string &name, std::vector<float> &values, int64_t g) {
    if (name.find("layers.2.mlp.gate_proj") == std::string::npos || name.find(".scales") == std::string::npos)
      return;
    // The rows with the smallest and the largest scales.
    std::vector<double> sums(values.size() / size_t(g));
    for (size_t i = 0; i < values.size(); ++i)
      sums[i / size_t(g)] += std::fabs(values[i]);
    auto [least, most] = std::minmax_element(sums.begin(), sums.end());
    std::swap_ranges(values.begin() + (least - sums.begin()) * g, values.begin() + (least - sums.begin() + 1) * g,
                     values.begin() + (most - sums.begin()) * g);
  }));
  expectFound("test-damage", "model.layers.2.mlp.gate_proj", "model.layers.2.mlp.gate_proj");
}

TEST_F(Numerics, GroupsOfScalesInTheOtherOrder) {
  EXPECT_FALSE(quantizeStored(QuantPreset::W4A16, [](const std::string &name, std::vector<float> &values, int64_t g) {
    if (name.find("layers.1.mlp.down_proj") == std::string::npos || name.find(".scales") == std::string::npos)
      return;
    // As if [groups, rows] had been written.
    std::vector<float> transposed(values.size());
    const size_t rows = values.size() / size_t(g);
    for (size_t i = 0; i < values.size(); ++i)
      transposed[i % size_t(g) * rows + i / size_t(g)] = values[i];
    values = transposed;
  }));
  expectFound("test-damage", "model.layers.1.mlp.down_proj", "model.layers.1.mlp.down_proj");
}

TEST_F(Numerics, AZeroPointDropped) {
  EXPECT_FALSE(quantizeStored(QuantPreset::W4A16Asym, [](const std::string &name, std::vector<float> &values, int64_t) {
    if (name.find("layers.4.self_attn.v_proj") != std::string::npos && name.find(".zeros") != std::string::npos)
      std::fill(values.begin(), values.end(), 0.0f);
  }));
  expectFound("test-damage", "model.layers.4.self_attn.v_proj", "model.layers.4.self_attn.v_proj");
}

TEST_F(Numerics, StoredCodesAreHealthy) {
  for (QuantPreset preset : {QuantPreset::W4A16, QuantPreset::W4A16Asym}) {
    module = hf::buildGraph(context, model);
    module.get()->setAttr(kWorkAttr, mlir::StringAttr::get(&context, work));
    EXPECT_TRUE(quantizeStored(preset, [](const std::string &, std::vector<float> &, int64_t) {})) << errors.front();
  }
}

TEST_F(Numerics, APassInTheMiddleOfAPipeline) {
  auto doubleScale = damage([&](mlir::ModuleOp op) {
    op.walk([&](graph::AttentionOp attention) {
      if (attention.getLayer() == 2)
        attention.setScaleAttr(
            mlir::FloatAttr::get(attention.getScaleAttr().getType(), 2 * attention.getScaleAttr().getValueAsDouble()));
    });
  });
  EXPECT_FALSE(run(createLowerPrecisionPass(), std::move(doubleScale),
                   createQuantizeWeightsPass(options(QuantPreset::Fp8, 128), true)));
  expectFound("test-damage", "attention behind model.layers.2.self_attn.v_proj",
              "attention behind model.layers.2.self_attn.v_proj");
  // The pass before it was reported as good, the one behind it never ran.
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_EQ(remarks[0].rfind("numerics after qcc-lower-precision: ", 0), 0u);
  // Values, and a way to see it again.
  EXPECT_NE(errors[0].find("quantized             error"), std::string::npos) << errors[0];
  EXPECT_NE(errors[0].find("qcc-opt " + work + "/reports/before.mlir --pass-pipeline='builtin.module(test-damage,"),
            std::string::npos)
      << errors[0];
  std::ifstream before(work + "/reports/before.mlir");
  std::string text{std::istreambuf_iterator<char>(before), {}};
  EXPECT_NE(text.find("xbf16>"), std::string::npos); // behind qcc-lower-precision
  EXPECT_EQ(text.find("graph.dequantize"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(work + "/reports/float.mlir"));
  EXPECT_TRUE(std::filesystem::exists(work + "/reports/report.txt"));
}

TEST_F(Numerics, ALinearThatIsGone) {
  EXPECT_FALSE(run(damage([&](mlir::ModuleOp) {
    graph::LinearOp op = linear("model.layers.0.mlp.up_proj");
    op.getY().replaceAllUsesWith(linear("model.layers.0.mlp.gate_proj").getY());
    op.erase();
  })));
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_NE(errors[0].find("linear 'model.layers.0.mlp.up_proj' of the float model is not there any more"),
            std::string::npos)
      << errors[0];
}

TEST_F(Numerics, CalibrationTokensAreNeeded) {
  auto created = NumericsCheck::create(*module, {"", std::nullopt, ""});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ExitCode::Usage);
  EXPECT_NE(created.error().message.find("--calib"), std::string::npos);
}

} // namespace
