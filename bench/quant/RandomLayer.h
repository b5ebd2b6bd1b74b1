//===- RandomLayer.h - Weights and correlated inputs to time on ---*- C++ -*-===//
#ifndef QCC_BENCH_QUANT_RANDOMLAYER_H
#define QCC_BENCH_QUANT_RANDOMLAYER_H

#include "qcc/Quant/Moments.h"

#include <benchmark/benchmark.h>

namespace qcc::bench {

/// Gaussian weights, [rows, k].
std::vector<float> randomWeight(int64_t rows, int64_t k);
/// Inputs whose neighbouring columns are correlated, [tokens, k].
std::vector<float> randomInputs(int64_t tokens, int64_t k, unsigned seed);
/// Moments with cross and 256 held-out rows.
quant::Moments randomMoments(int64_t k, int64_t tokens);

/// GFLOP/s of one core: floating-point operations of an iteration over the processor time of all threads. Other
/// programs on the machine then count little.
void setFlops(benchmark::State &state, double flops);
/// Settings of every benchmark here.
void asStep(benchmark::internal::Benchmark *benchmark);

} // namespace qcc::bench

#endif // QCC_BENCH_QUANT_RANDOMLAYER_H
