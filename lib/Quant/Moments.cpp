//===- Moments.cpp --------------------------------------------------------===//

#include "qcc/Quant/Moments.h"
#include "Blas.h"
#include "qcc/Quant/NonFinite.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace qcc::quant {
namespace {

constexpr int64_t kTile = 512;

/// sum[k, k] += aᵀ b over `rows` rows of a and b [rows, k]; with `symmetric`, the lower triangle alone.
void addProducts(const std::vector<float> &a, const std::vector<float> &b, int64_t rows, int64_t k, bool symmetric,
                 unsigned threads, std::vector<float> &sum) {
  std::vector<std::pair<int64_t, int64_t>> tiles;
  for (int64_t row = 0; row < k; row += kTile)
    for (int64_t col = 0; col < (symmetric ? row + 1 : k); col += kTile)
      tiles.push_back({row, col});
  parallelFor(0, int64_t(tiles.size()), 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      auto [row, col] = tiles[i];
      int64_t height = std::min(kTile, k - row), width = std::min(kTile, k - col);
      float *out = sum.data() + row * k + col;
      if (symmetric && row == col)
        cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, height, rows, 1, a.data() + row, k, 1, out, k);
      else
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, height, width, rows, 1, a.data() + row, k, b.data() + col,
                    k, 1, out, k);
    }
  });
}

/// The upper triangle from the lower one, in tiles that fit a cache both ways.
void mirror(std::vector<float> &matrix, int64_t k, unsigned threads) {
  constexpr int64_t kSide = 64;
  parallelFor(0, k, kSide, threads, [&](int64_t rowBegin, int64_t rowEnd) {
    for (int64_t colBegin = 0; colBegin < rowEnd; colBegin += kSide)
      for (int64_t row = rowBegin; row < rowEnd; ++row)
        for (int64_t col = colBegin; col < std::min(colBegin + kSide, row); ++col)
          matrix[col * k + row] = matrix[row * k + col];
  });
}

} // namespace

MomentSum::MomentSum(int64_t k, bool withCross, unsigned threads) : withCross(withCross), threads(threads) {
  sums.k = k;
  sums.hessian.resize(k * k);
  if (withCross)
    sums.cross.resize(k * k);
}

void MomentSum::add(std::span<const float> xq, std::span<const float> xf, int64_t rows) {
  int64_t k = sums.k;
  chunkQuant.reserve(size_t(kMomentChunk * k));
  chunkDifference.reserve(withCross ? size_t(kMomentChunk * k) : 0);
  assert(xq.size() == size_t(rows * k) && xf.size() == (withCross ? xq.size() : 0));
  for (int64_t row = 0; row < rows;) {
    int64_t taken = std::min(rows - row, kMomentChunk - chunkRows);
    size_t first = size_t(row * k), count = size_t(taken * k);
    chunkQuant.insert(chunkQuant.end(), xq.begin() + first, xq.begin() + first + count);
    if (withCross)
      for (size_t i = first; i < first + count; ++i)
        chunkDifference.push_back(xf[i] - xq[i]);
    chunkRows += taken;
    row += taken;
    if (chunkRows == kMomentChunk)
      addChunk();
  }
}

void MomentSum::addChunk() {
  SingleThreadedBlas blas;
  addProducts(chunkQuant, chunkQuant, chunkRows, sums.k, true, threads, sums.hessian);
  if (withCross)
    addProducts(chunkDifference, chunkQuant, chunkRows, sums.k, false, threads, sums.cross);
  sums.tokens += chunkRows;
  chunkRows = 0;
  chunkQuant.clear();
  chunkDifference.clear();
}

void MomentSum::addHeldOut(std::span<const float> xq, std::span<const float> xf, int64_t rows) {
  assert(xq.size() == size_t(rows * sums.k) && (xf.size() == xq.size() || (xf.empty() && !withCross)));
  sums.heldOutQuant.insert(sums.heldOutQuant.end(), xq.begin(), xq.end());
  sums.heldOutFloat.insert(sums.heldOutFloat.end(), xf.begin(), xf.end());
  sums.heldOut += rows;
}

Expected<Moments> MomentSum::finish() && {
  if (chunkRows > 0)
    addChunk();
  std::vector<float>().swap(chunkQuant);
  std::vector<float>().swap(chunkDifference);
  if (sums.tokens == 0)
    return Error{"second moments of inputs: no token was added; give calibration data"};
  int64_t k = sums.k;
  float perToken = 1.0f / float(sums.tokens);
  for (float &value : sums.hessian)
    value *= perToken;
  for (float &value : sums.cross)
    value *= perToken;
  // A NaN or infinity of x_q reaches its own diagonal element; one of x_f alone reaches its row of the cross moments.
  int64_t bad = 0;
  while (bad < k && std::isfinite(sums.hessian[bad * k + bad]))
    ++bad;
  if (bad == k && withCross)
    bad = (std::find_if(sums.cross.begin(), sums.cross.end(), [](float value) { return !std::isfinite(value); }) -
           sums.cross.begin()) /
          k;
  if (bad < k)
    return Error{text("second moments of inputs: NaN, infinity or more than f32 holds in column ", bad, " of ", k,
                      "; look at the layer's inputs on the calibration data")};
  for (const std::vector<float> *rows : {&sums.heldOutQuant, &sums.heldOutFloat})
    if (auto found = findNonFinite(*rows))
      return Error{text("held-out inputs: NaN or infinity in column ", found->first % k, " of ", k,
                        "; look at the layer's inputs on the calibration data")};
  mirror(sums.hessian, k, threads);
  return std::move(sums);
}

} // namespace qcc::quant
