//===- EnvironmentStoreTest.cpp - What is put comes back ------------------===//

#include "qcc/Calibration/EnvironmentStore.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace qcc;
using interp::Environment;
using Tensor = interp::Tensor<float>;

namespace {

class Store : public testing::Test {
protected:
  Store() : location(mlir::UnknownLoc::get(&context)) {
    mlir::Type i32 = mlir::IntegerType::get(&context, 32);
    for (int i = 0; i < 3; ++i)
      values.push_back(block.addArgument(i32, location));
    directory = std::filesystem::path(testing::TempDir()) / "environment-store";
    std::filesystem::create_directories(directory);
  }
  ~Store() override { std::filesystem::remove_all(directory); }

  Environment example(float seed) {
    Environment result;
    result[values[0]] = Tensor::make(DType::BF16, {2, 2}, {seed, -1.5f, 0.0078125f, 256.0f});
    result[values[1]] = Tensor::make(DType::F32, {3}, {seed / 3, 1e-30f, -0.0f});
    result[values[2]] = Tensor::makeInts({2}, {int32_t(seed), -7});
    return result;
  }

  void expectSame(const Environment &got, const Environment &want) {
    ASSERT_EQ(got.size(), want.size());
    for (const auto &[value, tensor] : want) {
      const Tensor &found = got.find(value)->second;
      EXPECT_EQ(found.type, tensor.type);
      EXPECT_EQ(found.shape, tensor.shape);
      if (tensor.ints)
        EXPECT_EQ(*found.ints, *tensor.ints);
      else
        EXPECT_EQ(*found.values, *tensor.values);
    }
  }

  mlir::MLIRContext context;
  mlir::Location location;
  mlir::Block block;
  std::vector<mlir::Value> values;
  std::filesystem::path directory;
};

TEST_F(Store, KeepsValuesInMemoryAndInTheFile) {
  for (uint64_t budget : {uint64_t(0), uint64_t(40), uint64_t(1) << 20}) {
    calib::EnvironmentStore store(directory, budget, 4);
    for (int round = 0; round < 3; ++round)
      for (size_t batch = 0; batch < 4; ++batch)
        ASSERT_TRUE(store.put(batch, example(float(batch + 10 * size_t(round)))));
    for (size_t batch = 0; batch < 4; ++batch) {
      auto got = store.get(batch);
      ASSERT_TRUE(got) << got.error().message;
      expectSame(*got, example(float(batch + 20)));
    }
    EXPECT_TRUE(std::filesystem::is_empty(directory)) << "the file has no name";
  }
}

TEST_F(Store, WhatWasNeverPutIsEmpty) {
  calib::EnvironmentStore store(directory, 0, 2);
  auto got = store.get(1);
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->empty());
}

TEST_F(Store, ReplacesSmallerByLarger) {
  calib::EnvironmentStore store(directory, 0, 2);
  Environment small;
  small[values[1]] = Tensor::make(DType::F32, {1}, {4.0f});
  ASSERT_TRUE(store.put(0, small));
  ASSERT_TRUE(store.put(1, example(1)));
  ASSERT_TRUE(store.put(0, example(2)));
  expectSame(*store.get(0), example(2));
  expectSame(*store.get(1), example(1));
}

TEST_F(Store, NamesTheDirectoryThatCannotBeWritten) {
  calib::EnvironmentStore store("/nonexistent-directory", 0, 1);
  Status status = store.put(0, example(1));
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("/nonexistent-directory"), std::string::npos);
  // qcc-calibrate spills beside its output and has no --work-dir.
  EXPECT_NE(status.error().message.find("by --work-dir, or where there is no such flag by -o"), std::string::npos);
}

} // namespace
