//===- GatherArgmaxTest.cpp - Row gather and greedy choice ----------------===//

#include "HostData.h"
#include "Launcher.h"

#include <gtest/gtest.h>
#include <limits>

using namespace qcc;
using namespace qcc::codegen;
using namespace qcc::test;

namespace {

// An odd pitch makes rows misaligned: they are read element by element.
TEST(Gather, CopiesRowsOfAnyWidthAndPitch) {
  struct Shape {
    int64_t columns, tablePitch;
  };
  for (Shape shape : {Shape{128, 128}, Shape{131, 136}, Shape{131, 131}, Shape{5, 8}, Shape{2880, 2880}}) {
    Random random{uint64_t(shape.columns)};
    std::vector<int32_t> index = {3, 0, 9, 3, 7};
    std::vector<uint16_t> table = random.bf16(size_t(10 * shape.tablePitch));
    int64_t rows = int64_t(index.size()), pitch = rowPitch(shape.columns, ElemType::BF16);
    Launcher launcher(GatherDesc{shape.columns, shape.tablePitch}, 90, Size::R);
    launcher.size(Size::R, rows);
    launcher.input("table", table);
    launcher.input("index", index);
    launcher.output("y", size_t(rows * pitch * 2));
    ASSERT_EQ(launcher.run(), "");
    std::vector<uint16_t> y = launcher.read<uint16_t>("y");
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t i = 0; i < pitch; ++i)
        ASSERT_EQ(y[size_t(row * pitch + i)], i < shape.columns ? table[size_t(index[size_t(row)] * shape.tablePitch + i)] : 0xeeee)
            << shape.columns << ": " << row << ", " << i;
  }
}

int32_t greedy(std::vector<float> row) {
  int64_t columns = int64_t(row.size());
  row.resize(size_t(rowPitch(columns, ElemType::F32)), std::numeric_limits<float>::quiet_NaN());
  Launcher launcher(ArgmaxDesc{columns}, 90, Size::R);
  launcher.size(Size::R, 1);
  launcher.input("x", row);
  launcher.output("y", 4);
  EXPECT_EQ(launcher.run(), "");
  return launcher.read<int32_t>("y")[0];
}

TEST(Argmax, FindsTheLargestAnywhere) {
  for (int64_t columns : {1, 3, 256, 1021, 40003}) {
    Random random{uint64_t(columns)};
    std::vector<float> row = random.floats(size_t(columns));
    for (int64_t at : {int64_t(0), columns / 2, columns - 1}) {
      std::vector<float> changed = row;
      changed[size_t(at)] = 100;
      EXPECT_EQ(greedy(changed), at) << columns;
    }
  }
}

TEST(Argmax, SmallestIndexAmongEquals) {
  std::vector<float> row(5000, -2.0f);
  EXPECT_EQ(greedy(row), 0);
  row[4999] = row[1234] = row[1300] = 1.0f;
  EXPECT_EQ(greedy(row), 1234);
}

TEST(Argmax, ZerosOfBothSignsAreEqual) { EXPECT_EQ(greedy({-1.0f, -0.0f, 0.0f}), 1); }

TEST(Argmax, NaNCountsAsLargest) {
  float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(greedy({0.0f, infinity, nan, nan}), 2);
  EXPECT_EQ(greedy({0.0f, -nan, infinity}), 1);
}

TEST(Argmax, AllMinusInfinityGivesTheFirst) {
  EXPECT_EQ(greedy(std::vector<float>(100, -std::numeric_limits<float>::infinity())), 0);
}

TEST(Argmax, RowsAreIndependent) {
  std::vector<float> x = {1, 2, 3, 0, 9, 2, 3, 0}; // pitch 4, columns 3
  Launcher launcher(ArgmaxDesc{3}, 80, Size::R);
  launcher.size(Size::R, 2);
  launcher.input("x", x);
  launcher.output("y", 8);
  ASSERT_EQ(launcher.run(), "");
  EXPECT_EQ(launcher.read<int32_t>("y"), (std::vector<int32_t>{2, 0}));
}

} // namespace
