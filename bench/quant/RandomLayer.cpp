//===- RandomLayer.cpp ----------------------------------------------------===//

#include "RandomLayer.h"
#include "qcc/Support/Parallel.h"

#include <cstdio>
#include <cstdlib>

namespace qcc::bench {
namespace {

/// A sum of four uniform numbers: near enough to a Gaussian, and quick.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed * 0x9e3779b97f4a7c15u + 1) {}
  float next() {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    float sum = 0;
    for (int shift = 0; shift < 64; shift += 16)
      sum += float((state >> shift) & 0xffff);
    return (sum / 65536 - 2) * 1.732f;
  }

private:
  uint64_t state;
};

} // namespace

std::vector<float> randomWeight(int64_t rows, int64_t k) {
  Random random(1);
  std::vector<float> w(rows * k);
  for (float &value : w)
    value = 0.02f * random.next();
  return w;
}

std::vector<float> randomInputs(int64_t tokens, int64_t k, unsigned seed) {
  Random random(seed);
  std::vector<float> x(tokens * k);
  for (int64_t t = 0; t < tokens; ++t) {
    float previous = random.next();
    for (int64_t j = 0; j < k; ++j)
      x[t * k + j] = previous = 0.9f * previous + 0.44f * random.next();
  }
  return x;
}

quant::Moments randomMoments(int64_t k, int64_t tokens) {
  quant::MomentSum sum(k, true, defaultThreads());
  for (int64_t t = 0; t < tokens; t += quant::kMomentChunk) {
    std::vector<float> xq = randomInputs(quant::kMomentChunk, k, unsigned(t + 1)), xf = xq;
    for (size_t i = 0; i < xf.size(); i += 3)
      xf[i] *= 1.05f;
    sum.add(xq, xf, quant::kMomentChunk);
  }
  std::vector<float> held = randomInputs(256, k, unsigned(tokens + 1));
  sum.addHeldOut(held, held, 256);
  Expected<quant::Moments> moments = std::move(sum).finish();
  if (!moments) {
    std::fprintf(stderr, "%s\n", moments.error().message.c_str());
    std::exit(1);
  }
  return std::move(*moments);
}

void setFlops(benchmark::State &state, double flops) {
  state.counters["flop/s/core"] = benchmark::Counter(flops, benchmark::Counter::kIsIterationInvariantRate);
}

void asStep(benchmark::internal::Benchmark *benchmark) {
  benchmark->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
}

} // namespace qcc::bench
