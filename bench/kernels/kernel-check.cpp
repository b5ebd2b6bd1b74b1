//===- kernel-check.cpp - Checks every kernel on a device -----------------===//
//
//   kernel-check [--target N] [--filter WORD] [--every N [--offset I]]
//
// Every case against double precision: a line "pass NAME: …", "FAIL NAME: …" or "skip NAME: …" each. `--every N
// --offset I` takes the cases I, I + N, …: a sample, or one of N processes' share. Exit code 1 if a case fails or none
// ran.
//
// The driver is the one QCC_LIBCUDA names, else libcuda.so.1.
//
//===----------------------------------------------------------------------===//

#include "GemmCase.h"
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
  long every = 1, offset = 0;
};

bool parseOptions(int count, char **words, Options &options) {
  for (int i = 1; i < count; i += 2) {
    std::string word = words[i];
    if (i + 1 == count)
      return false;
    char *end = words[i + 1];
    if (word == "--filter") {
      options.filter = words[i + 1];
      continue;
    }
    long number = std::strtol(words[i + 1], &end, 10);
    if (end == words[i + 1] || *end || number < 0)
      return false;
    if (word == "--target")
      options.target = int(number);
    else if (word == "--every")
      options.every = number;
    else if (word == "--offset")
      options.offset = number;
    else
      return false;
  }
  return options.offset < options.every;
}

class Checker {
public:
  Checker(const Options &options) : options(options) {}

  /// `check` is called if the options select the case.
  template <typename F> void add(const std::string &name, const std::string &reason, F check) {
    if (name.find(options.filter) == std::string::npos || index++ % options.every != options.offset)
      return;
    CaseResult result = check();
    bool ok = result.failure.empty();
    ++(ok ? passed : failed);
    std::printf("%s %s: error %.3f of its bound (%s)%s%s\n", ok ? "pass" : "FAIL", name.c_str(), result.worst,
                reason.c_str(), ok ? "" : ": ", result.failure.c_str());
    std::fflush(stdout);
  }
  int finish() const {
    std::printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
  }

private:
  const Options &options;
  long index = 0;
  int passed = 0, failed = 0;
};

int check(Device &device, const Options &options) {
  Checker checker(options);
  for (const GemmCase &gemm : gemmCases()) {
    if (infoOf(gemm.format).x == ElemType::E4M3 && options.target < 89) {
      if (options.offset == 0)
        std::printf("skip %s: e4m3 products start at sm_89\n", gemm.name().c_str());
      continue;
    }
    checker.add(gemm.name(), gemm.reason, [&] { return checkGemm(device, gemm, options.target); });
  }
  for (const KernelCase &each : familyCases())
    checker.add(each.name, each.reason, [&] { return each.check(device, options.target); });
  return checker.finish();
}

} // namespace

int main(int count, char **words) {
  Options options;
  if (!parseOptions(count, words, options)) {
    std::fprintf(stderr, "usage: kernel-check [--target N] [--filter WORD] [--every N [--offset I]]\n");
    return 2;
  }
  Expected<std::unique_ptr<Device>> device = Device::open();
  if (!device) {
    std::fprintf(stderr, "kernel-check: %s\n", device.error().message.c_str());
    return int(device.error().code);
  }
  if (options.target == 0)
    options.target = (*device)->capability();
  std::fprintf(stderr, "kernel-check: %s, compute capability %d, kernels for sm_%d\n", (*device)->name().c_str(),
               (*device)->capability(), options.target);
  return check(**device, options);
}
