//===- SpecialRegisters.cpp - Names of special registers ------------------===//

#include "ir/SpecialRegisters.h"

using namespace qccsim;

bool qccsim::findSpecialRegister(std::string_view name, SpecialRegister &which, unsigned &bits) {
  using R = SpecialRegister;
  static constexpr struct {
    std::string_view name;
    R which;
    unsigned bits;
  } table[] = {
      {"%tid.x", R::TidX, 32},
      {"%tid.y", R::TidY, 32},
      {"%tid.z", R::TidZ, 32},
      {"%ntid.x", R::NtidX, 32},
      {"%ntid.y", R::NtidY, 32},
      {"%ntid.z", R::NtidZ, 32},
      {"%ctaid.x", R::CtaidX, 32},
      {"%ctaid.y", R::CtaidY, 32},
      {"%ctaid.z", R::CtaidZ, 32},
      {"%nctaid.x", R::NctaidX, 32},
      {"%nctaid.y", R::NctaidY, 32},
      {"%nctaid.z", R::NctaidZ, 32},
      {"%laneid", R::LaneId, 32},
      {"%warpid", R::WarpId, 32},
      {"%nwarpid", R::NwarpId, 32},
      {"%smid", R::SmId, 32},
      {"%nsmid", R::NsmId, 32},
      {"%gridid", R::GridId, 64},
      {"%lanemask_eq", R::LanemaskEq, 32},
      {"%lanemask_le", R::LanemaskLe, 32},
      {"%lanemask_lt", R::LanemaskLt, 32},
      {"%lanemask_ge", R::LanemaskGe, 32},
      {"%lanemask_gt", R::LanemaskGt, 32},
      {"%dynamic_smem_size", R::DynamicSmemSize, 32},
      {"%total_smem_size", R::TotalSmemSize, 32},
      {"%cluster_ctarank", R::ClusterCtaRank, 32},
      {"%cluster_nctarank", R::ClusterNctaRank, 32},
  };
  for (const auto &entry : table) {
    if (entry.name != name)
      continue;
    which = entry.which;
    bits = entry.bits;
    return true;
  }
  return false;
}
