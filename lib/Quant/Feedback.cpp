//===- Feedback.cpp - Codes column by column, errors fed to later columns -------------===//

#include "Blas.h"
#include "GptqSteps.h"
#include "RowUpdate.h"
#include "qcc/Support/Parallel.h"

#include <algorithm>
#include <numeric>

namespace qcc::quant {
namespace {

/// One tile of rows: errors in the order of elimination, [height, k].
class Tile {
public:
  Tile(const Target &target, const Factor &factor, CodedMatrix &coded, int64_t begin, int64_t end)
      : target(target), factor(factor), coded(coded), first(begin), height(end - begin), k(factor.k),
        errors(height * k) {
    for (int64_t row = 0; row < height; ++row)
      for (int64_t i = 0; i < k; ++i) {
        int64_t col = factor.columns[i];
        errors[row * k + i] = factor.dead[col] ? 0 : target.w[(first + row) * k + col];
      }
  }

  double run(int64_t block) {
    std::vector<double> pushed(height * block);
    for (int64_t end = k; end > 0;) {
      int64_t begin = std::max<int64_t>(0, end - block), width = end - begin;
      if (end < k) // Σ_{i ≥ end} d_i L_ij for the block's columns j
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, height, width, k - end, 1, errors.data() + end, k,
                    factor.lower.data() + end * k + begin, k, 0, pushed.data(), width);
      else
        std::fill(pushed.begin(), pushed.end(), 0.0);
      for (int64_t row = 0; row < height; ++row)
        quantize(row, begin, end, pushed.data() + row * width);
      end = begin;
    }
    return cost;
  }

private:
  void quantize(int64_t row, int64_t begin, int64_t end, double *pushed) {
    const CodeFormat &format = coded.format;
    for (int64_t j = end - 1; j >= begin; --j) {
      int64_t col = factor.columns[j];
      const double *lower = factor.lower.data() + j * k;
      double &error = errors[row * k + j];
      double wanted = error + pushed[j - begin] / lower[j];
      bool kept = !factor.dead[col] && target.isFree(first + row, col);
      size_t block = coded.blockOf(first + row, col);
      float scale = coded.scales[block];
      int zero = coded.zeros.empty() ? 0 : coded.zeros[block];
      int8_t code = encode(format, kept ? float(wanted) : 0.0f, scale, zero);
      coded.codes[(first + row) * k + col] = code;
      double value = decode(format, code, scale, zero);
      error -= value;
      double term = (wanted - value) * lower[j];
      if (!factor.dead[col]) {
        // Σ term² is the cost with H + λI.
        cost += term * term - factor.lambda * error * error;
      }
      addScaled(pushed, error, lower + begin, j - begin);
    }
  }

  const Target &target;
  const Factor &factor;
  CodedMatrix &coded;
  int64_t first, height, k;
  std::vector<double> errors;
  double cost = 0;
};

} // namespace

int64_t tileRows(const CodeFormat &format, int64_t rows) {
  // Taller tiles read the factor fewer times; small layers need tiles for each thread.
  int64_t tile = rows >= 2048 ? 256 : 64, together = format.rowsOf(rows);
  return together > 1 && together <= 256 ? (tile + together - 1) / together * together : tile;
}

double feedback(const Target &target, const Factor &factor, int64_t block, unsigned threads, CodedMatrix &coded) {
  SingleThreadedBlas blas;
  int64_t rows = target.rows, tile = tileRows(coded.format, rows);
  coded.codes.assign(size_t(rows * target.k), 0);
  std::vector<double> costs((rows + tile - 1) / tile);
  parallelFor(0, rows, tile, threads, [&](int64_t begin, int64_t end) {
    costs[begin / tile] = Tile(target, factor, coded, begin, end).run(block);
  });
  return std::accumulate(costs.begin(), costs.end(), 0.0);
}

} // namespace qcc::quant
