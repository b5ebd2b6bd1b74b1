//===- GptqSteps.h - The steps of Gptq.h, one by one --------------*- C++ -*-===//
#ifndef QCC_LIB_QUANT_GPTQSTEPS_H
#define QCC_LIB_QUANT_GPTQSTEPS_H

#include "qcc/Quant/Gptq.h"

#include <cstdlib>
#include <memory>

namespace qcc::quant {

struct Freed {
  void operator()(void *memory) const { std::free(memory); }
};

/// H + λI with its columns in the order of elimination, factored. Positions count against time: the column at the last
/// position is quantized first.
///
/// With L Lᵀ the matrix in that order and d = w* - q the errors so far, what the errors cost is Σ_j ((d L)_j)², and
/// column j alone decides its term once later positions are fixed. Its best value is therefore
///
///   t_j = w*_j + Σ_{i > j} d_i L_ij / L_jj
///
/// which is GPTQ's running weight: with U the upper Cholesky factor of the inverse, L reversed is U⁻¹ and GPTQ's
/// e_j = (t_j - q_j) / U_jj is (d L)_j. Using L spares the inverse and another factorization: k³/3 instead of 4k³/3
/// flops.
struct Factor {
  int64_t k = 0;
  double damping = 0; ///< after escalation
  int escalations = 0;
  double lambda = 0; ///< damping · mean of diag H over the inputs that are not always zero
  ColumnOrder order = ColumnOrder::Natural;
  std::vector<int64_t> columns; ///< of each position
  std::vector<uint8_t> dead;    ///< of each column: 1 when its input was always zero
  int64_t deadColumns = 0;
  /// [k, k], the lower triangle. From calloc: pages above the diagonal are never touched and take no memory, which is
  /// 0.8 GB for k = 14336.
  std::unique_ptr<double[], Freed> lower;
};
Expected<Factor> factorize(const Moments &moments, double damping, ColumnOrder order, unsigned threads);

/// W D, [rows, k]; empty without cross moments.
std::vector<float> crossProduct(std::span<const float> w, int64_t rows, const Moments &moments, unsigned threads);
/// W + β (W D)(H + λI)⁻¹ with dead columns zero. `product` is crossProduct's or empty.
std::vector<float> correct(std::span<const float> w, std::span<const float> product, int64_t rows, const Factor &factor,
                           double correction, unsigned threads);
/// tr(W H Wᵀ)
double energy(std::span<const float> w, int64_t rows, const Factor &factor, unsigned threads);

/// What feedback and descent bring Q close to.
struct Target {
  std::span<const float> w; ///< W*, [rows, k]
  int64_t rows = 0, k = 0;
  std::span<const uint8_t> mask; ///< empty: dense
  bool isFree(int64_t row, int64_t col) const { return mask.empty() || mask[size_t(row * k + col)]; }
};

/// Rows that are worked on together: whole blocks of scales where they are small. A function of the shape alone.
int64_t tileRows(const CodeFormat &format, int64_t rows);

/// Step 3: codes for coded's scales. Returns tr((W* - Q) H (W* - Q)ᵀ).
double feedback(const Target &target, const Factor &factor, int64_t block, unsigned threads, CodedMatrix &coded);
/// Step 4. Returns by how much tr((W* - Q) H (W* - Q)ᵀ) fell. Damping is left out: it keeps the inverse of H from
/// magnifying noise, and no inverse is used here.
double descend(const Target &target, const Moments &moments, std::span<const uint8_t> dead, int passes,
               unsigned threads, CodedMatrix &coded);

/// Shapes agree, weights are finite, the damping is a number.
Status checkLayer(std::span<const float> w, int64_t rows, const Moments &moments, double damping,
                  std::span<const uint8_t> mask);
/// Steps 2 to 4.
struct Solution {
  CodedMatrix coded;
  double cost; ///< tr((W* - Q) H (W* - Q)ᵀ)
};
Solution solve(const Target &target, const Moments &moments, const Factor &factor, const CodeFormat &format,
               const GptqOptions &options);
/// The values of a matrix, [rows, cols].
std::vector<float> decoded(const CodedMatrix &matrix);

} // namespace qcc::quant

#endif // QCC_LIB_QUANT_GPTQSTEPS_H
