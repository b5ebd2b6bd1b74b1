//===- Descent.cpp - Coordinate descent over codes, least-squares scales -------------===//
//
// With d = w* - q of a row and g = d H, moving one weight by Δ changes the row's cost by Δ (Δ h_jj - 2 g_j): the
// best grid point is the one nearest to q_j + g_j / h_jj. Columns are swept in chunks: g of a chunk is computed afresh
// from d (one product), kept up to date inside the chunk while codes move, and forgotten. So nothing of size [rows, k]
// is kept in f64, and errors do not pile up.
//
// A scale s of codes c (of one block, other blocks fixed) is best at s + c H dᵀ / c H cᵀ. Where blocks
// are no wider than a chunk that is computed inside the sweep, else by a product of its own at the end of a pass. A
// scale is rounded to its stored type and kept only if the cost falls.
//
//===----------------------------------------------------------------------===//

#include "Blas.h"
#include "GptqSteps.h"
#include "RowCodes.h"
#include "RowUpdate.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qcc::quant {
namespace {

constexpr int64_t kChunk = 128;
/// A move must gain this share of what the step itself costs: more than the rounding of f32 sums can pretend.
constexpr double kMargin = 1e-3;

class Descent {
public:
  Descent(const Target &target, const Moments &moments, std::span<const uint8_t> dead, unsigned threads,
          CodedMatrix &coded)
      : target(target), hessian(moments.hessian), dead(dead), threads(threads), coded(coded), rows(target.rows),
        k(target.k), tile(tileRows(coded.format, rows)), blockRows(coded.format.rowsOf(rows)),
        blockCols(coded.format.colsOf(k)) {
    blocks = blocksOfColumns(coded.format, k);
    refitsInSweep = blockCols <= kChunk && tile % blockRows == 0;
    chunk = blockCols <= kChunk ? blockCols * (kChunk / blockCols) : kChunk;
  }

  /// One sweep over codes and scales; returns by how much the cost fell.
  double pass() {
    std::vector<double> gains((rows + tile - 1) / tile);
    parallelFor(0, rows, tile, threads, [&](int64_t begin, int64_t end) { gains[begin / tile] = sweep(begin, end); });
    double gain = std::accumulate(gains.begin(), gains.end(), 0.0);
    if (!refitsInSweep)
      for (int64_t col = 0; col < k; col += blockCols)
        gain += refit(col, std::min(k, col + blockCols));
    return gain;
  }

private:
  /// w* - q, [end - begin, k].
  std::vector<double> errorOf(int64_t begin, int64_t end) {
    std::vector<double> error((end - begin) * k);
    for (int64_t row = begin; row < end; ++row) {
      RowCodes codes(coded, blocks, row);
      for (int64_t col = 0; col < k; ++col)
        error[(row - begin) * k + col] = double(target.w[row * k + col]) - codes.value(col);
    }
    return error;
  }

  /// H[begin:end, begin:end] in f64.
  std::vector<double> diagonalBlock(int64_t begin, int64_t end) const {
    int64_t width = end - begin;
    std::vector<double> block(width * width);
    for (int64_t i = 0; i < width; ++i)
      std::copy_n(hessian.data() + (begin + i) * k + begin, width, block.data() + i * width);
    return block;
  }

  double sweep(int64_t rowBegin, int64_t rowEnd) {
    int64_t height = rowEnd - rowBegin;
    std::vector<double> error = errorOf(rowBegin, rowEnd), gradient(height * chunk);
    std::vector<float> single(error.begin(), error.end()), products(height * chunk);
    double gain = 0;
    for (int64_t begin = 0; begin < k; begin += chunk) {
      int64_t end = std::min(k, begin + chunk), width = end - begin;
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, height, width, k, 1, single.data(), k,
                  hessian.data() + begin * k, k, 0, products.data(), width);
      std::copy_n(products.begin(), height * width, gradient.begin());
      std::vector<double> block = diagonalBlock(begin, end);
      for (int64_t row = 0; row < height; ++row) {
        double *g = gradient.data() + row * width, *d = error.data() + row * k + begin;
        gain += moveCodes(rowBegin + row, begin, width, block.data(), g, d);
      }
      if (refitsInSweep)
        for (int64_t col = 0; col < width; col += blockCols)
          gain += refitInSweep(rowBegin, height, begin, width, col, std::min(width, col + blockCols), block, gradient,
                               error);
      for (int64_t row = 0; row < height; ++row)
        std::copy_n(error.data() + row * k + begin, width, single.data() + row * k + begin);
    }
    return gain;
  }

  double moveCodes(int64_t row, int64_t begin, int64_t width, const double *block, double *g, double *d) {
    RowCodes codes(coded, blocks, row);
    double gain = 0;
    for (int64_t j = 0; j < width; ++j) {
      int64_t col = begin + j;
      double diagonal = block[j * width + j];
      if (std::fabs(g[j]) <= reach(codes, col) * diagonal || dead[col] || !target.isFree(row, col))
        continue;
      double value = codes.value(col);
      int8_t wanted = codes.nearest(col, value + g[j] / diagonal);
      double step = codes.value(col, wanted) - value, fall = step * (2 * g[j] - step * diagonal);
      if (!(fall > kMargin * step * step * diagonal))
        continue;
      codes.code(col) = wanted;
      gain += fall;
      d[j] -= step;
      addScaled(g, -step, block + j * width, width);
    }
    return gain;
  }

