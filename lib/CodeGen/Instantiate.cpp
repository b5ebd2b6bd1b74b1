//===- Instantiate.cpp - Dispatch over families ---------------------------===//

#include "qcc/CodeGen/KernelInstance.h"

#include "Families.h"

namespace qcc::codegen {

KernelInstance instantiate(const KernelDesc &desc, const KernelConfig &config, Size rows, std::string &error) {
  return std::visit([&](const auto &each) { return instantiateFamily(each, config, rows, error); }, desc);
}

std::vector<KernelVariant> chooseVariants(const KernelDesc &desc, int target, Size rows) {
  return std::visit([&](const auto &each) { return chooseFamily(each, target, rows); }, desc);
}

} // namespace qcc::codegen
