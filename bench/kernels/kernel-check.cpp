//===- kernel-check.cpp - Checks and times kernels on a device ------------===//
//
//   kernel-check [--target N] [--filter WORD] check         every case against double precision; exit code 1 if one fails
//   kernel-check [--target N] [--filter WORD] [--small] time  one line of JSON per case
//
// The driver is the one QCC_LIBCUDA names, else libcuda.so.1.
//
//===----------------------------------------------------------------------===//

#include "GemmTime.h"
#include "KernelCase.h"

#include <cstdio>
#include <cstdlib>

using namespace qcc;
using namespace qcc::bench;
using namespace qcc::codegen;

namespace {

struct Options {
  int target = 0; ///< 0: the device's own
  std::string filter;
  bool small = false;
  std::string command;
};

bool parseOptions(int count, char **words, Options &options) {
  for (int i = 1; i < count; ++i) {
    std::string word = words[i];
    if (word == "--target" && i + 1 < count)
      options.target = std::atoi(words[++i]);
    else if (word == "--filter" && i + 1 < count)
      options.filter = words[++i];
    else if (word == "--small")
      options.small = true;
    else if (word == "check" || word == "time")
      options.command = word;
    else
      return false;
  }
  return !options.command.empty();
}

/// Counts and prints outcomes.
struct Report {
  int passed = 0, failed = 0;

  void add(const std::string &name, const std::string &reason, const CaseResult &result) {
    bool ok = result.failure.empty();
    ++(ok ? passed : failed);
    std::printf("%s %s: error %.3f of its bound (%s)%s%s\n", ok ? "pass" : "FAIL", name.c_str(), result.worst, reason.c_str(),
                ok ? "" : ": ", result.failure.c_str());
    std::fflush(stdout);
  }
};

int check(Device &device, const Options &options) {
  Report report;
  for (const GemmCase &gemm : gemmCases()) {
    std::string name = gemm.name();
    if (name.find(options.filter) == std::string::npos)
      continue;
    if (gemm.format == WeightFormat::E4M3 && options.target < 89)
      std::printf("skip %s: e4m3 products start at sm_89\n", name.c_str());
    else
      report.add(name, gemm.reason, checkGemm(device, gemm, options.target));
  }
  for (const KernelCase &each : familyCases())
    if (each.name.find(options.filter) != std::string::npos)
      report.add(each.name, each.reason, each.check(device, options.target));
  std::printf("%d passed, %d failed\n", report.passed, report.failed);
  return report.failed == 0 && report.passed > 0 ? 0 : 1;
}

/// Linear layers of models with 8 and 70 billion parameters.
std::vector<GemmCase> timedCases(bool small) {
  std::vector<std::pair<int64_t, int64_t>> layers = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}, {8192, 8192}};
  std::vector<int64_t> rows = {1, 8, 16, 32, 64, 128, 512, 2048, 8192};
  if (small) {
    layers = {{192, 128}};
    rows = {1, 33};
  }
  std::vector<GemmCase> cases;
  for (auto [format, group] : {std::pair{WeightFormat::BF16, 0}, {WeightFormat::E4M3, 0}, {WeightFormat::S4, 128}})
    for (auto [n, k] : layers)
      for (int64_t count : rows)
        cases.push_back({format, n, k, count, group});
  return cases;
}

int time(Device &device, const Options &options) {
  for (const GemmCase &gemm : timedCases(options.small)) {
    std::string name = gemm.name();
    if (name.find(options.filter) == std::string::npos || (gemm.format == WeightFormat::E4M3 && options.target < 89))
      continue;
    Expected<Timing> timing = timeGemm(device, gemm, options.target, options.small ? 1 : 20, options.small ? 0 : size_t(256) << 20);
    if (!timing) {
      std::fprintf(stderr, "kernel-check: %s: %s\n", name.c_str(), timing.error().message.c_str());
      return 1;
    }
    double seconds = timing->microseconds * 1e-6;
    std::printf("{\"case\": \"%s\", \"target\": %d, \"us\": %.3f, \"gb_per_s\": %.1f, \"tflop_per_s\": %.2f}\n", name.c_str(), options.target,
                timing->microseconds, timing->bytes / seconds * 1e-9, timing->flops / seconds * 1e-12);
    std::fflush(stdout);
  }
  return 0;
}

} // namespace

int main(int count, char **words) {
  Options options;
  if (!parseOptions(count, words, options)) {
    std::fprintf(stderr, "usage: kernel-check [--target N] [--filter WORD] check | [--small] time\n");
    return 2;
  }
  Expected<std::unique_ptr<Device>> device = Device::open();
  if (!device) {
    std::fprintf(stderr, "kernel-check: %s\n", device.error().message.c_str());
    return int(device.error().code);
  }
  if (options.target == 0)
    options.target = (*device)->capability();
  std::fprintf(stderr, "kernel-check: %s, compute capability %d, kernels for sm_%d\n", (*device)->name().c_str(), (*device)->capability(),
               options.target);
  return options.command == "check" ? check(**device, options) : time(**device, options);
}
