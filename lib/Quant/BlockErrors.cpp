//===- BlockErrors.cpp ----------------------------------------------------===//

#include "BlockErrors.h"
#include "Rounding.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>

namespace qcc::quant {
namespace {

constexpr int64_t kSegment = 256;  ///< columns summed in f32 before the sums go to f64; stays in the first cache
constexpr int64_t kPieceRows = 16; ///< rows of one task, and of one partial sum
constexpr int kLanes = 8;          ///< independent f32 sums: additions of one sum would wait for each other

struct IntGrid {
  float inverse, low, high;
  IntGrid(const CodeFormat &format, const Candidate &candidate)
      : inverse(1.0f / candidate.scale), low(float(format.minCode() - candidate.zero)),
        high(float(format.maxCode() - candidate.zero)) {}
  float operator()(float w) const { return roundToInteger(clampTo(w * inverse, low, high)); }
};

struct E4M3Grid {
  float inverse;
  E4M3Grid(const CodeFormat &, const Candidate &candidate) : inverse(1.0f / candidate.scale) {}
  float operator()(float w) const { return roundToE4M3(w * inverse); }
};

double sumOf(const float (&lanes)[kLanes]) {
  double sum = 0;
  for (float lane : lanes)
    sum += double(lane);
  return sum;
}

/// One row's segment. `affine`: the sums without q or r as factors are wanted too.
template <bool affine, typename Grid>
void sumSegment(const float *w, const float *importance, int64_t count, Grid grid, float scale, BlockSums &sums) {
  float rr[kLanes] = {}, rq[kLanes] = {}, qq[kLanes] = {}, rs[kLanes] = {}, qs[kLanes] = {}, ones[kLanes] = {};
  auto add = [&](int64_t i, int lane) {
    float q = grid(w[i]), r = w[i] - scale * q, iq = importance[i] * q, ir = importance[i] * r;
    rr[lane] += ir * r;
    rq[lane] += ir * q;
    qq[lane] += iq * q;
    if constexpr (affine) {
      rs[lane] += ir;
      qs[lane] += iq;
      ones[lane] += importance[i];
    }
  };
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (int lane = 0; lane < kLanes; ++lane)
      add(i + lane, lane);
  for (int lane = 0; i < count; ++i, ++lane)
    add(i, lane);
  sums += BlockSums{sumOf(rr), sumOf(rq), sumOf(qq), sumOf(rs), sumOf(qs), sumOf(ones)};
}

void sumRows(const WeightBlock &block, int64_t begin, int64_t end, const CodeFormat &format,
             std::span<const Candidate> candidates, BlockSums *sums) {
  for (int64_t row = begin; row < end; ++row)
    for (int64_t col = 0; col < block.cols; col += kSegment) {
      const float *w = block.w + row * block.pitch + col, *importance = block.importance + col;
      int64_t count = std::min(kSegment, block.cols - col);
      for (size_t c = 0; c < candidates.size(); ++c) {
        float scale = candidates[c].scale;
        if (format.kind == CodeFormat::Kind::E4M3)
          sumSegment<false>(w, importance, count, E4M3Grid(format, candidates[c]), scale, sums[c]);
        else if (format.zeroPoint)
          sumSegment<true>(w, importance, count, IntGrid(format, candidates[c]), scale, sums[c]);
        else
          sumSegment<false>(w, importance, count, IntGrid(format, candidates[c]), scale, sums[c]);
      }
    }
}

} // namespace

BlockSums &BlockSums::operator+=(const BlockSums &other) {
  rr += other.rr, rq += other.rq, qq += other.qq;
  r += other.r, q += other.q, one += other.one;
  return *this;
}

double BlockSums::errorOf(const Candidate &own, const Candidate &other) const {
  double d = double(other.scale) - double(own.scale);
  double shift = double(other.scale) * double(own.zero - other.zero);
  return rr - 2 * d * rq + d * d * qq + shift * (shift * one - 2 * r + 2 * d * q);
}

void sumBlock(const WeightBlock &block, const CodeFormat &format, std::span<const Candidate> candidates,
              unsigned threads, std::vector<BlockSums> &sums) {
  sums.assign(candidates.size(), {});
  if (block.rows <= kPieceRows)
    return sumRows(block, 0, block.rows, format, candidates, sums.data());
  size_t pieces = size_t((block.rows + kPieceRows - 1) / kPieceRows), count = candidates.size();
  std::vector<BlockSums> partial(pieces * count);
  parallelFor(0, block.rows, kPieceRows, threads, [&](int64_t begin, int64_t end) {
    sumRows(block, begin, end, format, candidates, &partial[size_t(begin / kPieceRows) * count]);
  });
  for (size_t piece = 0; piece < pieces; ++piece)
    for (size_t c = 0; c < count; ++c)
      sums[c] += partial[piece * count + c];
}

} // namespace qcc::quant
