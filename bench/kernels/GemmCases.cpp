//===- GemmCases.cpp - Boundary shapes ------------------------------------===//

#include "GemmCase.h"

namespace qcc::bench {

using namespace codegen;

namespace {

using Epilogue = GemmCase::Epilogue;

struct Shape {
  int64_t n, k, rows;
  int64_t group; ///< for formats with groups
  Epilogue epilogue;
  ElemType output;
  const char *reason;
};

// Groups: 128 is larger than a slice of 64 columns, 32 lies several times in one, slices start inside groups of 48. The
// last group is short wherever the group does not divide K.
const Shape kShapes[] = {
    {64, 128, 1, 128, Epilogue::Plain, ElemType::BF16, "one token, one padded row block"},
    {128, 2880, 1, 32, Epilogue::Silu, ElemType::BF16, "K of 45 slices, not a multiple of the K-warps"},
    {131, 80, 7, 48, Epilogue::Bias, ElemType::BF16, "odd N; K is padded from 80 to 128 columns"},
    {16, 16, 8, 128, Epilogue::Plain, ElemType::F32, "one tile: K below a slice, N below the row padding"},
    {1, 8, 3, 32, Epilogue::Bias, ElemType::F32, "N = 1; K below one product"},
    {131, 128, 9, 48, Epilogue::Residual, ElemType::BF16,
     "odd N with a per-element operand; one token over a block of 8"},
    {67, 131, 16, 128, Epilogue::Plain, ElemType::BF16, "odd K: the last 16-byte copy of a row is partial"},
    {192, 256, 17, 32, Epilogue::Residual, ElemType::F32, "second bound plus one"},
    {256, 200, 33, 48, Epilogue::Silu, ElemType::BF16, "third bound plus one"},
    {80, 136, 12, 64, Epilogue::Bias, ElemType::BF16, "groups of one slice, the last one short"},
    {96, 320, 65, 128, Epilogue::Bias, ElemType::BF16, "one token beyond a block of 64"},
    {320, 128, 130, 32, Epilogue::Plain, ElemType::BF16, "three token blocks, the last nearly empty"},
    {131, 80, 261, 48, Epilogue::Residual, ElemType::BF16, "unbounded variant: odd N, padded K, partial token block"},
    {256, 192, 300, 128, Epilogue::Plain, ElemType::F32, "unbounded variant with several row blocks"},
    {16, 4096, 40, 128, Epilogue::Plain, ElemType::F32, "K of a real layer: sums far larger than their terms"},
};

} // namespace

std::vector<GemmCase> gemmCases() {
  std::vector<GemmCase> cases;
  for (WeightFormat format : kWeightFormats) {
    const WeightFormatInfo &info = infoOf(format);
    int64_t index = 0;
    for (const Shape &shape : kShapes) {
      // A third of the cases has one scale per row of W, a third of the others one scale for X.
      int64_t group = info.mayHaveGroups && index % 3 != 2 ? shape.group : 0;
      if (info.hasXScale() && group % 32 != 0)
        group *= 2; // whole products of 32 columns
      cases.push_back({format,
                       shape.n,
                       shape.k,
                       shape.rows,
                       group,
                       shape.output,
                       shape.epilogue,
                       {},
                       shape.reason,
                       info.mayHaveTensorScale() && index % 3 == 1});
      ++index;
    }
  }
  return cases;
}

} // namespace qcc::bench
