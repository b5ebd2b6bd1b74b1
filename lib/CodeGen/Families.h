//===- Families.h - What each kernel family provides --------------*- C++ -*-===//
//
// checkDesc, chooseVariants and instantiate (KernelDesc.h, KernelInstance.h) dispatch to these, one set per family:
// check in Instantiate<Family>.cpp, choose in Heuristics/<Family>.cpp, instantiate in Instantiate<Family>.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_CODEGEN_FAMILIES_H
#define QCC_LIB_CODEGEN_FAMILIES_H

#include "qcc/CodeGen/KernelInstance.h"

namespace qcc::codegen {

std::string check(const GemmDesc &desc, int target);
std::string check(const AttentionDesc &desc, int target);
std::string check(const NormalizeDesc &desc, int target);
std::string check(const RopeAppendDesc &desc, int target);
std::string check(const PointwiseDesc &desc, int target);
std::string check(const GatherDesc &desc, int target);
std::string check(const ArgmaxDesc &desc, int target);

std::vector<KernelVariant> choose(const GemmDesc &desc, int target, Size rows);
std::vector<KernelVariant> choose(const AttentionDesc &desc, int target, Size rows);
std::vector<KernelVariant> choose(const NormalizeDesc &desc, int target, Size rows);
std::vector<KernelVariant> choose(const RopeAppendDesc &desc, int target, Size rows);
std::vector<KernelVariant> choose(const PointwiseDesc &desc, int target, Size rows);
std::vector<KernelVariant> choose(const GatherDesc &desc, int target, Size rows);
std::vector<KernelVariant> choose(const ArgmaxDesc &desc, int target, Size rows);

KernelInstance bind(const GemmDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance bind(const AttentionDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance bind(const NormalizeDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance bind(const RopeAppendDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance bind(const PointwiseDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance bind(const GatherDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance bind(const ArgmaxDesc &desc, const KernelConfig &config, Size rows, std::string &error);

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_FAMILIES_H
