//===- Cholesky.cpp - Recursive factorization over BLAS tiles -------------===//
//
// A = [A11; A21 A22]: factor A11, solve L21 = A21 L11⁻ᵀ, subtract L21 L21ᵀ from A22, factor that. Nearly all work is
// then in products of large tiles. Halves are cut at multiples of a tile, which depends on n alone.
//
//===----------------------------------------------------------------------===//

#include "qcc/Quant/Cholesky.h"
#include "Blas.h"
#include "qcc/Support/Parallel.h"
#include "qcc/Support/Text.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace qcc::quant {
namespace {

constexpr int64_t kLeaf = 32;  ///< factored without blocks
constexpr int64_t kTile = 512; ///< of products
constexpr int64_t kRows = 128; ///< of triangular solves

/// Where to cut n rows: near the middle, at a multiple of the largest power of two that leaves both halves of use.
int64_t half(int64_t n) {
  int64_t step = kLeaf;
  while (step < kTile && step * 4 <= n)
    step *= 2;
  return (n / 2 + step - 1) / step * step;
}

/// A view of a square matrix inside a larger one.
struct Square {
  double *data;
  int64_t n, pitch;
  double *at(int64_t row, int64_t col) const { return data + row * pitch + col; }
};

/// The position of the first pivot not above floor[i].
std::optional<int64_t> factorLeaf(Square a, const double *floor) {
  for (int64_t j = 0; j < a.n; ++j) {
    double pivot = *a.at(j, j);
    for (int64_t m = 0; m < j; ++m)
      pivot -= *a.at(j, m) * *a.at(j, m);
    if (!(pivot > floor[j]) || !std::isfinite(pivot))
      return j;
    double root = std::sqrt(pivot);
    *a.at(j, j) = root;
    for (int64_t i = j + 1; i < a.n; ++i) {
      double value = *a.at(i, j);
      for (int64_t m = 0; m < j; ++m)
        value -= *a.at(i, m) * *a.at(j, m);
      *a.at(i, j) = value / root;
    }
  }
  return std::nullopt;
}

/// c[n, n] -= b[n, inner] bᵀ, lower triangle.
void subtractProduct(Square c, const double *b, int64_t inner, unsigned threads) {
  std::vector<std::pair<int64_t, int64_t>> tiles;
  for (int64_t row = 0; row < c.n; row += kTile)
    for (int64_t col = 0; col <= row; col += kTile)
      tiles.push_back({row, col});
  parallelFor(0, int64_t(tiles.size()), 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      auto [row, col] = tiles[i];
      int64_t rows = std::min(kTile, c.n - row), cols = std::min(kTile, c.n - col);
      if (row == col)
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, inner, -1, b + row * c.pitch, c.pitch, 1,
                    c.at(row, row), c.pitch);
      else
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, cols, inner, -1, b + row * c.pitch, c.pitch,
                    b + col * c.pitch, c.pitch, 1, c.at(row, col), c.pitch);
    }
  });
}

std::optional<int64_t> factor(Square a, const double *floor, unsigned threads) {
  if (a.n <= kLeaf)
    return factorLeaf(a, floor);
  int64_t first = half(a.n), second = a.n - first;
  if (auto failed = factor({a.data, first, a.pitch}, floor, threads))
    return failed;
  double *below = a.at(first, 0);
  parallelFor(0, second, kRows, threads, [&](int64_t begin, int64_t end) {
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, end - begin, first, 1, a.data, a.pitch,
                below + begin * a.pitch, a.pitch);
  });
  Square rest{a.at(first, first), second, a.pitch};
  subtractProduct(rest, below, first, threads);
  if (auto failed = factor(rest, floor + first, threads))
    return *failed + first;
  return std::nullopt;
}

} // namespace

Status choleskyLower(double *a, int64_t n, unsigned threads) {
  SingleThreadedBlas blas;
  std::vector<double> floor(n);
  for (int64_t i = 0; i < n; ++i)
    floor[i] = std::max(0.0, a[i * n + i] * double(n) * std::numeric_limits<double>::epsilon());
  if (auto failed = factor({a, n, n}, floor.data(), threads))
    return Error{text("matrix of ", n, " rows is not positive definite: pivot ", *failed)};
  return {};
}

void solveRows(const double *lower, int64_t n, double *b, int64_t rows, int64_t pitch, unsigned threads) {
  SingleThreadedBlas blas;
  parallelFor(0, rows, kRows, threads, [&](int64_t begin, int64_t end) {
    for (CBLAS_TRANSPOSE transpose : {CblasTrans, CblasNoTrans})
      cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, transpose, CblasNonUnit, end - begin, n, 1, lower, n,
                  b + begin * pitch, pitch);
  });
}

} // namespace qcc::quant
