//===- KernelDesc.cpp - Element types and dispatch over families ----------===//

#include "qcc/CodeGen/KernelDesc.h"

#include "Families.h"

namespace qcc::codegen {

unsigned sizeOf(ElemType type) {
  switch (type) {
  case ElemType::F32:
  case ElemType::I32:
    return 4;
  case ElemType::BF16:
    return 2;
  case ElemType::E4M3:
  case ElemType::S8:
    return 1;
  }
  return 0;
}

const char *nameOf(ElemType type) {
  switch (type) {
  case ElemType::F32:
    return "f32";
  case ElemType::BF16:
    return "bf16";
  case ElemType::E4M3:
    return "e4m3";
  case ElemType::I32:
    return "i32";
  case ElemType::S8:
    return "s8";
  }
  return "";
}

ElemType codeType(ActQuant quant) {
  switch (quant) {
  case ActQuant::None:
    return ElemType::BF16;
  case ActQuant::E4M3Token:
  case ActQuant::E4M3Group128:
  case ActQuant::E4M3Static:
    return ElemType::E4M3;
  case ActQuant::S8Token:
  case ActQuant::S8Static:
    return ElemType::S8;
  }
  return ElemType::BF16;
}

const char *nameOf(ActQuant quant) {
  switch (quant) {
  case ActQuant::None:
    return "none";
  case ActQuant::E4M3Token:
    return "e4m3_token";
  case ActQuant::E4M3Group128:
    return "e4m3_group128";
  case ActQuant::E4M3Static:
    return "e4m3_static";
  case ActQuant::S8Token:
    return "s8_token";
  case ActQuant::S8Static:
    return "s8_static";
  }
  return "";
}

int64_t pageHeadBytes(int64_t headDim, ElemType kv) {
  return kPageSize * (headDim * sizeOf(kv) + (kv == ElemType::S8 ? int64_t(sizeof(float)) : 0));
}

int64_t rowPitch(int64_t columns, ElemType type) {
  int64_t perLoad = 16 / sizeOf(type);
  return (columns + perLoad - 1) / perLoad * perLoad;
}

namespace {

struct FamilyName {
  const char *operator()(const GemmDesc &) const { return "gemm"; }
  const char *operator()(const AttentionDesc &) const { return "attention"; }
  const char *operator()(const NormalizeDesc &) const { return "normalize"; }
  const char *operator()(const RopeAppendDesc &) const { return "rope_append"; }
  const char *operator()(const PointwiseDesc &) const { return "pointwise"; }
  const char *operator()(const GatherDesc &) const { return "gather"; }
  const char *operator()(const ArgmaxDesc &) const { return "argmax"; }
};

} // namespace

const char *familyOf(const KernelDesc &desc) { return std::visit(FamilyName(), desc); }

std::string checkDesc(const KernelDesc &desc, int target) {
  if (target != 80 && target != 89 && target != 90)
    return "target sm_" + std::to_string(target) + ": kernels exist for sm_80, sm_89 and sm_90";
  return std::visit([&](const auto &each) { return checkFamily(each, target); }, desc);
}

} // namespace qcc::codegen
