//===- Launcher.cpp -------------------------------------------------------===//

#include "Launcher.h"

#include <algorithm>

namespace qcc::bench {

using namespace codegen;

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
  if (Status status = runOnce(device, instance, target, data); !status)
    return status.error().message;
  return "";
}

} // namespace qcc::bench
