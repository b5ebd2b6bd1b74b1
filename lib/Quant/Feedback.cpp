//===- Feedback.cpp - Codes column by column, errors fed to later columns -------------===//

#include "Blas.h"
#include "GptqSteps.h"
#include "RowCodes.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <numeric>

namespace qcc::quant {
namespace {

/// Columns quantized one after the other between products.
constexpr int64_t kLeaf = 32;
/// Rows that a leaf is worked on together.
constexpr int64_t kTogether = 8;

/// One tile of rows: errors in the order of elimination, [height, k].
class Tile {
public:
  Tile(const Target &target, const Factor &factor, const std::vector<int32_t> &blocks, CodedMatrix &coded,
       int64_t begin, int64_t end)
      : target(target), factor(factor), blocks(blocks), coded(coded), first(begin), height(end - begin), k(factor.k),
        errors(height * k) {
    for (int64_t row = 0; row < height; ++row)
      for (int64_t i = 0; i < k; ++i) // W* is zero in dead columns
        errors[row * k + i] = target.w[(first + row) * k + factor.columns[i]];
  }

  double run(int64_t block) {
    std::vector<double> pushed(height * block);
    for (int64_t end = k; end > 0; end = std::max<int64_t>(0, end - block)) {
      int64_t begin = std::max<int64_t>(0, end - block), width = end - begin;
      std::fill(pushed.begin(), pushed.end(), 0.0);
      if (end < k)
        push(begin, end, end, k, pushed.data(), width);
      quantize(begin, end, pushed.data(), width);
    }
    return cost;
  }

private:
  /// pushed[row, j - begin] += Σ d_i L_ij over i in [from, to), for columns j in [begin, end).
  void push(int64_t begin, int64_t end, int64_t from, int64_t to, double *pushed, int64_t pitch) {
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, height, end - begin, to - from, 1, errors.data() + from, k,
                factor.lower.get() + from * k + begin, k, 1, pushed, pitch);
  }

  /// Positions [begin, end), the last first.
  void quantize(int64_t begin, int64_t end, double *pushed, int64_t pitch) {
    if (end - begin <= kLeaf) {
      for (int64_t row = 0; row < height; row += kTogether)
        quantizeLeaf(row, std::min(height, row + kTogether), begin, end, pushed, pitch);
      return;
    }
    int64_t middle = begin + (end - begin) / 2;
    quantize(middle, end, pushed + (middle - begin), pitch);
    push(begin, middle, middle, end, pushed, pitch);
    quantize(begin, middle, pushed, pitch);
  }

  /// Columns in turn, and for each several rows, whose divisions then overlap.
  void quantizeLeaf(int64_t rowBegin, int64_t rowEnd, int64_t begin, int64_t end, double *pushed, int64_t pitch) {
    std::vector<RowCodes> codes;
    for (int64_t row = rowBegin; row < rowEnd; ++row)
      codes.emplace_back(coded, blocks, first + row);
    for (int64_t j = end - 1; j >= begin; --j) {
      int64_t col = factor.columns[j];
      const double *lower = factor.lower.get() + j * k;
      bool dead = factor.dead[col];
      double perDiagonal = 1 / lower[j];
      for (int64_t row = rowBegin; row < rowEnd; ++row) {
        RowCodes &rowCodes = codes[row - rowBegin];
        double &error = errors[row * k + j], *push = pushed + row * pitch;
        double wanted = error + push[j - begin] * perDiagonal;
        bool kept = !dead && target.isFree(first + row, col);
        double value = rowCodes.value(col, rowCodes.code(col) = rowCodes.nearest(col, kept ? wanted : 0));
        error -= value;
        if (!dead) {
          double term = (wanted - value) * lower[j]; // Σ term² is the cost with H + λI
          cost += term * term - factor.lambda * error * error;
        }
        for (int64_t i = begin; i < j; ++i)
          push[i - begin] += error * lower[i];
      }
    }
  }

  const Target &target;
  const Factor &factor;
  const std::vector<int32_t> &blocks;
  CodedMatrix &coded;
  int64_t first, height, k;
  std::vector<double> errors;
  double cost = 0;
};

} // namespace

int64_t tileRows(const CodeFormat &format, int64_t rows) {
  // Taller tiles read the factor fewer times; small layers need tiles for each thread.
  int64_t tile = rows >= 2048 ? 256 : 128, together = format.rowsOf(rows);
  return together > 1 && together <= 256 ? (tile + together - 1) / together * together : tile;
}

double feedback(const Target &target, const Factor &factor, int64_t block, unsigned threads, CodedMatrix &coded) {
  SingleThreadedBlas blas;
  int64_t rows = target.rows, tile = tileRows(coded.format, rows);
  coded.codes.assign(size_t(rows * target.k), 0);
  std::vector<int32_t> blocks = blocksOfColumns(coded.format, target.k);
  std::vector<double> costs((rows + tile - 1) / tile);
  parallelFor(0, rows, tile, threads, [&](int64_t begin, int64_t end) {
    costs[begin / tile] = Tile(target, factor, blocks, coded, begin, end).run(block);
  });
  return std::accumulate(costs.begin(), costs.end(), 0.0);
}

} // namespace qcc::quant
