//===- Families.h - What each kernel family provides --------------*- C++ -*-===//
//
// checkDesc, chooseVariants and instantiate (KernelDesc.h, KernelInstance.h) dispatch to these, one set per family:
// checkFamily and instantiateFamily in Instantiate<Family>.cpp, chooseFamily in Heuristics/<Family>.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef QCC_LIB_CODEGEN_FAMILIES_H
#define QCC_LIB_CODEGEN_FAMILIES_H

#include "qcc/CodeGen/KernelInstance.h"

namespace qcc::codegen {

std::string checkFamily(const GemmDesc &desc, int target);
std::string checkFamily(const AttentionDesc &desc, int target);
std::string checkFamily(const NormalizeDesc &desc, int target);
std::string checkFamily(const RopeAppendDesc &desc, int target);
std::string checkFamily(const PointwiseDesc &desc, int target);
std::string checkFamily(const GatherDesc &desc, int target);
std::string checkFamily(const ArgmaxDesc &desc, int target);

std::vector<KernelVariant> chooseFamily(const GemmDesc &desc, int target, Size rows);
std::vector<KernelVariant> chooseFamily(const AttentionDesc &desc, int target, Size rows);
std::vector<KernelVariant> chooseFamily(const NormalizeDesc &desc, int target, Size rows);
std::vector<KernelVariant> chooseFamily(const RopeAppendDesc &desc, int target, Size rows);
std::vector<KernelVariant> chooseFamily(const PointwiseDesc &desc, int target, Size rows);
std::vector<KernelVariant> chooseFamily(const GatherDesc &desc, int target, Size rows);
std::vector<KernelVariant> chooseFamily(const ArgmaxDesc &desc, int target, Size rows);

KernelInstance instantiateFamily(const GemmDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance instantiateFamily(const AttentionDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance instantiateFamily(const NormalizeDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance instantiateFamily(const RopeAppendDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance instantiateFamily(const PointwiseDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance instantiateFamily(const GatherDesc &desc, const KernelConfig &config, Size rows, std::string &error);
KernelInstance instantiateFamily(const ArgmaxDesc &desc, const KernelConfig &config, Size rows, std::string &error);

} // namespace qcc::codegen

#endif // QCC_LIB_CODEGEN_FAMILIES_H
