//===- GatherArgmaxCases.cpp - Row gather and greedy choice ---------------===//

#include "KernelCase.h"
#include "Launcher.h"
#include "RandomData.h"

#include <limits>

namespace qcc::bench {
namespace {

using namespace codegen;

CaseResult checkGather(Device &device, int64_t columns, int64_t tablePitch, ElemType type, int target) {
  std::vector<int32_t> index = {3, 0, 9, 3, 7};
  Random random{uint64_t(columns)};
  int64_t rows = int64_t(index.size()), pitch = rowPitch(columns, ElemType::BF16);
  Launcher launcher(device, GatherDesc{columns, tablePitch, type}, target, Size::R);
  launcher.size(Size::R, rows);
  launcher.input("index", index);
  launcher.output("y", size_t(rows * pitch * 2));
  std::vector<uint16_t> expected; // what the table's elements stand for
  if (type == ElemType::BF16) {
    expected = random.bf16(size_t(10 * tablePitch));
    launcher.input("table", expected);
  } else {
    std::vector<uint8_t> codes;
    std::vector<float> scales = random.floats(10, 0.02f); // of both signs
    for (int64_t i = 0; i < 10 * tablePitch; ++i) {
      // All codes but e4m3's NaN.
      uint8_t code = uint8_t(i);
      codes.push_back(type == ElemType::E4M3 && (code & 0x7f) == 0x7f ? 0 : code);
      float value = type == ElemType::S8 ? float(int8_t(codes.back())) : quant::e4m3ToFloat(codes.back());
      expected.push_back(quant::floatToBF16(value * scales[size_t(i / tablePitch)]));
    }
    launcher.input("table", codes);
    launcher.input("table_scale", scales);
  }
  Comparison compare;
  if (std::string error = launcher.run(); !error.empty()) {
    compare.error(error);
    return compare.result();
  }
  std::vector<uint16_t> y = launcher.read<uint16_t>("y");
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < pitch; ++i)
      compare.equal(y[size_t(row * pitch + i)],
                    i < columns ? expected[size_t(index[size_t(row)] * tablePitch + i)] : 0xeeee,
                    i < columns ? "y" : "padding of y", row, i);
  return compare.result();
}

/// Rows of one width, each with the answer by definition.
struct Greedy {
  int64_t columns;
  std::vector<std::vector<float>> rows;
  std::vector<int32_t> answers;
};

CaseResult checkArgmax(Device &device, const Greedy &greedy, int target) {
  int64_t pitch = rowPitch(greedy.columns, ElemType::F32), rows = int64_t(greedy.rows.size());
  std::vector<float> x(size_t(rows * pitch), std::numeric_limits<float>::quiet_NaN()); // the padding must not win
  for (int64_t row = 0; row < rows; ++row)
    std::copy(greedy.rows[size_t(row)].begin(), greedy.rows[size_t(row)].end(), x.begin() + row * pitch);
  Launcher launcher(device, ArgmaxDesc{greedy.columns}, target, Size::R);
  launcher.size(Size::R, rows);
  launcher.input("x", x);
  launcher.output("y", size_t(rows * 4));
  Comparison compare;
  if (std::string error = launcher.run(); !error.empty()) {
    compare.error(error);
    return compare.result();
  }
  std::vector<int32_t> y = launcher.read<int32_t>("y");
  for (int64_t row = 0; row < rows; ++row)
    compare.equal(y[size_t(row)], greedy.answers[size_t(row)], "y", row, 0);
  return compare.result();
}

/// The largest value first, in the middle and last; then equal largest values, of which the first counts.
Greedy ordinary(int64_t columns) {
  Greedy greedy{columns, {}, {}};
  for (int64_t at : {int64_t(0), columns / 2, columns - 1}) {
    std::vector<float> row = Random{uint64_t(columns)}.floats(size_t(columns));
    row[size_t(at)] = 100;
    greedy.rows.push_back(row);
    greedy.answers.push_back(int32_t(at));
    row[size_t(columns - 1)] = 100;
    greedy.rows.push_back(row);
    greedy.answers.push_back(int32_t(at));
  }
  return greedy;
}

Greedy special() {
  float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  return {4,
          {{-1.0f, -0.0f, 0.0f, -0.0f},  // zeros of both signs are equal
           {0.0f, infinity, nan, nan},   // NaN counts as the largest, the first one
           {0.0f, -nan, infinity, 1.0f}, // whatever its sign
           {-infinity, -infinity, -infinity, -infinity}},
          {1, 2, 1, 0}};
}

} // namespace

std::vector<KernelCase> gatherCases() {
  struct Shape {
    int64_t columns, tablePitch;
    const char *reason;
  };
  std::vector<KernelCase> cases;
  for (Shape shape : {Shape{128, 128, "whole vectors"}, Shape{131, 136, "odd width, aligned rows"},
                      Shape{131, 131, "odd pitch: rows are misaligned and read element by element"},
                      Shape{5, 8, "less than a vector"}, Shape{2880, 2880, "several blocks along the columns"}})
    for (ElemType type : {ElemType::BF16, ElemType::E4M3, ElemType::S8})
      cases.push_back(
          {"gather_" + std::to_string(shape.columns) + "_" + std::to_string(shape.tablePitch) + "_" + nameOf(type),
           shape.reason, [=](Device &device, int target) {
             return checkGather(device, shape.columns, shape.tablePitch, type, target);
           }});
  return cases;
}

std::vector<KernelCase> argmaxCases() {
  struct Shape {
    int64_t columns;
    const char *reason;
  };
  std::vector<KernelCase> cases;
  for (Shape shape :
       {Shape{1, "one column"}, Shape{3, "tail only"}, Shape{256, "one warp, whole vectors"},
        Shape{1021, "tail after vectors"}, Shape{40003, "several rounds of the largest block, and a tail"}})
    cases.push_back({"argmax_" + std::to_string(shape.columns), shape.reason,
                     [=](Device &device, int target) { return checkArgmax(device, ordinary(shape.columns), target); }});
  cases.push_back({"argmax_special", "NaN, infinities and zeros of both signs",
                   [](Device &device, int target) { return checkArgmax(device, special(), target); }});
  return cases;
}

} // namespace qcc::bench
