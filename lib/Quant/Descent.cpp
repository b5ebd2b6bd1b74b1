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
#include "RowUpdate.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace qcc::quant {
namespace {

constexpr int64_t kChunk = 128;

class Descent {
public:
  Descent(const Target &target, const Moments &moments, std::span<const uint8_t> dead, unsigned threads,
          CodedMatrix &coded)
      : target(target), hessian(moments.hessian), dead(dead), threads(threads), coded(coded), rows(target.rows),
        k(target.k), tile(tileRows(coded.format, rows)), blockRows(coded.format.rowsOf(rows)),
        blockCols(coded.format.colsOf(k)) {
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
  int zeroOf(size_t block) const { return coded.zeros.empty() ? 0 : coded.zeros[block]; }
  float valueOf(int64_t row, int64_t col) const {
    size_t block = coded.blockOf(row, col);
    return decode(coded.format, coded.codes[row * k + col], coded.scales[block], zeroOf(block));
  }
  /// The code as a number, without its scale.
  float unitOf(int64_t row, int64_t col) const {
    return decode(coded.format, coded.codes[row * k + col], 1.0f, zeroOf(coded.blockOf(row, col)));
  }

  /// w* - q, [end - begin, k].
  std::vector<double> errorOf(int64_t begin, int64_t end) const {
    std::vector<double> error((end - begin) * k);
    for (int64_t row = begin; row < end; ++row)
      for (int64_t col = 0; col < k; ++col)
        error[(row - begin) * k + col] = double(target.w[row * k + col]) - valueOf(row, col);
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
    std::vector<double> error = errorOf(rowBegin, rowEnd), gradient(height * chunk), scratch;
    double gain = 0;
    for (int64_t begin = 0; begin < k; begin += chunk) {
      int64_t end = std::min(k, begin + chunk), width = end - begin;
      multiplyF32Transposed(error.data(), height, k, k, hessian.data() + begin * k, k, width, gradient.data(), width,
                            scratch);
      std::vector<double> block = diagonalBlock(begin, end);
      for (int64_t row = 0; row < height; ++row) {
        double *g = gradient.data() + row * width, *d = error.data() + row * k + begin;
        gain += moveCodes(rowBegin + row, begin, width, block.data(), g, d);
      }
      if (refitsInSweep)
        for (int64_t row = 0; row < height; row += blockRows)
          for (int64_t col = 0; col < width; col += blockCols)
            gain += refitInSweep(rowBegin, row, std::min(height, row + blockRows), begin, width, col,
                                 std::min(width, col + blockCols), block, gradient, error);
    }
    return gain;
  }

  double moveCodes(int64_t row, int64_t begin, int64_t width, const double *block, double *g, double *d) {
    double gain = 0;
    for (int64_t j = 0; j < width; ++j) {
      int64_t col = begin + j;
      if (dead[col] || !target.isFree(row, col))
        continue;
      double diagonal = block[j * width + j];
      size_t scaleBlock = coded.blockOf(row, col);
      float scale = coded.scales[scaleBlock];
      int zero = zeroOf(scaleBlock);
      int8_t &code = coded.codes[row * k + col];
      double value = decode(coded.format, code, scale, zero);
      int8_t wanted = encode(coded.format, float(value + g[j] / diagonal), scale, zero);
      if (wanted == code)
        continue;
      double step = decode(coded.format, wanted, scale, zero) - value, fall = step * (2 * g[j] - step * diagonal);
      if (!(fall > 0))
        continue;
      code = wanted;
      gain += fall;
      d[j] -= step;
      addScaled(g, -step, block + j * width, width);
    }
    return gain;
  }

  /// The stored scale nearest to `scale` + num / den, if it lowers the cost; `scale` otherwise.
  float better(float scale, double num, double den) const {
    if (!(den > 0))
      return scale;
    float wanted = storedScale(coded.format, float(scale + num / den));
    double step = double(wanted) - scale;
    return step * (2 * num - step * den) > 0 && std::signbit(wanted) == std::signbit(scale) ? wanted : scale;
  }

  /// The scale of rows [row, rowEnd) of the tile and columns [col, colEnd) of the chunk.
  double refitInSweep(int64_t tileBegin, int64_t row, int64_t rowEnd, int64_t begin, int64_t width, int64_t col,
                      int64_t colEnd, const std::vector<double> &block, std::vector<double> &gradient,
                      std::vector<double> &error) {
    int64_t height = rowEnd - row, inner = colEnd - col;
    std::vector<double> units(height * inner), products(height * width);
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < inner; ++j)
        units[i * inner + j] = unitOf(tileBegin + row + i, begin + col + j);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, height, width, inner, 1, units.data(), inner,
                block.data() + col * width, width, 0, products.data(), width);
    double num = 0, den = 0;
    for (int64_t i = 0; i < height; ++i)
      for (int64_t j = 0; j < inner; ++j) {
        num += units[i * inner + j] * gradient[(row + i) * width + col + j];
        den += units[i * inner + j] * products[i * width + col + j];
      }
    float &scale = coded.scales[coded.blockOf(tileBegin + row, begin + col)];
    float wanted = better(scale, num, den);
    double step = double(wanted) - scale;
    if (step == 0)
      return 0;
    scale = wanted;
    for (int64_t i = 0; i < height; ++i) {
      addScaled(gradient.data() + (row + i) * width, -step, products.data() + i * width, width);
      for (int64_t j = 0; j < inner; ++j)
        error[(row + i) * k + begin + col + j] -= step * units[i * inner + j];
    }
    return step * (2 * num - step * den);
  }

  /// Scales of the blocks of columns [begin, end), wider than a chunk or over many rows.
  double refit(int64_t begin, int64_t end) {
    std::vector<double> nums(rows), dens(rows);
    parallelFor(0, rows, tile, threads, [&](int64_t rowBegin, int64_t rowEnd) {
      int64_t height = rowEnd - rowBegin, inner = end - begin;
      std::vector<double> error = errorOf(rowBegin, rowEnd), units(height * inner), products(height * kChunk), scratch;
      for (int64_t row = 0; row < height; ++row)
        for (int64_t j = 0; j < inner; ++j)
          units[row * inner + j] = unitOf(rowBegin + row, begin + j);
      for (int64_t col = 0; col < k; col += kChunk) {
        int64_t width = std::min(kChunk, k - col);
        multiplyF32Transposed(units.data(), height, inner, inner, hessian.data() + col * k + begin, k, width,
                              products.data(), width, scratch);
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
