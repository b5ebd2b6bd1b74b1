//===- MaskSearch.cpp - The best two of four, other weights fixed ---------===//
//
// With d = w* - q and g = d A of a row, changing the weights of a four by δ changes the row's cost by
//
//   δ A₄₄ δᵀ - 2 g₄ δᵀ
//
// A mask {a, b} sets δ = -q on the other two and leaves δ_a, δ_b free: two linear equations. Columns are swept in
// chunks: g of a chunk is computed afresh from d, kept up to date inside the chunk, and forgotten (see Descent.cpp).
//
//===----------------------------------------------------------------------===//

#include "Blas.h"
#include "RowUpdate.h"
#include "SparsitySteps.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <array>

namespace qcc::quant {
namespace {

constexpr int64_t kRows = 64;
constexpr int64_t kChunk = 128;
/// A new mask has to be better by more than rounding, so that equal masks do not take turns.
constexpr double kLeastGain = 1e-12;

using Four = std::array<double, 4>;

/// The four of columns [col, col + count) of one row.
struct Quad {
  int count;
  double a[4][4];
  Four q, g;

  double costOf(const Four &delta) const {
    double cost = 0;
    for (int i = 0; i < count; ++i) {
      double image = 0;
      for (int j = 0; j < count; ++j)
        image += a[i][j] * delta[size_t(j)];
      cost += delta[size_t(i)] * (image - 2 * g[size_t(i)]);
    }
    return cost;
  }

  /// The best change that keeps columns x and y alone.
  Four changeTo(int x, int y) const {
    Four delta{};
    double rx = g[size_t(x)], ry = g[size_t(y)];
    for (int i = 0; i < count; ++i)
      if (i != x && i != y) {
        delta[size_t(i)] = -q[size_t(i)];
        rx -= a[x][i] * delta[size_t(i)];
        ry -= a[y][i] * delta[size_t(i)];
      }
    // A₄₄ is positive definite, hence so is this determinant.
    double determinant = a[x][x] * a[y][y] - a[x][y] * a[x][y];
    delta[size_t(x)] = (rx * a[y][y] - ry * a[x][y]) / determinant;
    delta[size_t(y)] = (ry * a[x][x] - rx * a[x][y]) / determinant;
    return delta;
  }
};

class Sweep {
public:
  Sweep(std::span<const float> w, const Normal &normal, Masked &masked, int64_t first, int64_t height)
      : normal(normal), masked(masked), first(first), height(height), k(normal.k), errors(size_t(height * k)) {
    for (size_t i = 0; i < errors.size(); ++i)
      errors[i] = double(w[size_t(first * k) + i]) - masked.q[size_t(first * k) + i];
  }

  void run() {
    std::vector<double> scratch;
    for (int64_t begin = 0; begin < k; begin += kChunk) {
      int64_t end = std::min(k, begin + kChunk), width = end - begin;
      gradient.resize(size_t(height * width));
      normal.multiply(errors.data(), height, begin, end, gradient.data(), scratch);
      block.resize(size_t(width * width));
      for (int64_t i = 0; i < width; ++i)
        for (int64_t j = 0; j < width; ++j)
          block[size_t(i * width + j)] = normal.at(begin + i, begin + j);
      for (int64_t row = 0; row < height; ++row)
        for (int64_t col = begin; col < end; col += 4)
          choose(row, begin, width, col, int(std::min<int64_t>(4, end - col)));
    }
  }

private:
  void choose(int64_t row, int64_t begin, int64_t width, int64_t col, int count) {
    if (count <= 2)
      return;
    double *q = &masked.q[size_t((first + row) * k + col)], *error = &errors[size_t(row * k + col)];
    uint8_t *mask = &masked.mask[size_t((first + row) * k + col)];
    double *g = &gradient[size_t(row * width)];
    Quad quad{count, {}, {}, {}};
    for (int i = 0; i < count; ++i) {
      quad.q[size_t(i)] = q[i];
      quad.g[size_t(i)] = g[col - begin + i];
      for (int j = 0; j < count; ++j)
        quad.a[i][j] = block[size_t((col - begin + i) * width + col - begin + j)];
    }
    // Zero for the row as it is: a cost below is a gain.
    double least = 0;
    for (int i = 0; i < count; ++i)
      least -= kLeastGain * quad.a[i][i] * quad.q[size_t(i)] * quad.q[size_t(i)];
    int keptX = -1, keptY = -1;
    Four best{};
    for (int x = 0; x < count; ++x)
      for (int y = x + 1; y < count; ++y) {
        Four delta = quad.changeTo(x, y);
        double cost = quad.costOf(delta);
        if (cost < least) {
          least = cost;
          best = delta;
          keptX = x, keptY = y;
        }
      }
    if (keptX < 0)
      return;
    for (int i = 0; i < count; ++i) {
      mask[i] = i == keptX || i == keptY;
      double value = mask[i] ? q[i] + best[size_t(i)] : 0.0, moved = value - q[i];
      q[i] = value;
      error[i] -= moved;
      addScaled(g, -moved, &block[size_t((col - begin + i) * width)], width);
    }
  }

  const Normal &normal;
  Masked &masked;
  int64_t first, height, k;
  std::vector<double> errors;   ///< w* - q
  std::vector<double> gradient; ///< of the chunk
  std::vector<double> block;    ///< A of the chunk
};

} // namespace

void searchMasks(std::span<const float> w, int64_t rows, const Normal &normal, unsigned threads, Masked &masked) {
  SingleThreadedBlas blas;
  parallelFor(0, rows, kRows, threads,
              [&](int64_t begin, int64_t end) { Sweep(w, normal, masked, begin, end - begin).run(); });
}

} // namespace qcc::quant
