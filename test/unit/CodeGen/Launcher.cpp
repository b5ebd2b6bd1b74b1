//===- Launcher.cpp -------------------------------------------------------===//

#include "Launcher.h"

#include "Device.h"

#include <algorithm>
#include <cstdlib>

namespace qcc::test {
namespace {

using namespace codegen;

/// QCC_LIBCUDA chooses a real driver; otherwise the simulator of this build.
Expected<std::unique_ptr<bench::Device>> openDevice() {
  return bench::Device::open(std::getenv("QCC_LIBCUDA") ? "" : QCC_TEST_LIBCUDA);
}

} // namespace

std::string Launcher::run() {
  if (std::string wrong = checkDesc(desc, target); !wrong.empty())
    return wrong;
  for (const KernelVariant &variant : chooseVariants(desc, target, rows))
    if (std::all_of(variant.bounds.begin(), variant.bounds.end(), [&](const std::pair<Size, int64_t> &bound) {
          return data.sizes.count(bound.first) && data.sizes.at(bound.first) <= bound.second;
        }))
      return run(variant.config);
  return "no variant's bounds hold";
}

std::string Launcher::run(const KernelConfig &config) {
  std::string error;
  KernelInstance instance = instantiate(desc, config, rows, error);
  if (!error.empty())
    return error;
  static Expected<std::unique_ptr<bench::Device>> device = openDevice();
  if (!device)
    return device.error().message;
  if (Status status = bench::runOnce(**device, instance, target, data); !status)
    return status.error().message;
  return "";
}

} // namespace qcc::test
