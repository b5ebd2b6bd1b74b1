//===- Steps.cpp - The hot loops of GPTQ, one by one ----------------------===//
//
// Flops counted are those of the mathematics: symmetric results once, no padding, no conversion.
//
//===----------------------------------------------------------------------===//

#include "GptqSteps.h"
#include "RandomLayer.h"
#include "qcc/Quant/Cholesky.h"
#include "qcc/Support/Parallel.h"

namespace qcc::bench {
namespace {

using namespace quant;

void hessian(benchmark::State &state) {
  int64_t k = state.range(0);
  std::vector<float> x = randomInputs(kMomentChunk, k, 1);
  MomentSum sum(k, false, defaultThreads());
  for (auto _ : state)
    sum.add(x, {}, kMomentChunk);
  setFlops(state, double(kMomentChunk) * double(k) * double(k + 1));
}
BENCHMARK(hessian)->Name("step/hessian_f32")->Arg(256)->Arg(4096)->Arg(14336)->Apply(asStep);

void cross(benchmark::State &state) {
  int64_t k = state.range(0);
  std::vector<float> x = randomInputs(kMomentChunk, k, 1), xf = randomInputs(kMomentChunk, k, 2);
  MomentSum sum(k, true, defaultThreads());
  for (auto _ : state)
    sum.add(x, xf, kMomentChunk);
  setFlops(state, double(kMomentChunk) * double(k) * (3.0 * double(k) + 1));
}
BENCHMARK(cross)->Name("step/hessian_and_cross_f32")->Arg(4096)->Apply(asStep);

void factorization(benchmark::State &state) {
  int64_t k = state.range(0);
  Moments moments = randomMoments(k, kMomentChunk);
  for (auto _ : state)
    benchmark::DoNotOptimize(factorize(moments, 0.05, ColumnOrder::Activation, defaultThreads()));
  setFlops(state, double(k) * double(k) * double(k) / 3);
}
BENCHMARK(factorization)->Name("step/cholesky_f64")->Arg(256)->Arg(1024)->Arg(4096)->Arg(14336)->Apply(asStep);

/// Everything a step needs for `rows` rows of k.
struct Layer {
  Layer(int64_t rows, int64_t k)
      : rows(rows), k(k), moments(randomMoments(k, kMomentChunk)), w(randomWeight(rows, k)),
        factor(std::move(*factorize(moments, 0.05, ColumnOrder::Activation, threads))) {}

  CodedMatrix scales() const {
    return searchScales(w, rows, k, CodeFormat::intGroup(4, 128), {}, {ScaleRule::MinMax}, threads);
  }

  unsigned threads = defaultThreads();
  int64_t rows, k;
  Moments moments;
  std::vector<float> w;
  Factor factor;
};

void correction(benchmark::State &state) {
  Layer layer(state.range(0), state.range(1));
  for (auto _ : state) {
    std::vector<float> product = crossProduct(layer.w, layer.rows, layer.moments, layer.threads);
    benchmark::DoNotOptimize(correct(layer.w, product, layer.rows, layer.factor, 0.75, layer.threads));
  }
  setFlops(state, 4.0 * double(layer.rows) * double(layer.k) * double(layer.k));
}
BENCHMARK(correction)->Name("step/correction_f32_f64")->Args({768, 256})->Args({4096, 4096})->Apply(asStep);

void update(benchmark::State &state) {
  Layer layer(state.range(0), state.range(1));
  CodedMatrix coded = layer.scales();
  for (auto _ : state)
    benchmark::DoNotOptimize(feedback({layer.w, layer.rows, layer.k, {}}, layer.factor, 128, layer.threads, coded));
  setFlops(state, double(layer.rows) * double(layer.k) * double(layer.k));
}
BENCHMARK(update)
    ->Name("step/gptq_update_f64")
    ->Args({768, 256})
    ->Args({4096, 4096})
    ->Args({4096, 14336})
    ->Apply(asStep);

void descent(benchmark::State &state) {
  Layer layer(state.range(0), state.range(1));
  CodedMatrix coded = layer.scales();
  Target target{layer.w, layer.rows, layer.k, {}};
  feedback(target, layer.factor, 128, layer.threads, coded);
  for (auto _ : state)
    benchmark::DoNotOptimize(descend(target, layer.moments, layer.factor.dead, 1, layer.threads, coded));
  setFlops(state, 2.0 * double(layer.rows) * double(layer.k) * double(layer.k));
}
BENCHMARK(descent)
    ->Name("step/descent_pass_f32")
    ->Args({768, 256})
    ->Args({4096, 4096})
    ->Args({4096, 14336})
    ->Apply(asStep);

} // namespace
} // namespace qcc::bench
