//===- Layers.cpp - Whole layers: time and peak memory --------------------===//
//
// Shapes: the largest of the small test model, and the four of one block of an 8B model (q and o, k and v stacked, gate
// or up, down). Moments are there when the clock starts.
//
//===----------------------------------------------------------------------===//

#include "RandomLayer.h"
#include "qcc/Quant/Gptq.h"
#include "qcc/Support/Parallel.h"

#include <fstream>
#include <string>

namespace qcc::bench {
namespace {

using namespace quant;

/// The kernel's record of this process's peak resident memory, in bytes.
double peakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kibibytes;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  return 0;
}
void forgetPeakMemory() { std::ofstream("/proc/self/clear_refs") << 5; }

template <typename Solve> void layer(benchmark::State &state, Solve solve) {
  int64_t rows = state.range(0), k = state.range(1);
  std::vector<float> w = randomWeight(rows, k);
  GptqOptions options;
  options.threads = defaultThreads();
  double escalations = 0;
  for (auto _ : state) {
    state.PauseTiming();
    Moments moments = randomMoments(k, kMomentChunk);
    forgetPeakMemory();
    state.ResumeTiming();
    Expected<GptqResult> result = solve(w, rows, std::move(moments), CodeFormat::intGroup(4, 128), options);
    if (!result) {
      state.SkipWithError(result.error().message.c_str());
      return;
    }
    escalations = result->report.escalations;
  }
  state.counters["peak bytes"] = peakMemory();
  state.counters["escalations"] = escalations;
}

void shapes(benchmark::internal::Benchmark *benchmark) {
  benchmark->Args({768, 256})->Args({4096, 4096})->Args({2048, 4096})->Args({14336, 4096})->Args({4096, 14336});
  benchmark->Unit(benchmark::kSecond)->UseRealTime()->MeasureProcessCPUTime()->Iterations(1);
}

void one(benchmark::State &state) {
  layer(state, [](auto &w, int64_t rows, Moments moments, const CodeFormat &format, const GptqOptions &options) {
    return gptq(w, rows, std::move(moments), format, options);
  });
}
BENCHMARK(one)->Name("layer/gptq_w4_g128")->Apply(shapes);

void searched(benchmark::State &state) {
  layer(state, [](auto &w, int64_t rows, Moments moments, const CodeFormat &format, const GptqOptions &options) {
    return searchGptq(w, rows, std::move(moments), format, options, {});
  });
}
BENCHMARK(searched)->Name("layer/search_gptq_w4_g128")->Apply(shapes);

} // namespace
} // namespace qcc::bench
