//===- KernelCase.cpp -----------------------------------------------------===//

#include "KernelCase.h"

namespace qcc::bench {

std::vector<KernelCase> familyCases() {
  std::vector<KernelCase> all;
  for (auto list : {attentionCases, gatherCases, argmaxCases, normalizeCases, pointwiseCases, ropeAppendCases})
    for (KernelCase &each : list())
      all.push_back(std::move(each));
  return all;
}

} // namespace qcc::bench