  /// No other code is nearest to what lies within this of a code's number. A little less than half a step of the grid;
  /// steps of e4m3 are at least the number's sixteenth, and never below 2⁻⁹.
  double reach(const RowCodes &codes, int64_t col) const {
    double scale = std::fabs(codes.scale(col));
    if (coded.format.kind == CodeFormat::Kind::Int)
      return 0.499 * scale;
    return 0.499 * std::max(std::fabs(codes.value(col)) / 16.0, scale * 0x1p-9);
  }

  /// The stored scale nearest to `scale` + num / den, if it lowers the cost; `scale` otherwise.
  float better(float scale, double num, double den) const {
    if (!(den > 0))
      return scale;
    float wanted = storedScale(coded.format, float(scale + num / den));
    double step = double(wanted) - scale;
    return step * (2 * num - step * den) > 0 && std::signbit(wanted) == std::signbit(scale) ? wanted : scale;
  }

  /// The scales of a tile's rows for columns [col, colEnd) of a chunk.
  double refitInSweep(int64_t tileBegin, int64_t height, int64_t begin, int64_t width, int64_t col, int64_t colEnd,
                      const std::vector<double> &block, std::vector<double> &gradient, std::vector<double> &error) {
    int64_t inner = colEnd - col;
    std::vector<double> units(height * inner), products(height * width);
    for (int64_t row = 0; row < height; ++row) {
      RowCodes codes(coded, blocks, tileBegin + row);
      for (int64_t j = 0; j < inner; ++j)
        units[row * inner + j] = codes.unit(begin + col + j);
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, height, width, inner, 1, units.data(), inner,
                block.data() + col * width, width, 0, products.data(), width);
    double gain = 0;
    for (int64_t first = 0; first < height; first += blockRows) {
      int64_t last = std::min(height, first + blockRows);
      double num = 0, den = 0;
      for (int64_t row = first; row < last; ++row)
        for (int64_t j = 0; j < inner; ++j) {
          num += units[row * inner + j] * gradient[row * width + col + j];
          den += units[row * inner + j] * products[row * width + col + j];
        }
      float &scale = coded.scales[coded.blockOf(tileBegin + first, begin + col)];
      float wanted = better(scale, num, den);
      double step = double(wanted) - scale;
      if (step == 0)
        continue;
      gain += step * (2 * num - step * den);
      scale = wanted;
      for (int64_t row = first; row < last; ++row) {
        addScaled(gradient.data() + row * width, -step, products.data() + row * width, width);
        addScaled(error.data() + row * k + begin + col, -step, units.data() + row * inner, inner);
      }
    }
    return gain;
  }

  /// Scales of the blocks of columns [begin, end), wider than a chunk or over many rows.
  double refit(int64_t begin, int64_t end) {
    std::vector<double> nums(rows), dens(rows);
    parallelFor(0, rows, tile, threads, [&](int64_t rowBegin, int64_t rowEnd) {
      int64_t height = rowEnd - rowBegin, inner = end - begin;
      std::vector<double> error = errorOf(rowBegin, rowEnd);
      std::vector<float> units(height * inner), products(height * kChunk);
      for (int64_t row = 0; row < height; ++row) {
        RowCodes codes(coded, blocks, rowBegin + row);
        for (int64_t j = 0; j < inner; ++j)
          units[row * inner + j] = codes.unit(begin + j);
      }
      for (int64_t col = 0; col < k; col += kChunk) {
        int64_t width = std::min(kChunk, k - col);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, height, width, inner, 1, units.data(), inner,
                    hessian.data() + col * k + begin, k, 0, products.data(), width);
        for (int64_t row = 0; row < height; ++row)
          for (int64_t j = 0; j < width; ++j) {
            bool inside = col + j >= begin && col + j < end;
            double unit = inside ? units[row * inner + col + j - begin] : 0;
            double product = products[row * width + j];
            nums[rowBegin + row] += product * error[row * k + col + j];
            dens[rowBegin + row] += product * unit;
          }
      }
    });
    double gain = 0;
    for (int64_t row = 0; row < rows; row += blockRows) {
      int64_t last = std::min(rows, row + blockRows);
      double num = std::accumulate(nums.begin() + row, nums.begin() + last, 0.0);
      double den = std::accumulate(dens.begin() + row, dens.begin() + last, 0.0);
      float &scale = coded.scales[coded.blockOf(row, begin)];
      float wanted = better(scale, num, den);
      double step = double(wanted) - scale;
      gain += step * (2 * num - step * den);
      scale = wanted;
    }
    return gain;
  }

  const Target &target;
  std::span<const float> hessian;
  std::span<const uint8_t> dead;
  unsigned threads;
  CodedMatrix &coded;
  int64_t rows, k, tile, blockRows, blockCols, chunk;
  std::vector<int32_t> blocks;
  bool refitsInSweep;
};

} // namespace

double descend(const Target &target, const Moments &moments, std::span<const uint8_t> dead, int passes,
               unsigned threads, CodedMatrix &coded) {
  SingleThreadedBlas blas;
  Descent descent(target, moments, dead, threads, coded);
  double fall = 0;
  for (int pass = 0; pass < passes; ++pass)
    fall += descent.pass();
  return fall;
}

} // namespace qcc::quant
